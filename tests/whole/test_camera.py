"""A network behind its camera: the C takes the camera's own bytes, however they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.backends.camera_rows import as_asked
from mcucc.backends.host import run_host
from mcucc.backends.qemu import Qemu
from mcucc.boards.board import load_board
from mcucc.images.camera import CameraInput
from mcucc.images.camera_format import FORMATS, CameraFormat
from mcucc.images.front import fed, network_kernels, with_camera
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture
from mcucc.ir import Graph
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.front import SearchOptions
from mcucc.toolchain.host import build_shared
from tests.fronts import quick, searched
from tests.graphs import Builder
from tests.whole.library import Library, library

SIZE = (16, 13)  # of the network's picture
FRAME, CROP = (48, 40), (2, 4, 40, 34)  # of the camera: 5/2 and 34/13 pixels each way
FORMS = {
    ImagePolicy.RESIDENT: [form for form in FORMATS if form != "gray"],
    ImagePolicy.ROWS: ["rgb565", "uyvy", "bayer_bggr"],
    ImagePolicy.MAPPED: ["bgr888", "yuv422"],
}


def small_net() -> Graph:
    """Two convolutions and a classifier."""
    b = Builder(*SIZE, 3, seed=4)
    return b.graph(b.classifier(b.conv(b.conv("image", 8, 3, 2), 6), 5), name="small")


def made_for(
    form: str, folder: Path, board: str, image: ImagePolicy, *, fused: bool = False
) -> tuple[Library, Picture]:
    """The C of a network behind a camera of the format, and a frame of noise."""
    pre = Preprocess("rgb", SIZE, camera=CameraFormat(form, FRAME, CROP))
    assert pre.camera is not None
    graph = with_camera(small_net(), pre, folded=True)
    plan = None
    if fused:
        front = searched(lower(graph), SearchOptions(image=image, limits=quick()))
        plan = min(front.points, key=lambda point: point.bytes).program.plan
    camera = CameraInput.as_sent(pre.camera_shape[2], pre.camera.title)
    made = library(graph, load_board(board), folder, form, plan=plan, image=image, camera=camera)
    rng = np.random.default_rng(len(form))
    return made, Picture(rng.integers(0, 256, pre.camera_shape, np.uint8), pre)


def expected(made: Library, sample: Picture) -> bytes:
    """By NumPy, with the camera and without it."""
    values = made.integer.run(fed(made.integer, [sample]))
    alone = network_kernels(made.integer)
    behind = alone.run({alone.inputs[0]: sample.int8[0][None]})
    (output,) = made.integer.outputs
    np.testing.assert_array_equal(values[output], behind[output])
    return values[output].tobytes()


@pytest.mark.host
@pytest.mark.parametrize("image", ImagePolicy)
def test_every_format_gives_the_bytes_of_numpy(image: ImagePolicy, tmp_path: Path) -> None:
    made = [made_for(form, tmp_path / form, "rpi-pico", image) for form in FORMS[image]]
    kernels = {path.name: path for each, _ in made for path in each.kernels}  # one copy each
    shared = build_shared([each.unit for each, _ in made], [*kernels.values()], tmp_path / "host")
    for form, (each, sample) in zip(FORMS[image], made, strict=True):
        assert run_host(shared, form, [sample.raw]) == (expected(each, sample),), form
        header = (each.folder / f"{form}.h").read_text()
        a = each.integer.activations[each.integer.inputs[0]]
        assert f"48 x 40 pixels of {form}, as the camera sends them" in header
        assert f"{form.upper()}_FRAME_ROW_BYTES {a.row_bytes}\n" in header


@pytest.mark.host
@pytest.mark.parametrize(("form", "rows"), [("yuv422", 5), ("bayer_grbg", 2)])
def test_rows_go_through_a_ring(form: str, rows: int, tmp_path: Path) -> None:
    """Fused with what follows, of the frame there are the rows of a whole number of outputs: five
    for two of them; or those of a square, before pixels are averaged.
    """
    made, sample = made_for(form, tmp_path, "rpi-pico", ImagePolicy.ROWS, fused=True)
    kept = made.program.buffer_of(made.integer.inputs[0])
    assert kept.slots % rows == 0 and kept.slots < 40
    shared = build_shared([made.unit], made.kernels, tmp_path / "host")
    assert run_host(shared, form, [sample.raw]) == (expected(made, sample),)


def test_a_fraction_of_any_period_streams() -> None:
    """36 rows over 15 are 12 for 5: no tile of the menu makes five rows, so that one is added."""
    camera = CameraFormat("rgb565", FRAME, (0, 0, 36, 39))
    b = Builder(15, 13, 3, seed=4)
    graph = b.graph(b.classifier(b.conv("image", 8), 5), name="fifths")
    integer = lower(with_camera(graph, Preprocess("rgb", (15, 13), camera=camera), folded=True))
    front = searched(integer, SearchOptions(image=ImagePolicy.ROWS, limits=quick()))
    program = min(front.points, key=lambda point: point.bytes).program
    check(program)
    assert program.buffer_of("frame").slots <= 13  # of 48


@pytest.mark.emulated
@pytest.mark.parametrize(
    ("board", "form"),
    [
        ("rpi-pico", "rgb565be"),
        ("bluepill", "yuv422"),
        ("nucleo-l4r5zi", "rgb565"),
        ("corstone-300", "bayer_rggb"),
    ],
)
def test_cores_compute_the_bytes_of_numpy(board: str, form: str, tmp_path: Path) -> None:
    made, sample = made_for(form, tmp_path / "c", board, ImagePolicy.ROWS)
    handed = as_asked(made.program, sample.raw)
    result = Qemu().run(made.firmware(tmp_path / "elf"), [handed])
    assert result.outputs[0] == expected(made, sample)
