"""The arena as a comment of the generated C: what lies where, and when."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mcucc.base.names import comment
from mcucc.codegen.layout import COLUMNS
from mcucc.schedule.plan.buffers import Buffer
from mcucc.schedule.plan.program import Program


def arena_map(program: Program) -> Iterator[str]:
    """Its lines, by address: bytes, the stages at which they are in use, and what for."""
    stages = program.stages_in_use()
    lines = [("bytes", "stages", "")]
    for buffer in sorted(program.buffers.values(), key=lambda b: (b.offset, b.end, b.id.order)):
        lines.append(
            (f"{buffer.offset} .. {buffer.end}", _span(stages.get(buffer.id)), _what(buffer))
        )
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    room = COLUMNS - len(" * ") - sum(widths) - 4
    for place, when, what in lines:
        first, *others = textwrap.wrap(what, room, subsequent_indent="  ") or [""]
        yield f"{place:>{widths[0]}}  {when:>{widths[1]}}  {first}".rstrip()
        yield from (f"{' ' * (sum(widths) + 4)}{other}" for other in others)


def _span(stages: tuple[int, int] | None) -> str:
    if stages is None:
        return "-"
    first, last = stages
    return str(first) if first == last else f"{first} .. {last}"


def _what(buffer: Buffer) -> str:
    rows = f", {buffer.slots} rows of {buffer.pitch}" if buffer.slots > 1 else ""
    return f"{buffer.kind.value} of {comment(buffer.tensor)}{rows}"
