"""Quantized ONNX files with norms, attention, choices and tails in float, beside ONNX Runtime.

ONNX Runtime's quantizer leaves such operators in float between roundings: each is computed from
the integers before it, in the scale that it is rounded to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantFormat, QuantType

from mcucc.base.progress import silent
from mcucc.errors import UnsupportedError
from mcucc.evaluate.oracle_check import Agreement, agree
from mcucc.frontends.qdq.importer import import_quantized_onnx
from mcucc.images.samples import ArraySample, batch
from mcucc.numerics.fixed_point import INT8, INT16
from mcucc.oracles.onnx_runtime import OnnxOracle
from mcucc.quantize.lower import lower
from tests.frontends.onnx_nets import Net
from tests.frontends.quantizer import Form, pictures

SHAPE = (1, 3, 8, 8)
FORM = Form(QuantFormat.QDQ, QuantType.QInt8)
INT64 = onnx.TensorProto.INT64


def classified(net: Net, x: str, channels: int) -> str:
    pooled = net("Flatten", net("GlobalAveragePool", net.conv(x, channels, 6, 1)))
    return net("Gemm", pooled, net.weights(4, 6), net.weights(4), transB=1)


def of_picture(op: str, *shapes: tuple[int, ...]) -> Callable[[Net], str]:
    """The operator behind a convolution, a classifier behind it."""

    def build(net: Net) -> str:
        made = net(op, net.conv("image", 3, 8), *(net.weights(*shape) for shape in shapes))
        return classified(net, made, 8)

    return build


def of_tokens(op: str) -> Callable[[Net], str]:
    """The operator on 16 tokens of 8 channels, between projections."""

    def build(net: Net) -> str:
        x = net.conv("image", 3, 8, 2, strides=[2, 2], pads=[0] * 4)
        x = net("Transpose", net("Reshape", x, net.ints(1, 8, -1)), perm=[0, 2, 1])
        if op == "Attention":
            parts = [net("MatMul", x, net.weights(8, 8)) for _ in range(3)]
            x = net(op, *parts, q_num_heads=2, kv_num_heads=2)
        else:
            count = 2 if op == "LayerNormalization" else 1
            x = net(op, x, *(net.weights(8) for _ in range(count)))
        x = net("ReduceMean", net("MatMul", x, net.weights(8, 6)), net.ints(1), keepdims=0)
        return net("Gemm", x, net.weights(4, 6), net.weights(4), transB=1)

    return build


def chosen(net: Net) -> str:
    x = net.conv("image", 3, 8)
    x = net("Where", net("Greater", x, net.const(0.1)), x, net.const(0.0))
    return classified(net, x, 8)


def unit_length(net: Net) -> str:
    """As it is written out, in float: an embedding's end."""
    x = classified(net, net.conv("image", 3, 8), 8)
    return net("Div", x, net("ReduceL2", x, net.ints(1), keepdims=1))


def log_scores(net: Net) -> str:
    return net("LogSoftmax", classified(net, net.conv("image", 3, 8), 8))


def agreed(folder: Path, net: Net, output: str, element: int = 1) -> tuple[Agreement, OnnxOracle]:
    model = net.model(output)
    model.graph.output[0].type.tensor_type.elem_type = element
    onnx.save(model, str(folder / "net.onnx"))
    FORM.quantize(folder / "net.onnx", folder / "q.onnx", SHAPE)
    oracle = OnnxOracle.open(folder / "q.onnx", {})
    assert isinstance(oracle, OnnxOracle)
    graph = lower(oracle.imported.graph)
    samples = [ArraySample(oracle.imported.inputs, (p,)) for p in pictures(SHAPE, 4)]
    made = graph.run(batch(graph.inputs, samples))
    reference = {name: made[name] for name in graph.outputs}
    return agree(oracle, graph, samples, reference, silent), oracle


@pytest.mark.parametrize(
    ("build", "opset", "kind"),
    [
        (of_picture("InstanceNormalization", (8,), (8,)), 18, "GroupNorm"),
        (of_picture("Gelu"), 20, "Gelu"),
        (of_picture("Mish"), 18, "Mish"),
        (of_picture("PRelu", (8, 1, 1)), 18, "PRelu"),
        (of_tokens("LayerNormalization"), 18, "LayerNorm"),
        (of_tokens("RMSNormalization"), 23, "LayerNorm"),
        (of_tokens("Attention"), 23, "Attention"),
        (chosen, 18, "Function"),
        (unit_length, 18, "LayerNorm"),
        (log_scores, 18, "LogSoftmax"),
    ],
)
def test_operators_that_stay_in_float(
    build: Callable[[Net], str], opset: int, kind: str, tmp_path: Path
) -> None:
    """No layer differs by more than one rounding explains."""
    net = Net(SHAPE, opset)
    found, oracle = agreed(tmp_path, net, build(net))
    assert not found.divergences
    kinds = [node.op.kind for node in oracle.imported.graph.nodes]
    assert kinds.count(kind) == 1


@pytest.mark.parametrize(("entries", "element"), [(8, INT8), (300, INT16)])
def test_indices_of_a_quantized_map(entries: int, element: np.dtype, tmp_path: Path) -> None:
    """Exact where the scores are; the file's int64 is compared as it is counted."""
    net = Net(SHAPE, 18)
    index = net("ArgMax", net.conv("image", 3, entries, 1), axis=1, keepdims=0)
    found, oracle = agreed(tmp_path, net, index, INT64)
    assert not found.divergences
    graph = oracle.imported.graph
    assert graph.tensors[graph.outputs[0]].dtype == element
    assert found.outputs[graph.outputs[0]].max() < entries


def test_what_a_quantized_file_cannot_say_is_refused(tmp_path: Path) -> None:
    """Weights that the file does not quantize: a cubic resize has some of its own."""
    net = Net(SHAPE, 18)
    x = net("Resize", net.conv("image", 3, 8), "", net.const([1, 1, 2, 2]), mode="cubic")
    path = net.save(tmp_path, classified(net, x, 8))
    FORM.quantize(path, tmp_path / "q.onnx", SHAPE)
    with pytest.raises(UnsupportedError, match="mode 'cubic' between quantized values"):
        import_quantized_onnx(tmp_path / "q.onnx")
