"""`--image mapped`: the image lies elsewhere, whole, and is read but never written."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.front import SearchOptions
from mcucc.toolchain.host import build_shared
from tests.fronts import quick, searched
from tests.whole.library import library
from tests.whole.networks import NETWORKS

pytestmark = pytest.mark.host


@pytest.mark.parametrize("fused", [False, True], ids=["layers", "fused"])
def test_an_image_elsewhere_gives_the_bytes_of_numpy(fused: bool, tmp_path: Path) -> None:
    graph = NETWORKS["mobile"]()
    integer = lower(graph)
    plan = layers_plan(integer, ImagePolicy.MAPPED)
    if fused:
        front = searched(integer, SearchOptions(image=ImagePolicy.MAPPED, limits=quick()))
        plan = min(front.points, key=lambda point: point.bytes).program.plan
    assert plan.image is ImagePolicy.MAPPED
    made = library(graph, load_board("rpi-pico"), tmp_path, "mapped", plan=plan)
    shared = ctypes.CDLL(str(build_shared([made.unit], made.kernels, tmp_path / "host")))
    arena = (ctypes.c_uint64 * (made.program.arena_bytes // 8 + 1))()
    for picture in made.pictures(3):
        image = (ctypes.c_uint8 * len(picture)).from_buffer_copy(picture)
        shared.mapped_run_mapped(arena, image)
        assert bytes(image) == picture
        found = b""
        for name in made.integer.outputs:
            place = made.program.buffer_of(name)
            size = made.integer.activations[name].size
            found += bytes(arena)[place.offset : place.offset + size]
        assert (found,) == made.expected([picture])
