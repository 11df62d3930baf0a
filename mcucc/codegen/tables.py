"""Constant arrays of the generated C: weights, tables of cameras, rows of padding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mcucc.codegen.model_names import Names, c_int
from mcucc.images.camera import CameraInput
from mcucc.ir.kernel import ConstArray, KernelCall

C_TYPES = {
    np.dtype(np.int8): "int8_t",
    np.dtype(np.uint8): "uint8_t",
    np.dtype(np.uint16): "uint16_t",
    np.dtype(np.int16): "int16_t",
    np.dtype(np.int32): "int32_t",
    np.dtype(np.uint32): "uint32_t",
}


@dataclass(frozen=True)
class Table:
    """A constant array in C."""

    name: str
    c_type: str
    length: int
    align: int  # bytes; 0: what the type asks for
    lines: tuple[str, ...]
    note: str = ""


def constant_arrays(
    calls: Mapping[str, KernelCall], cameras: Mapping[str, CameraInput], names: Names
) -> tuple[Table, ...]:
    """What kernels, cameras and padding read, in the order in which it is printed."""
    arrays: dict[str, ConstArray] = {}
    for node, call in calls.items():
        for array in call.arrays:
            known = arrays.setdefault(names.table(node, array.name), array)
            assert np.array_equal(known.data, array.data)  # a clone's: see `Names.table`
    found = [_table(name, array) for name, array in arrays.items()]
    for tensor, camera in cameras.items():
        if not camera.is_offset:
            found.append(_table(names.camera_table(tensor), ConstArray("", camera.table)))
    padding = sorted(names.padding.items(), key=lambda item: (item[0][1].itemsize, item[0][0]))
    for (value, dtype), length in padding:
        row = np.full(length, value, dtype)
        found.append(_table(names.pad_row(value, dtype, length), ConstArray("", row)))
    return tuple(found)


def _table(name: str, array: ConstArray) -> Table:
    flat = array.data.reshape(-1)
    per_line = {1: 16 if array.bits < 8 else 20, 4: 8 if array.bits < 8 else 10}.get(
        flat.dtype.itemsize, 10
    )
    digits = 2 * flat.dtype.itemsize
    packed = array.bits < 8
    in_hex = packed and flat.dtype.kind == "u"
    values = [f"0x{int(v):0{digits}x}" if in_hex else c_int(int(v)) for v in flat]
    lines = tuple(
        ", ".join(values[i : i + per_line]) + "," for i in range(0, len(values), per_line)
    )
    align = array.align if array.align > flat.dtype.itemsize else 0
    note = f"Weights of {array.bits} bits, in the order its kernel's header says." if packed else ""
    return Table(name, C_TYPES[flat.dtype], len(values), align, lines, note)
