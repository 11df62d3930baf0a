"""A border with biases of its own as C: zones of the output, and the calls that make them."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.codegen.expression import fits_int16
from mcucc.codegen.model_names import Field, Names
from mcucc.errors import ModelError
from mcucc.ir.kernel import BorderCall


@dataclass(frozen=True)
class BorderCode:
    """What the template prints of a border: tables of zones, and parameters of their calls.

    `rows` and `columns` are names of tables, where the zones end, and `zones` of the table of who
    makes each; `params` is an array of `entries`.
    """

    rows: str
    row_edges: tuple[int, ...]
    columns: str
    column_edges: tuple[int, ...]
    zones: str
    numbers: tuple[tuple[int, ...], ...]
    function: str
    params: str
    params_type: str
    entries: tuple[tuple[Field, ...], ...]


def border_code(names: Names, node: str, border: BorderCall) -> BorderCode | None:
    """The code of a layer's border; None where all is inside.

    Raises ModelError where the tables of zones cannot count its rows or columns.
    """
    if not border.calls:
        return None
    if not all(fits_int16(edge) for edge in (*border.rows, *border.columns)):
        raise ModelError(
            f"{node} has {border.rows[-1]} x {border.columns[-1]} outputs and a border of its own, "
            "for which at most 32767 rows and columns are supported: cut the picture up"
        )
    rows, columns, zones, params = table_names(names, node)
    (key,) = {call.id for call in border.calls}
    return BorderCode(
        rows=rows,
        row_edges=border.rows[1:],
        columns=columns,
        column_edges=border.columns[1:],
        zones=zones,
        numbers=border.zones,
        function=key.function,
        params=params,
        params_type=key.params,
        entries=tuple(names.fields(node, call) for call in border.calls),
    )


def table_names(names: Names, node: str) -> tuple[str, str, str, str]:
    """Of the edges of rows and columns, of the zones, and of the calls' parameters."""
    rows, columns, zones, params = (
        names.of_node(node, "{}_" + what) for what in ("rows", "columns", "zones", "border_params")
    )
    return rows, columns, zones, params
