"""The facts of steps, and the SRAM of a program."""

from __future__ import annotations

from mcucc.ir.integer import IntegerNode
from mcucc.report.definitions import CAMERA_BUFFERS, HANDED_OUT, NOT_COUNTED, frame_bytes
from mcucc.report.facts import LayerFacts, SramFacts
from mcucc.report.rows import Pace
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Compute, Program, Stage


def layer_facts(program: Program, instructions: tuple[int, ...] | None) -> tuple[LayerFacts, ...]:
    """One entry a stage that does something; `instructions` are those of `program.steps`."""
    facts: list[LayerFacts] = []
    last = _last_of_chain(program)
    counts = dict(zip(dict.fromkeys(last.values()), instructions or (), strict=False))
    index = {number: i for i, number in enumerate(last)}
    numbered = enumerate(zip(program.stages, program.stage_bytes, strict=True))
    for number, (stage, needed) in numbered:
        if not stage.actions:
            continue
        facts.append(
            LayerFacts(
                name=stage.title,
                op="; ".join(node.describe() for node in _worked(stage)),
                output=program.graph.activations[stage.nodes[-1].output].shape,
                macs=stage.macs,
                weight_bytes=sum(
                    array.data.nbytes for node in _worked(stage) for array in node.tables
                ),
                live_bytes=needed,
                instructions=None if instructions is None else counts.get(number, 0),
                counted_with=index[last[number]],
            )
        )
    return tuple(facts)


def _last_of_chain(program: Program) -> dict[int, int]:
    """For every stage that does something, in order: the last such stage of its chain."""
    found: dict[int, int] = {}
    for chain in program.chains:
        acting = [number for number in chain.stages if program.stages[number].actions]
        found |= dict.fromkeys(acting, acting[-1] if acting else 0)
    return found


def _worked(stage: Stage) -> tuple[IntegerNode, ...]:
    """The nodes of a stage that have code."""
    worked = {action.node for action in stage.actions if isinstance(action, Compute)}
    return tuple(node for node in stage.nodes if node.name in worked)


def sram_facts(
    program: Program,
    *,
    arena: int,
    static: int,
    stack: int,
    stack_source: str,
    pace: Pace | None = None,
) -> SramFacts:
    """SRAM of a program in its linked image; `arena`, `static` and `stack` are measured bytes.

    `pace` is that of a sensor whose line buffers count.
    """
    kinds = program.bytes_by_kind()
    lines = 0 if pace is None else pace.bytes
    rows = program.plan.image is ImagePolicy.ROWS
    return SramFacts(
        total=arena + static + stack + lines,
        arena=arena,
        image=kinds[BufferKind.IMAGE],
        output=kinds[BufferKind.OUTPUT],
        scratch=kinds[BufferKind.SCRATCH],
        static=static,
        stack=stack,
        stack_source=stack_source,
        image_policy=program.plan.image,
        not_counted=(
            *(each for each in NOT_COUNTED if not (lines and each == CAMERA_BUFFERS)),
            *((HANDED_OUT,) if program.plan.row_outputs else ()),
            frame_bytes(len(program.graph.inputs) if rows else 0),
        ),
        line_buffers=lines,
        row_outputs=program.plan.row_outputs,
    )
