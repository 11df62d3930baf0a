"""The layer-by-layer program: lifetimes, storage shared in place, the peak named."""

import pytest
from tests.graphs import Builder, mobile_net

from mcucc.numerics import Rounding
from mcucc.ops.clip import Clip
from mcucc.quantize.lower import lower
from mcucc.schedule.layers import layer_program
from mcucc.schedule.program import Program, Role


def program_of(builder: Builder, *outputs: str) -> Program:
    return layer_program(lower(builder.graph(*outputs), Rounding.SINGLE))


def test_residual_add_writes_over_its_dying_input() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.conv(x, 4)
    program = program_of(b, b.add(x, y))
    assert program.buffer_of("add_2") in (program.buffer_of(x), program.buffer_of(y))


def test_input_read_again_later_is_not_overwritten() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.node(Clip(), x)
    program = program_of(b, b.add(b.conv(y, 4), x))
    assert program.buffer_of(x) is not program.buffer_of(y)


def test_output_that_is_read_on_keeps_its_bytes() -> None:
    b = Builder(6, 6, 4)
    x = b.conv("image", 4)
    y = b.node(Clip(), x)
    program = program_of(b, x, y)
    assert program.buffer_of(x) is not program.buffer_of(y)
    assert program.buffer_of(x).last == len(program.steps) - 1


def test_reshape_is_no_step_and_shares_its_input() -> None:
    program = layer_program(lower(mobile_net(), Rounding.SINGLE))
    reshape = next(n for n in program.graph.nodes if n.name.startswith("reshape"))
    assert reshape.name not in [step.node for step in program.steps]
    assert program.buffer_of(reshape.output) is program.buffer_of(reshape.inputs[0])


def test_peak_of_a_network_is_its_lower_bound() -> None:
    program = layer_program(lower(mobile_net(), Rounding.SINGLE))
    assert program.arena_bytes == program.lower_bound
    assert program.live_bytes(program.peak_step()) <= program.lower_bound
    assert program.bytes_by_role()[Role.IMAGE] == 17 * 13 * 3
    assert program.bytes_by_role()[Role.SCRATCH] == 4 * 12


@pytest.mark.parametrize("step", [0, 3])
def test_live_buffers_do_not_overlap(step: int) -> None:
    live = layer_program(lower(mobile_net(), Rounding.SINGLE)).live(step)
    for before, after in zip(live, live[1:], strict=False):
        assert before.end <= after.offset
