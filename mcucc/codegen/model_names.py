"""The names of one generated model: identifiers, padding rows, parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mcucc.base.names import identifier, identifiers, short_identifiers
from mcucc.ir.integer import Activation
from mcucc.ir.kernel import ConstArray, KernelCall
from mcucc.numerics.fixed_point import INT8
from mcucc.schedule.plan.buffers import Buffer, Part
from mcucc.schedule.plan.program import Program


@dataclass(frozen=True)
class Field:
    """One initialiser of a parameter struct."""

    name: str
    value: str


class Names:
    """The identifiers of one model, and the padding rows that its steps ask for."""

    def __init__(self, model: str, program: Program, taken: Iterable[str] = ()) -> None:
        graph = program.graph
        self.model = model
        self.nodes = short_identifiers(node.name for node in graph.nodes)
        self._originals = {node.name: node.again for node in graph.nodes if node.again}
        self.tensors = short_identifiers(graph.activations)
        self.ends = identifiers((*graph.inputs, *graph.outputs))
        self._symbols: dict[tuple[str | int, ...], str] = {}
        self._taken = self._public() | set(taken)
        self.padding: dict[tuple[int, np.dtype[Any]], int] = {}

    def _public(self) -> set[str]:
        """The functions and data of the header."""
        named = {f"{way}_{end}" for end in self.ends.values() for way in ("input", "output")}
        named |= {"run", "run_step", "run_slice", "run_mapped", "model"}
        named |= {"slice_rows", "slice_counts", "slices_of"}
        named |= {"state", "begin", "step", "push_row", "push_rows", "offer_rows", "abort"}
        named |= {"frame_slice", "frame_inputs", "frame_network"}
        return {f"{self.model}_{name}" for name in named}

    def symbol(self, wanted: str, *key: str | int) -> str:
        """The name at file scope of what `key` tells: as wanted, where nothing else has it.

        Names are put together from those of nodes and tensors: layers called `a` and `a_border`
        both want `a_border_params`, and a layer may be called as a type of the runtime is.
        """
        if key not in self._symbols:
            base = name = f"n_{wanted}" if wanted.startswith("mcucc_") else wanted
            number = 2
            while name in self._taken:
                name, number = f"{base}_{number}", number + 1
            self._taken.add(name)
            self._symbols[key] = name
        return self._symbols[key]

    def of_node(self, node: str, what: str) -> str:
        """What belongs to a node alone: its function, its parameters."""
        return self.symbol(what.format(self.nodes[node]), "node", what, node)

    def buffer(self, buffer: Buffer) -> str:
        """A buffer's constant: the tensor and what of it, conv_1_row_cache."""
        of = self.nodes if buffer.id.part is Part.SCRATCH else self.tensors
        wanted = identifier(f"{of[buffer.id.of]}_{buffer.kind.value}")
        return self.symbol(wanted, "buffer", buffer.id.of, buffer.id.part.value)

    def _own(self, what: str) -> str:
        """A name that the linker sees and the header does not. Names of models have no two
        underscores in a row: `face` with a layer box_conv and `face_box` with conv stay apart."""
        return f"{self.model}__{what}"

    def table(self, node: str, array: str) -> str:
        """A kernel's table; a clone reads those of its original."""
        node = self._originals.get(node, node)
        return self.symbol(self._own(f"{self.nodes[node]}_{array}"), "table", node, array)

    def fields(self, node: str, call: KernelCall, prefix: str = "") -> tuple[Field, ...]:
        """The initialisers of a call's parameter struct; `prefix` is that of its tables' names."""
        return tuple(Field(key, self._value(node, value, prefix)) for key, value in call.fields)

    def _value(self, node: str, value: int | ConstArray | None, prefix: str) -> str:
        if isinstance(value, ConstArray):
            return self.table(node, prefix + value.name)
        return "NULL" if value is None else c_int(value)

    def camera_table(self, tensor: str) -> str:
        """The table from camera bytes to int8."""
        return self.symbol(self._own(f"{self.tensors[tensor]}_camera"), "camera table", tensor)

    def pad_row(self, value: int, dtype: np.dtype[Any], length: int) -> str:
        """The padding row of this value of a type, long enough for `length` of them."""
        self.padding[value, dtype] = max(self.padding.get((value, dtype), 0), length)
        sign = "m" if value < 0 else ""
        wide = "" if dtype == INT8 else f"{dtype.name}_"
        wanted = self._own(f"padding_{wide}{sign}{abs(value)}")
        return self.symbol(wanted, "padding", wide, value)

    def pad_pointer(self, value: int, a: Activation) -> str:
        """A pointer to a padding row for `a`, in C."""
        row = self.pad_row(value, a.dtype, a.width * a.channels)
        return row if a.dtype == INT8 else f"(const int8_t *){row}"


def c_float(value: float) -> str:
    """A C constant of type float; nine digits tell every float32 from its neighbours."""
    if not np.isfinite(value):
        return "NAN" if np.isnan(value) else "INFINITY" if value > 0 else "-INFINITY"
    text = f"{np.float32(value):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def c_int(value: int) -> str:
    """A C constant: -2147483648 would be a minus applied to what no int holds."""
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)
