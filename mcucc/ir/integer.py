"""The integer network: what NumPy interprets, what C computes, byte for byte the same.

Every node is a Kernel: an op with all its integers (weights, folded biases, multipliers, shifts).
Every activation is int8 or int16 with shape (H, W, C); vectors are (1, 1, N).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, Kernel, KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.numerics.fixed_point import INT8, INT8_MAX, INT8_MIN, IntegerArray, Rounding


@dataclass(frozen=True)
class Activation:
    """A tensor of the running network: real = scale * (q - zero_point).

    `dtype` is int8 or int16, little endian in memory; its integers lie in `interval`.
    """

    name: str
    height: int
    width: int
    channels: int
    scale: float
    zero_point: int
    dtype: np.dtype[Any] = INT8
    interval: tuple[int, int] = (INT8_MIN, INT8_MAX)

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one pixel."""
        return self.channels * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.width * self.pixel_bytes

    @property
    def size(self) -> int:
        """Bytes of the whole tensor."""
        return self.height * self.row_bytes

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    def read(self, data: bytes, offset: int = 0) -> IntegerArray:
        """The tensor (H, W, C) whose bytes begin at `offset` of what the C computed."""
        count = self.height * self.width * self.channels
        stored = np.frombuffer(data, self.dtype.newbyteorder("<"), count, offset)
        return stored.astype(self.dtype).reshape(self.shape)

    def real(self, q: IntegerArray) -> npt.NDArray[np.float64]:
        """The real values of integers, in their shape."""
        return (q.astype(np.float64) - self.zero_point) * self.scale


@dataclass(frozen=True)
class KernelTarget:
    """What the variants of a graph are chosen for: whose instructions, and flash against speed.

    `optimize` is speed, balanced or size.
    """

    isa: InstructionSet
    optimize: str = "balanced"


@dataclass(frozen=True)
class IntegerNode:
    """One kernel applied to named activations, and the C variant chosen for it.

    The kernel says what is computed, the variant by which C. Without a variant it is the portable
    C of the kernel itself. With `again` it is a clone of the node of that name: it computes the
    same a second time, into a tensor of its own, from the same constants.
    """

    name: str
    kernel: Kernel
    inputs: tuple[str, ...]
    output: str
    variant: Variant | None = None
    again: str = ""

    def call(self) -> KernelCall:
        """The C call."""
        return self.kernel.call() if self.variant is None else self.variant.call

    @property
    def tables(self) -> tuple[ConstArray, ...]:
        """The constant tables of its own: a clone has those of its original."""
        return () if self.again else self.call().arrays

    @property
    def scratch_bytes(self) -> int:
        """Arena bytes during the call only: what the kernel or the variant needs."""
        scratch = self.kernel.scratch_bytes
        return scratch if self.variant is None else max(scratch, self.variant.call.scratch_bytes)

    def narrowed(self, columns: int, rows: int) -> IntegerNode:
        """The node for calls of at most so many columns, and rows where they are a block."""
        if self.variant is not None:
            return replace(self, variant=self.variant.narrowed(columns))
        return replace(self, kernel=self.kernel.narrowed(columns, rows))

    @property
    def variant_name(self) -> str:
        """Which C computes the node, for readers."""
        return self.kernel.variant_name if self.variant is None else self.variant.name

    def describe(self) -> str:
        """One line for comments and reports: op, attributes, and the variant if there is one."""
        variant = "" if self.variant is None else f" ({self.variant.name})"
        return f"{self.kernel.describe()}{variant}"


@dataclass(frozen=True, eq=False)
class IntegerGraph:
    """An integer network in topological order.

    `target` is what the variants of its nodes were chosen for, None before that.
    """

    name: str
    nodes: tuple[IntegerNode, ...]
    activations: Mapping[str, Activation]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rounding: Rounding
    target: KernelTarget | None = None

    def consumers(self, tensor: str) -> tuple[IntegerNode, ...]:
        """The nodes that read `tensor`, in order."""
        return tuple(node for node in self.nodes if tensor in node.inputs)

    def node(self, name: str) -> IntegerNode:
        """The node of this name."""
        return next(node for node in self.nodes if node.name == name)

    def macs_of(self, node: IntegerNode) -> int:
        """Multiply-accumulates of one node computed once over its whole output."""
        output, first = self.activations[node.output], self.activations[node.inputs[0]]
        return (
            node.kernel.macs_per_pixel * output.height * output.width
            + node.kernel.macs_per_input_pixel * first.height * first.width
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one layer-by-layer inference, which computes nothing twice."""
        return sum(self.macs_of(node) for node in self.nodes if not node.again)

    def run(self, inputs: Mapping[str, IntegerArray]) -> dict[str, IntegerArray]:
        """Interpret the network in NumPy.

        Inputs are (N, H, W, C) of their activation's type. Returns every activation by name,
        same leading N.
        """
        values = {name: inputs[name] for name in self.inputs}
        for node in self.nodes:
            values[node.output] = node.kernel.run([values[name] for name in node.inputs])
        return values
