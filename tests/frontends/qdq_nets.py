"""Small quantized ONNX networks, written node by node, and their comparison with ONNX Runtime."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.qdq.importer import import_quantized_onnx
from mcucc.oracles.exact_session import exact_session
from mcucc.quantize.lower import lower
from tests.frontends.onnx_nets import Net

TYPES = {np.float32: TensorProto.FLOAT, np.int8: TensorProto.INT8, np.uint8: TensorProto.UINT8}
Ends = tuple[str, ...]  # names of a scale and, where there is one, of a zero point


class QuantNet(Net):
    """Net with QuantizeLinear and DequantizeLinear; inputs and outputs of any type."""

    def __init__(
        self, shape: Sequence[int], opset: int = 17, seed: int = 0, dtype: Any = np.float32
    ) -> None:
        super().__init__(shape, opset, seed)
        self.inputs = [helper.make_tensor_value_info("image", TYPES[dtype], shape)]

    def ends(self, scale: Any, zero: Any = 0, dtype: Any = np.int8) -> Ends:
        """A scale and a zero point; None leaves the zero point out."""
        names = [self.const(scale)]
        return tuple(names if zero is None else [*names, self.const(zero, dtype)])

    def q(self, x: str, ends: Ends, **attributes: Any) -> str:
        return self("QuantizeLinear", x, *ends, **attributes)

    def dq(self, x: str, ends: Ends, **attributes: Any) -> str:
        return self("DequantizeLinear", x, *ends, **attributes)

    def pair(self, x: str, scale: float, zero: int = 0, dtype: Any = np.int8) -> str:
        ends = self.ends(scale, zero, dtype)
        return self.dq(self.q(x, ends), ends)

    def qweights(self, *shape: int, axis: int = 0, scale: Any = None) -> str:
        """int8 weights with a scale for each element of `axis`, dequantized."""
        if scale is None:
            scale = self.rng.uniform(0.002, 0.01, shape[axis])
        integers = self.const(self.rng.integers(-127, 128, shape), np.int8)
        return self.dq(integers, self.ends(scale, np.zeros(np.shape(scale))), axis=axis)

    def qconv(self, x: str, c_in: int, c_out: int, k: int = 1, **attributes: Any) -> str:
        """Conv of int8 weights with a float bias."""
        attributes.setdefault("pads", [k // 2] * 4)
        taps = self.qweights(c_out, c_in // attributes.get("group", 1), k, k)
        return self("Conv", x, taps, self.weights(c_out), **attributes)

    def qsave(self, folder: Path, *outputs: str, dtype: Any = np.float32) -> Path:
        model = self.model(*outputs)
        model.ir_version = 10
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        for value in model.graph.output:
            value.type.tensor_type.elem_type = TYPES[dtype]
        for node in model.graph.node:
            if node.op_type.startswith("QLinear") or node.op_type == "QGemm":
                own = node.op_type in ("QLinearConv", "QLinearMatMul")
                node.domain = "" if own else "com.microsoft"
        path = folder / "net.onnx"
        onnx.save(model, str(path))
        return path


def steps_off(path: Path, pictures: int = 4, reach: float = 3.0) -> np.ndarray:
    """All outputs against ONNX Runtime, as differences in steps of each output's scale."""
    imported = import_quantized_onnx(path)
    graph, session = lower(imported.graph), exact_session(onnx.load(path))
    rng = np.random.default_rng(11)
    found = []
    for _ in range(pictures):
        feeds, stored = {}, {}
        for end in imported.inputs:
            if end.dtype == np.float32:
                values = rng.uniform(-reach, reach, end.shape).astype(np.float32)
            else:
                limits = np.iinfo(end.dtype)
                values = rng.integers(limits.min, limits.max + 1, end.shape).astype(end.dtype)
            feeds[end.name] = values
            moved = end.to_integers(values.transpose(end.permutation))
            stored[end.tensor] = moved.reshape(1, *graph.activations[end.tensor].shape)
        ours = graph.run(stored)
        names = [value.name for value in session.get_outputs()]
        theirs = dict(zip(names, session.run(None, feeds), strict=True))
        for end in imported.outputs:
            step = end.quantization.per_tensor_scale if end.dtype == np.float32 else 1
            truth = theirs[end.name].astype(np.float64)
            assert truth.shape == end.shape
            mine = end.from_integers(ours[end.tensor]).astype(np.float64)
            found.append((mine.reshape(-1) - truth.transpose(end.permutation).reshape(-1)) / step)
    return np.concatenate(found).round(3)


def kinds(path: Path) -> list[str]:
    return [node.op.kind for node in imported(path).graph.nodes]


def imported(path: Path) -> ImportedModel:
    return import_quantized_onnx(path)
