"""`--outputs` of a .tflite: its bytes with other outputs and without the operators behind them.

Vectors are shortened where they lie; the new ends go behind the file. Tables stay where they
are, so that nothing has to be written anew.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import tflite

from mcucc.errors import ModelError
from mcucc.frontends.named_outputs import named_outputs
from mcucc.frontends.tflite.file import FileOperator, TfliteFile
from mcucc.frontends.tflite.read import BROKEN

# Where fields lie in the tables of the schema.
_INPUTS, _OUTPUTS, _OPERATORS = 6, 8, 10  # of SubGraph
_SIGNATURES = 18  # of Model
_UINT = struct.Struct("<I")


def cut_tflite(data: bytes, file: TfliteFile, wanted: Sequence[str]) -> bytes:
    """The file that computes the tensors `wanted` names; `file` is what `data` holds.

    Raises ModelError for names that no operator computes.
    """
    where = str(file.path)
    computed: dict[str, int] = {}
    for operator in file.operators:
        for index in operator.outputs:
            computed.setdefault(file.tensors[index].name, index)
    others = {t.name: "a constant" for t in file.tensors if t.data is not None}
    others |= {file.tensors[i].name: "an input" for i in file.inputs}
    outputs = [computed[name] for name in named_outputs(wanted, computed, others, where)]
    kept, read = _leading_to(file.operators, outputs)
    try:
        return _rewritten(data, outputs, kept, [i for i in file.inputs if i in read])
    except BROKEN as error:
        raise ModelError(f"the file cannot be cut ({error})", where=where) from error


def _leading_to(
    operators: Sequence[FileOperator], outputs: Sequence[int]
) -> tuple[list[int], set[int]]:
    """The operators that the tensors `outputs` depend on, and every tensor read."""
    wanted, kept = set(outputs), []
    for position in range(len(operators) - 1, -1, -1):
        if wanted.intersection(operators[position].outputs):
            kept.append(position)
            wanted.update(operators[position].inputs)
    return kept[::-1], wanted


def _rewritten(
    data: bytes, outputs: Sequence[int], operators: Sequence[int], inputs: Sequence[int]
) -> bytes:
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    made = bytearray(data)
    _keep_operators(made, graph._tab, operators)
    if model._tab.Offset(_SIGNATURES):  # they name the file's own ends
        _UINT.pack_into(made, _vector(model._tab, _SIGNATURES) - 4, 0)
    made.extend(bytes(-len(made) % 4))
    for field, indices in ((_INPUTS, inputs), (_OUTPUTS, outputs)):
        place = graph._tab.Pos + graph._tab.Offset(field)
        _UINT.pack_into(made, place, len(made) - place)
        made += struct.pack(f"<{len(indices) + 1}i", len(indices), *indices)
    return bytes(made)


def _vector(table: object, field: int) -> int:
    """Where the first element of a vector lies; its length is the four bytes before."""
    return int(table.Vector(table.Offset(field)))  # type: ignore[attr-defined]


def _keep_operators(made: bytearray, table: object, kept: Sequence[int]) -> None:
    """Shorten the vector of operators: offsets, each counted from where it lies."""
    start = _vector(table, _OPERATORS)
    targets = [start + 4 * i + _UINT.unpack_from(made, start + 4 * i)[0] for i in kept]
    for place, target in enumerate(targets):
        _UINT.pack_into(made, start + 4 * place, target - (start + 4 * place))
    _UINT.pack_into(made, start - 4, len(kept))
