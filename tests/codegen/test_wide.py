"""Tensors with more rows or columns than 16 bits count."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.write import write_library
from mcucc.errors import ModelError
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.toolchain.firmware import unit_of
from mcucc.toolchain.host import build_shared
from tests.graphs import Builder, same

LENGTH = 40_000


@pytest.mark.host
@pytest.mark.parametrize("tall", [False, True])
def test_steps_of_long_tensors_equal_numpy(tall: bool, tmp_path: Path) -> None:
    b = Builder(LENGTH, 1, 1) if tall else Builder(1, LENGTH, 1)
    graph = lower(b.graph(b.conv(b.conv("image", 1, 3), 1, 1, 2)))
    names = tuple(node.name for node in graph.nodes)
    stage = StagePlan(names, (7, 0) if tall else (1, 7))
    program = expand(graph, Plan("test", ImagePolicy.RESIDENT, (stage,)))
    code = model_code(program, {}, "net", Origin("a test", "0" * 64, "test"))
    sources = write_library(code, tmp_path)
    unit, kernels = unit_of(code.name, code.arena_bytes, tmp_path, sources)
    lib = ctypes.CDLL(str(build_shared([unit], kernels, tmp_path / "host")))
    shape = (1, LENGTH, 1, 1) if tall else (1, 1, LENGTH, 1)
    picture = np.random.default_rng(4).integers(-128, 128, shape).astype(np.int8)
    arena = bytearray(code.arena_bytes)
    at = code.inputs[0].offset
    arena[at : at + LENGTH] = picture.tobytes()
    run = (ctypes.c_char * len(arena)).from_buffer(arena)
    lib.net_run(run)
    (end,) = code.outputs
    expected = graph.run({"image": picture})[graph.outputs[0]].tobytes()
    assert bytes(arena[end.offset : end.offset + len(expected)]) == expected


def test_zones_of_a_border_that_no_table_counts_are_refused() -> None:
    b = Builder(1, LENGTH, 1)
    graph = lower(b.graph(b.bordered("image", DepthwiseConv2d(same(3)), (3, 3, 1))))
    with pytest.raises(ModelError, match="32767 rows and columns"):
        model_code(expand(graph, layers_plan(graph)), {}, "net", Origin("a", "0" * 64, "test"))
