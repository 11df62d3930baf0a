"""Mutations of a .tflite: fields of its tables through the schema, and words and bytes anywhere."""

from __future__ import annotations

from random import Random
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.fuzz.mutate_onnx import REALS

SIZES = (0, 1, 2, 3, 4, 5, 8, 16, 127, 128, 255, 1000, 2**16, 2**24, 2**31 - 1, -1, -2, -(2**31))
WORDS = (0, 1, 2, 4, 8, 255, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32 - 4)


def mutate_tflite(data: bytes, random: Random) -> bytes:
    """One to four changes of fields, or of raw words and bytes (offsets, lengths, vtables)."""
    if random.random() < 0.5:
        return _raw(data, random)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    try:
        for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
            _field(model, random)
        builder = flatbuffers.Builder(len(data) + 64)
        builder.Finish(model.Pack(builder), b"TFL3")
    # A change may take away what the next one is of; the schema's own writer refuses, in many
    # ways, what a field cannot hold.
    except Exception:
        return _raw(data, random)
    return bytes(builder.Output())


def _raw(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 4)):
        kind = random.random()
        if kind < 0.5:
            at = random.randrange(len(changed) // 4) * 4
            word = random.choice(WORDS)
            if random.random() < 0.4:
                old = int.from_bytes(changed[at : at + 4], "little")
                word = (old + random.choice((-8, -4, -1, 1, 4, 8, 64))) % 2**32
            changed[at : at + 4] = word.to_bytes(4, "little")
        elif kind < 0.95:
            changed[random.randrange(len(changed))] = random.choice((0, 1, 127, 255, 4, 8))
        else:
            del changed[random.randrange(8, len(changed)) :]
    return bytes(changed)


def _field(model: Any, random: Random) -> None:
    """One field of one of the tables below the model."""
    graph = model.subgraphs[0]
    tables: list[Any] = [model, graph, *model.operatorCodes]
    tables += [random.choice(graph.tensors), random.choice(graph.operators)]
    table = random.choice(tables)
    if table in graph.operators and table.builtinOptions is not None and random.random() < 0.5:
        table = table.builtinOptions
    elif table in graph.tensors and table.quantization is not None and random.random() < 0.5:
        table = table.quantization
    name = random.choice(sorted(vars(table)))
    setattr(table, name, _changed(getattr(table, name), random))


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((random.choice(SIZES), value + 1, value - 1))
    if isinstance(value, float):
        return random.choice(REALS)
    if isinstance(value, bytes | str):
        return random.choice((b"", b"\xff\xfe", b"x" * 100))
    if isinstance(value, list | np.ndarray):
        return _list(list(value), random)
    return None


def _list(values: list[Any], random: Random) -> list[Any]:
    kind = random.random()
    if not values or kind < 0.15:
        return [*values, random.choice(values or [0])]
    at = random.randrange(len(values))
    if kind < 0.3:
        del values[at]
    elif kind < 0.4:
        random.shuffle(values)
    else:
        values[at] = _changed(values[at], random)
    return values
