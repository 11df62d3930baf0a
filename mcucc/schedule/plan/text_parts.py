"""What texts of plans and programs are made of: ranges as formulas, orders, lines, tables."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from mcucc.schedule.plan.spans import Range, swept

WIDTH = 96  # columns: a comment of C around it keeps to 100
WIDEST = 28  # columns: longer names and ranges push the rest of their line, not the table
LONGEST_PERIOD = 12  # turns of a chain that are looked at as one pattern


def one_line(name: str) -> str:
    """A name without what would end a line or not show: names are whatever a file says."""
    return "".join(c if c.isprintable() else "?" for c in name)


def formula(rate: int, offset: int, variable: str) -> str:
    """rate * variable + offset: `8t-4`."""
    if not rate:
        return str(offset)
    factor = "" if rate == 1 else str(rate)
    return f"{factor}{variable}" + (f"{offset:+d}" if offset else "")


def ranges_text(ranges: Sequence[Range], variable: str, size: int) -> str:
    """A range a step: `8t-4 .. 8t+4`, `0 .. 7`, `3` (one position), `none`, or `all`.

    Where no one formula gives them: formulas for parts of the loop, or a list, the shorter one.
    """
    pieces = list(_pieces(ranges, variable, size))
    if len(pieces) == 1:
        return pieces[0][1]
    listed = ", ".join(_range(each, "..") for each in ranges)
    befores = [-1, *(last for last, _ in pieces)]
    said = [
        f"{text} {'at' if last == before + 1 else 'until'} {variable} = {last}"
        for before, (last, text) in zip(befores, pieces[:-1], strict=False)
    ]
    by_piece = ", ".join([*said, f"then {pieces[-1][1]}"])
    return by_piece if len(by_piece) < len(listed) + 4 else f"({listed})[{variable}]"


def _pieces(ranges: Sequence[Range], variable: str, size: int) -> Iterable[tuple[int, str]]:
    """The longest runs of steps that one text describes, each with its last step."""
    begin = 0
    while begin < len(ranges):
        low, high = begin + 1, len(ranges) + 1  # a shorter run has a text where a longer one has
        while high - low > 1:
            middle = (low + high) // 2
            found = _one_text(ranges, begin, middle, variable, size) is not None
            low, high = (middle, high) if found else (low, middle)
        text = _one_text(ranges, begin, low, variable, size)
        yield low - 1, text or _range(ranges[begin])
        begin = low


def _one_text(
    ranges: Sequence[Range], begin: int, end: int, variable: str, size: int
) -> str | None:
    """What describes steps [begin, end): a constant or a formula; None where neither does."""
    some = ranges[begin:end]
    if len(set(some)) == 1:
        return "all" if some[0] == (0, size) else _range(some[0])
    span = swept(some, size)
    if span is None:
        return None
    low = formula(span.rate, span.lo - span.rate * begin, variable)
    if span.length == 1:
        return low
    return f"{low} .. {formula(span.rate, span.hi - span.rate * begin, variable)}"


def _range(each: Range, to: str = " .. ") -> str:
    begin, end = each
    if end - begin == 1:
        return str(begin)
    return f"{begin}{to}{end}" if begin < end else "none"


def order_text(order: Sequence[int]) -> str:
    """Numbers in order, repetitions counted: `0 x3, (1 0) x8, 1`."""
    found = []
    at = 0
    while at < len(order):
        period, times = _repetition(order, at)
        text = " ".join(map(str, order[at : at + period]))
        text = f"({text})" if period > 1 else text
        found.append(f"{text} x{times}" if times > 1 else text)
        at += period * times
    return ", ".join(found)


def _repetition(order: Sequence[int], at: int) -> tuple[int, int]:
    """(period, times) of the pattern from `at` on that covers most of what follows."""
    best = 1, 1
    for period in range(1, LONGEST_PERIOD + 1):
        pattern, times = order[at : at + period], 1
        while order[at + period * times : at + period * (times + 1)] == pattern:
            times += 1
        if times > 1 and period * times > best[0] * best[1]:
            best = period, times
    return best


def wrapped(head: str, text: str, indent: str = "      ", *, keep: bool = False) -> list[str]:
    """Lines of at most WIDTH columns, if no word is longer; `keep` leaves what fits as it is."""
    if keep and len(text) <= WIDTH:
        return [text]
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[Sequence[str]], indent: str, numbers: int = 0) -> list[str]:
    """Cells in columns, the first `numbers` of them to the right; long lines go on below."""
    count = max((len(row) for row in rows), default=0)
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    used = [i for i in range(count) if any(row[i] for row in full)]
    widths = [max((len(row[i]) for row in full if len(row[i]) <= WIDEST), default=0) for i in used]
    lines: list[str] = []
    for row in full:
        padded = [
            row[i].rjust(width) if i < numbers else row[i].ljust(width)
            for i, width in zip(used, widths, strict=True)
        ]
        line = indent + padded[0]
        for cell in padded[1:]:
            if len(line) + 2 + len(cell.rstrip()) > WIDTH:
                lines += wrapped("", line.rstrip(), f"{indent}        ", keep=True)
                line = f"{indent}      {cell.rstrip()}"
            else:
                line += f"  {cell}"
        lines += wrapped("", line.rstrip(), f"{indent}        ", keep=True)
    return lines
