"""`--outputs` of a .tflite: its bytes with other outputs and without the operators behind them.

Vectors are shortened where they lie; the new ends go behind the file. Tables stay where they
are, so that nothing has to be written anew.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import tflite

from mcucc.errors import ModelError
from mcucc.frontends.named_outputs import check_inner, named_outputs
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
    computed, others = _computed(file)
    names = named_outputs(wanted, computed, others, str(file.path))
    return _ending(data, file, [computed[name] for name in names])


def inner_tflite(data: bytes, file: TfliteFile, keys: Mapping[str, str]) -> bytes:
    """The file that ends at these tensors, too, where they lie inside it; else `data` itself.

    Other outputs stay, but for those that follow from a tensor inside it and are not named.
    `keys` says what names a tensor. Raises ModelError.
    """
    outputs = {file.tensors[index].name for index in file.outputs}
    named = set(keys)
    keys = {name: key for name, key in keys.items() if name not in outputs}
    if not keys:
        return data
    computed, others = _computed(file)
    check_inner(keys, computed, others, str(file.path))
    inner = [computed[name] for name in keys]
    behind = set(inner)
    for operator in file.operators:
        if operator.kind != "SHAPE" and behind.intersection(operator.inputs):  # a shape is constant
            behind.update(operator.outputs)
    stay = [i for i in file.outputs if i not in behind or file.tensors[i].name in named]
    return _ending(data, file, list(dict.fromkeys((*stay, *inner))))


def _computed(file: TfliteFile) -> tuple[dict[str, int], dict[str, str]]:
    """The tensors that operators make, by name, and what the others are."""
    computed: dict[str, int] = {}
    for operator in file.operators:
        for index in operator.outputs:
            computed.setdefault(file.tensors[index].name, index)
    others = {t.name: "a constant" for t in file.tensors if t.data is not None}
    others |= {file.tensors[i].name: "an input" for i in file.inputs}
    return computed, others


def _ending(data: bytes, file: TfliteFile, outputs: Sequence[int]) -> bytes:
    where = str(file.path)
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
