"""Quantized constants of an ONNX file: their real values, and what moving operators make of them.

Every element carries its own scale and zero point (broadcast, so that this costs no memory): an
operator that moves elements moves all three alike, whatever axis the scales lay along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from mcucc.frontends.onnx.bounds import Folding
from mcucc.frontends.onnx.constants import fold
from mcucc.frontends.onnx.context import Constant
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.unsupported import UnsupportedNode

# Operators that move elements of a constant: integers and their scales go the same way.
FOLLOWED = frozenset(
    {
        "Concat",
        "Expand",
        "Flatten",
        "Gather",
        "Identity",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)


@dataclass(frozen=True, eq=False)
class IntConstant:
    """A quantized constant: real = scale * (integers - zero_point), all of one shape."""

    integers: Constant
    scale: Constant
    zero_point: Constant

    @staticmethod
    def of_blocks(
        integers: Constant, scale: Constant, zero: Constant, axis: int, size: int
    ) -> IntConstant:
        """From a scale and zero point for every `size` elements along `axis`."""
        if scale.ndim != integers.ndim or zero.shape not in ((), scale.shape):
            raise UnsupportedNode(f"scales of shape {list(scale.shape)} for blocks of {size}")
        expected = list(integers.shape)
        expected[axis] = -(-expected[axis] // size)
        if list(scale.shape) != expected:
            raise UnsupportedNode(
                f"scales of shape {list(scale.shape)} for blocks of {size} in a constant of shape "
                f"{list(integers.shape)}"
            )
        # Before anything is repeated: a block may be said to be longer than its axis.
        block = np.arange(integers.shape[axis]) // size

        def spread(values: Constant) -> Constant:
            if not values.ndim:
                return np.broadcast_to(values, integers.shape)
            return np.take(values, block, axis=axis)

        return IntConstant(integers, spread(scale.astype(np.float32)), spread(zero))

    @staticmethod
    def of(integers: Constant, scale: Constant, zero: Constant, axis: int) -> IntConstant:
        """From one scale and zero point, or one for each element of `axis`."""
        length = integers.shape[axis] if integers.ndim else 1
        counts = scale.size, zero.size
        if max(scale.ndim, zero.ndim) > 1 and max(counts) > 1 and max(scale.shape) != scale.size:
            raise UnsupportedNode(
                f"scales of shape {list(scale.shape)}: one for every block of a constant",
                "quantize per tensor or per channel",
            )
        if counts[0] not in (1, length) or counts[1] not in (1, counts[0]):
            raise UnsupportedNode(
                f"{counts[0]} scales and {counts[1]} zero points for a constant of shape "
                f"{list(integers.shape)}"
            )
        along = [1] * integers.ndim
        if integers.ndim:
            along[axis] = -1

        def spread(values: Constant) -> Constant:
            shaped = values.reshape(along) if values.size > 1 else values.reshape(())
            return np.broadcast_to(shaped, integers.shape)

        return IntConstant(integers, spread(scale.astype(np.float32)), spread(zero))

    @property
    def centred(self) -> npt.NDArray[np.int64]:
        """The integers less their zero points."""
        return np.asarray(self.integers.astype(np.int64) - self.zero_point.astype(np.int64))

    @property
    def real(self) -> Constant:
        """The float32 values ONNX Runtime computes."""
        return np.asarray(self.centred.astype(np.float32) * self.scale, dtype=np.float32)

    def channel_scales(self, axis: int) -> npt.NDArray[np.float64]:
        """One scale for all, or one for each element of `axis`: the least of its own.

        Blocks of a channel may have scales of their own that are multiples of it. UnsupportedNode
        for any others.
        """
        rows = np.moveaxis(self.scale, axis, 0).reshape(self.scale.shape[axis], -1)
        rows = rows.astype(np.float64)
        scales: npt.NDArray[np.float64] = rows.min(axis=1, initial=np.inf)
        with np.errstate(all="ignore"):
            ratios = rows / scales[:, None]
        if not rows.size or not ((rows == scales[:, None]) | (ratios == np.rint(ratios))).all():
            raise UnsupportedNode(
                "its weights have several scales within one output channel",
                "quantize them per tensor, or per output channel",
            )
        return scales[:1] if (scales == scales[0]).all() else scales


def follow(
    node: OnnxNode,
    known: Mapping[str, Constant],
    constants: Mapping[str, IntConstant],
    folding: Folding,
) -> dict[str, IntConstant]:
    """The outputs of an operator of FOLLOWED on quantized constants, by name."""
    parts: list[dict[str, Constant]] = []
    for part in ("integers", "scale", "zero_point"):
        inputs = {
            n: getattr(constants[n], part) if n in constants else known[n]
            for n in node.proto.input
            if n
        }
        arrays: list[Any] = [inputs[n] for n in node.proto.input if n in constants]
        if len(arrays) == 1 and parts and (arrays[0] == arrays[0].flat[0]).all():
            value = arrays[0].flat[0]
            parts.append({n: np.broadcast_to(value, a.shape) for n, a in parts[0].items()})
        else:
            parts.append(fold(node, inputs, folding))
    return {name: IntConstant(*(part[name] for part in parts)) for name in parts[0]}


def output_axis(proto: onnx.NodeProto) -> int:
    """The axis of a layer's weights, as the file stores them, that counts its outputs."""
    node = OnnxNode(proto, proto.name, 0)
    if proto.op_type == "Gemm":
        return 0 if node.integer("transB") else 1
    return {"Conv": 0, "ConvTranspose": 1, "MatMul": -1}[proto.op_type]
