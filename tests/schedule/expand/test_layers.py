"""The layer-by-layer program: lifetimes, storage shared in place, the peak named."""

import pytest

from mcucc.ir import Graph
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.clip import Clip
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan
from mcucc.schedule.plan.program import Program
from tests.graphs import Builder, mobile_net


def program_of(graph: Graph) -> Program:
    integer = lower(graph, Rounding.SINGLE)
    program = expand(integer, layers_plan(integer))
    check(program)
    return program


def test_residual_add_writes_over_its_dying_input() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.conv(x, 4)
    program = program_of(b.graph(b.add(x, y)))
    offsets = {program.buffer_of(x).offset, program.buffer_of(y).offset}
    assert program.buffer_of("add_2").offset in offsets


def test_input_read_again_later_is_not_overwritten() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.node(Clip(), x)
    program = program_of(b.graph(b.add(b.conv(y, 4), x)))
    assert program.buffer_of(x).offset != program.buffer_of(y).offset


def test_output_that_is_read_on_keeps_its_bytes() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.node(Clip(), x)
    program = program_of(b.graph(x, y))
    assert program.buffer_of(x).offset != program.buffer_of(y).offset
    assert program.buffer_of(x).id in {
        buffer.id for buffer in program.live(len(program.stages) - 1)
    }


def test_reshape_is_no_step_and_shares_its_input() -> None:
    program = program_of(mobile_net())
    reshape = next(n for n in program.graph.nodes if n.name.startswith("reshape"))
    assert reshape.name not in [node.name for step in program.steps for node in step.nodes]
    a, b = program.buffer_of(reshape.output), program.buffer_of(reshape.inputs[0])
    assert a.offset == b.offset


def test_peak_of_a_network_is_its_lower_bound() -> None:
    program = program_of(mobile_net())
    assert program.arena_bytes == program.lower_bound
    assert program.stage_bytes[program.peak_stage] == program.lower_bound
    assert program.macs == program.graph.macs
    assert program.factor == 1.0
    assert program.bytes_by_kind()[BufferKind.IMAGE] == 17 * 13 * 3
    assert program.bytes_by_kind()[BufferKind.SCRATCH] == 4 * 12


@pytest.mark.parametrize("image", [ImagePolicy.RESIDENT, ImagePolicy.ROWS])
def test_plans_survive_a_file(image: ImagePolicy) -> None:
    plan = layers_plan(lower(mobile_net(), Rounding.SINGLE), image)
    assert Plan.from_json(plan.to_json()) == plan
