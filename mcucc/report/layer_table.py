"""A table of layers in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

LEAST_OP = 16  # columns that an op needs to be shown


def layer_table(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Table:
    """A table of `width` columns: figures whole, names cut, ops where there is room for them.

    The second column is the layer's name, the third its op.
    """
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    figures = [i for i in range(len(heads)) if i not in (1, 2)]
    room = width - sum(widths[i] + 2 for i in figures)
    with_op = room - widths[1] - 2 >= LEAST_OP
    widths[1] = min(widths[1], max(room, 8))
    widths[2] = min(widths[2], room - widths[1] - 2)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    shown = [i for i in range(len(heads)) if i != 2 or with_op]
    for i in shown:
        table.add_column(
            heads[i],
            justify="right" if i in figures else "left",
            style="dim" if i == 2 else "",
            width=widths[i],
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(row[i]) for i in shown))
    return table
