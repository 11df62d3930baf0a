"""Quantized ONNX as ONNX Runtime's quantizer and torch's exporter write it, against the former."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from mcucc.errors import UnsupportedError
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.qdq.importer import import_quantized_onnx
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import NO_CLAMP
from mcucc.ops.average_pool import AveragePoolKernel
from mcucc.oracles.exact_session import exact_session
from mcucc.quantize.lower import lower
from tests.frontends.onnx_nets import Net

SHAPE = (1, 3, 12, 12)
EVERY_FORM = [
    (form, kind, per_channel)
    for form in (QuantFormat.QDQ, QuantFormat.QOperator)
    for kind in (QuantType.QInt8, QuantType.QUInt8)
    for per_channel in (False, True)
]


def float_network(path: Path, seed: int = 0) -> None:
    """Conv, Relu, depthwise with Clip, residual Add, pools, Concat, Flatten, Gemm, Softmax."""
    rng = np.random.default_rng(seed)
    constants: list[onnx.TensorProto] = []

    def constant(name: str, *shape: int, scale: float = 0.3) -> str:
        data = (rng.normal(size=shape) * scale).astype(np.float32)
        constants.append(numpy_helper.from_array(data, name))
        return name

    for name, value in (("zero", 0.0), ("six", 6.0)):
        constants.append(numpy_helper.from_array(np.array(value, np.float32), name))
    nodes = [
        helper.make_node(
            "Conv",
            ["image", constant("w0", 8, 3, 3, 3), constant("b0", 8)],
            ["c0"],
            pads=[1, 1, 1, 1],
        ),
        helper.make_node("Relu", ["c0"], ["r0"]),
        helper.make_node(
            "Conv",
            ["r0", constant("w1", 8, 1, 3, 3), constant("b1", 8)],
            ["c1"],
            pads=[1, 1, 1, 1],
            group=8,
        ),
        helper.make_node("Clip", ["c1", "zero", "six"], ["r1"]),
        helper.make_node("Conv", ["r1", constant("w2", 8, 8, 1, 1), constant("b2", 8)], ["c2"]),
        helper.make_node("Add", ["c2", "r0"], ["a0"]),
        helper.make_node("MaxPool", ["a0"], ["m0"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("AveragePool", ["a0"], ["v0"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["m0", "v0"], ["k0"], axis=1),
        helper.make_node("GlobalAveragePool", ["k0"], ["g0"]),
        helper.make_node("Flatten", ["g0"], ["f0"]),
        helper.make_node(
            "Gemm", ["f0", constant("w3", 5, 16), constant("b3", 5)], ["scores"], transB=1
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, 5))],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


class Calibration(CalibrationDataReader):
    """Random pictures."""

    def __init__(self) -> None:
        self.left: Iterator[np.ndarray] = pictures(8, seed=3)

    def get_next(self) -> dict[str, np.ndarray] | None:
        picture = next(self.left, None)
        return None if picture is None else {"image": picture}


def pictures(count: int, seed: int = 5) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield rng.uniform(-1, 1, SHAPE).astype(np.float32)


@pytest.fixture(scope="module")
def float_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("float") / "small.onnx"
    float_network(path)
    return path


def quantized(
    float_file: Path, folder: Path, form: QuantFormat, kind: QuantType, per_channel: bool
) -> Path:
    path = folder / "quantized.onnx"
    quantize_static(
        float_file,
        path,
        Calibration(),
        quant_format=form,
        activation_type=kind,
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
    )
    return path


class Compared:
    """ONNX Runtime with every 8-bit value kept, and our kernels on its values."""

    def __init__(self, path: Path) -> None:
        self.imported: ImportedModel = import_quantized_onnx(path)
        self.graph = lower(self.imported.graph)
        model = onnx.load(path)
        kept = {value.name for value in model.graph.output}
        for source in self.imported.sources.values():
            if source.name not in kept:
                model.graph.output.append(onnx.ValueInfoProto(name=source.name))
                kept.add(source.name)
        self.session = exact_session(model)

    def run(self, picture: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Our values and those of ONNX Runtime, by tensor of the graph."""
        (end,) = self.imported.inputs
        names = [value.name for value in self.session.get_outputs()]
        values = dict(zip(names, self.session.run(None, {end.name: picture}), strict=True))
        theirs = {}
        for name, source in self.imported.sources.items():
            value = values[source.name].astype(np.int16)
            value -= 128 * (values[source.name].dtype == np.uint8)
            moved = value.transpose(source.permutation).reshape(
                1, *self.graph.activations[name].shape
            )
            theirs[name] = moved.astype(np.int8)
        return self.ours(picture), theirs

    def ours(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Our values alone."""
        (end,) = self.imported.inputs
        feed = end.to_integers(picture.transpose(end.permutation))
        return self.graph.run({end.tensor: feed.reshape(1, *hwc(feed.shape))})

    def differences(self, picture: np.ndarray) -> tuple[int, int, int]:
        """Largest difference of a kernel on ONNX Runtime's own inputs; how many; of how many.

        A mean of four integers is a tie in one of four cases, and ONNX Runtime rounds ties to even:
        the pools' differences of 1 are not counted.
        """
        _, theirs = self.run(picture)
        largest = count = total = 0
        for node in self.graph.nodes:
            if node.output in theirs and all(name in theirs for name in node.inputs):
                output = node.kernel.run([theirs[name] for name in node.inputs])
                off = np.abs(output.astype(int) - theirs[node.output])
                largest = max(largest, int(off.max()))
                if not isinstance(node.kernel, AveragePoolKernel):
                    count += int((off > 0).sum())
                total += off.size
        return largest, count, total


@pytest.mark.parametrize(("form", "kind", "per_channel"), EVERY_FORM)
def test_every_form_onnx_runtime_writes(
    float_file: Path, tmp_path: Path, form: QuantFormat, kind: QuantType, per_channel: bool
) -> None:
    """Operator by operator at most 1 off (a tie, or float32); outputs within 1; same top-1."""
    compared = Compared(quantized(float_file, tmp_path, form, kind, per_channel))
    found = np.array([compared.differences(picture) for picture in pictures(10)])
    assert found[:, 0].max() <= 1
    assert found[:, 2].min() > 5000
    assert found[:, 1].sum() < found[:, 2].sum() / 1000
    (end,) = compared.imported.outputs
    plain = exact_session(onnx.load(tmp_path / "quantized.onnx"))
    for picture in pictures(20):
        ours = compared.ours(picture)
        theirs = plain.run(None, {"image": picture})[0].reshape(-1)
        scores = end.from_integers(ours[end.tensor]).reshape(-1)
        steps = np.rint((scores - theirs) / end.quantization.per_tensor_scale)
        assert np.abs(steps).max() <= 1
        assert scores[theirs.argmax()] == scores.max()


def test_activations_are_absorbed(float_file: Path, tmp_path: Path) -> None:
    """No Clip node is left: the scale or a fused clamp does its work."""
    path = quantized(float_file, tmp_path, QuantFormat.QDQ, QuantType.QInt8, True)
    graph = import_quantized_onnx(path).graph
    assert "Clip" not in {node.op.kind for node in graph.nodes}


def test_ends_are_those_of_the_file(float_file: Path, tmp_path: Path) -> None:
    path = quantized(float_file, tmp_path, QuantFormat.QDQ, QuantType.QUInt8, False)
    imported = import_quantized_onnx(path)
    (image,), (scores,) = imported.inputs, imported.outputs
    assert (image.name, image.shape, image.permutation) == ("image", SHAPE, (0, 2, 3, 1))
    assert (scores.name, scores.shape, scores.dtype) == ("scores", (1, 5), np.float32)
    assert imported.graph.tensors[image.tensor].shape == (1, 12, 12, 3)


def clip_between_pairs(path: Path, bounds: tuple[float, float], output_scale: float) -> None:
    """conv, Q, DQ, Clip, Q, DQ with a float bias, as torch's pt2e export writes it."""
    rng = np.random.default_rng(1)
    arrays = {
        "w": rng.integers(-127, 128, (4, 3, 1, 1)).astype(np.int8),
        "ws": rng.uniform(0.001, 0.01, 4).astype(np.float32),
        "wz": np.zeros(4, np.int8),
        "b": rng.normal(size=4).astype(np.float32),
        "s": np.array(0.02, np.float32),
        "t": np.array(output_scale, np.float32),
        "z": np.array(3, np.int8),
        "lo": np.array(bounds[0], np.float32),
        "hi": np.array(bounds[1], np.float32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q0"]),
        helper.make_node("DequantizeLinear", ["q0", "s", "z"], ["d0"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["dw"], axis=0),
        helper.make_node("Conv", ["d0", "dw", "b"], ["c"]),
        helper.make_node("QuantizeLinear", ["c", "s", "z"], ["q1"]),
        helper.make_node("DequantizeLinear", ["q1", "s", "z"], ["d1"]),
        helper.make_node("Clip", ["d1", "lo", "hi"], ["k"]),
        helper.make_node("QuantizeLinear", ["k", "t", "z"], ["q2"]),
        helper.make_node("DequantizeLinear", ["q2", "t", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "clip",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 6, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 6, 6))],
        [numpy_helper.from_array(a, n) for n, a in arrays.items()],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft.nchwc", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)


@pytest.mark.parametrize(("output_scale", "nodes"), [(0.02, 1), (0.011, 2)])
def test_clip_between_pairs(tmp_path: Path, output_scale: float, nodes: int) -> None:
    """Fused where both pairs have one scale; else a node of its own, rounded twice as there."""
    path = tmp_path / "clip.onnx"
    clip_between_pairs(path, (0.0, 1.0), output_scale)
    imported = import_quantized_onnx(path)
    assert len(imported.graph.nodes) == nodes
    if nodes == 1:
        assert getattr(imported.graph.nodes[0].op, "clamp", NO_CLAMP) != NO_CLAMP
    graph = lower(imported.graph)
    (x,), (y,) = imported.inputs, imported.outputs
    session = exact_session(onnx.load(path))
    rng = np.random.default_rng(2)
    for _ in range(10):
        real = rng.uniform(-2, 2, (1, 3, 6, 6)).astype(np.float32)
        ours = graph.run({x.tensor: x.to_integers(real.transpose(x.permutation))})[y.tensor]
        theirs = session.run(None, {"x": real})[0].transpose(y.permutation)
        steps = np.rint((y.from_integers(ours) - theirs) / output_scale)
        # A tie of the first rounding is one step of 0.02.
        assert np.abs(steps).max() <= np.ceil(0.02 / output_scale)
        assert (steps != 0).mean() < 0.01


def test_problems_are_listed_together(tmp_path: Path) -> None:
    """Asymmetric weights and a part in float, in one error."""
    path = tmp_path / "clip.onnx"
    clip_between_pairs(path, (0.0, 0.99), 0.02)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name == "wz":
            tensor.CopyFrom(numpy_helper.from_array(np.full(4, 127, np.int8), "wz"))
    del model.graph.node[-2:]
    model.graph.node[-1].output[0] = "y"
    onnx.save(model, path)
    with pytest.raises(UnsupportedError, match="not symmetric") as error:
        import_quantized_onnx(path)
    assert "computes in float" in str(error.value)
    assert len(error.value.problems) == 2


def test_dynamic_quantization_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clip.onnx"
    clip_between_pairs(path, (0.0, 1.0), 0.02)
    model = onnx.load(path)
    model.graph.node.insert(0, helper.make_node("ReduceMax", ["x"], ["range"], keepdims=0))
    model.graph.node[1].input[1] = "range"
    onnx.save(model, path)
    with pytest.raises(UnsupportedError, match="dynamic quantization"):
        import_quantized_onnx(path)


def test_a_torch_pt2e_export(tmp_path: Path) -> None:
    """Float biases, Clip between pairs, per-channel weights, exported by torch itself."""
    torch = pytest.importorskip("torch", reason="the pt2e export needs torch and torchao")
    pytest.importorskip("torchao", reason="the pt2e export needs torch and torchao")
    pytest.importorskip("onnxscript", reason="torch's exporter needs onnxscript")
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.testing.pt2e._xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )

    torch.manual_seed(0)
    layers = torch.nn
    net = layers.Sequential(
        layers.Conv2d(3, 8, 3, 2, 1),
        layers.ReLU6(),
        layers.Conv2d(8, 8, 3, 1, 1, groups=8),
        layers.ReLU6(),
        layers.Conv2d(8, 6, 1),
        layers.AdaptiveAvgPool2d(1),
        layers.Flatten(),
        layers.Linear(6, 4),
    ).eval()
    example = (torch.randn(SHAPE),)
    config = get_symmetric_quantization_config(is_per_channel=True)
    program = torch.export.export(net, example).module()
    prepared = prepare_pt2e(program, XNNPACKQuantizer().set_global(config))
    for _ in range(4):
        prepared(torch.randn(SHAPE))
    path = tmp_path / "pt2e.onnx"
    torch.onnx.export(convert_pt2e(prepared), example, path, dynamo=True, opset_version=18)
    compared = Compared(path)
    (end,) = compared.imported.outputs
    (start,) = compared.imported.inputs
    session = exact_session(onnx.load(path))
    for picture in pictures(20):
        largest, _, _ = compared.differences(picture)
        assert largest <= 1
        ours = compared.ours(picture)
        theirs = session.run(None, {start.name: picture})[0].reshape(-1)
        scores = end.from_integers(ours[end.tensor]).reshape(-1)
        assert np.abs(np.rint((scores - theirs) / end.quantization.per_tensor_scale)).max() <= 1
        assert scores[theirs.argmax()] == scores.max()


@pytest.mark.parametrize(("form", "kind", "per_channel"), EVERY_FORM[::2])
def test_halves_that_change_places(
    tmp_path: Path, form: QuantFormat, kind: QuantType, per_channel: bool
) -> None:
    """Split and Slice, which QOperator leaves on 8-bit values as they are."""
    net = Net(SHAPE)
    x = net.conv("image", 3, 8)
    net("Split", x, net.ints(4, 4), out="first", axis=1)
    net.nodes[-1].output.append("second")
    y = net("Concat", net.conv("second", 4, 4), "first", axis=1)
    part = net("Slice", y, net.ints(1), net.ints(7), net.ints(1))
    net.conv(part, 6, 3)
    path = net.save(tmp_path, net.nodes[-1].output[0])
    compared = Compared(quantized(path, tmp_path, form, kind, per_channel))
    found = np.array([compared.differences(picture) for picture in pictures(5)])
    assert found[:, 0].max() <= 1
    assert found[:, 1].sum() < found[:, 2].sum() / 1000


@pytest.mark.parametrize(("form", "kind", "per_channel"), EVERY_FORM)
def test_constants_per_channel(
    tmp_path: Path, form: QuantFormat, kind: QuantType, per_channel: bool
) -> None:
    """Added to, subtracted from and multiplied with activations, first and second."""
    net = Net(SHAPE)
    x = net.conv("image", 3, 8)
    x = net("Mul", x, net.const(net.rng.normal(0, 1, (1, 8, 1, 1))))
    x = net("Add", net.const(net.rng.normal(0, 1, (8, 1, 1))), x)
    x = net.conv(net("Sub", net.const(np.full((1,), 0.4)), x), 8, 4)
    path = net.save(tmp_path, x)
    compared = Compared(quantized(path, tmp_path, form, kind, per_channel))
    found = np.array([compared.differences(picture) for picture in pictures(5)])
    assert found[:, 0].max() <= 1
    assert found[:, 1].sum() < found[:, 2].sum() / 1000


@pytest.mark.parametrize("between", [False, True])
def test_batch_norms_that_nobody_folded(tmp_path: Path, between: bool) -> None:
    """Behind a quantized value a node of its own, else part of the convolution before it."""
    net = Net(SHAPE)
    rng = net.rng

    def pair(x: str, scale: float) -> str:
        ends = (net.const(scale), net.const(3, np.int8))
        return net("DequantizeLinear", net("QuantizeLinear", x, *ends), *ends)

    weights = net.const(rng.integers(-127, 128, (8, 3, 3, 3)), np.int8)
    ends = (net.const(rng.uniform(0.001, 0.01, 8)), net.const(np.zeros(8), np.int8))
    x = net("Conv", pair("image", 0.02), net("DequantizeLinear", weights, *ends, axis=0))
    x = pair(x, 0.05) if between else x
    y = net("Relu", net.batch_norm(x, 8))
    path = net.save(tmp_path, pair(y, 0.03))
    imported = import_quantized_onnx(path)
    kinds = [node.op.kind for node in imported.graph.nodes]
    assert kinds == (["Conv2d", "ChannelAffine"] if between else ["Conv2d"])
    graph, session = lower(imported.graph), exact_session(onnx.load(path))
    (start,), (end,) = imported.inputs, imported.outputs
    off = []
    for picture in pictures(5):
        ours = graph.run({start.tensor: start.to_integers(picture.transpose(start.permutation))})
        theirs = session.run(None, {"image": picture})[0].transpose(end.permutation)
        off.append(np.rint((end.from_integers(ours[end.tensor]) - theirs) / 0.03))
    assert np.abs(off).max() <= 1
    assert (np.array(off) != 0).mean() < 0.01


@pytest.mark.parametrize("op", ["Squeeze", "Unsqueeze", "Reshape"])
def test_an_output_has_the_shape_of_the_file(tmp_path: Path, op: str) -> None:
    """Not that of its storage, whose first axis is always a batch."""
    net = Net(SHAPE, 13)
    x = net.conv("image", 3, 4)
    if op == "Reshape":
        x = net("Reshape", x, net.ints(-1))
    else:
        x = net.axes_op(op, x, 0 if op == "Squeeze" else 4)
    path = quantized(net.save(tmp_path, x), tmp_path, QuantFormat.QDQ, QuantType.QInt8, True)
    (end,) = import_quantized_onnx(path).outputs
    shapes = {"Squeeze": (4, 12, 12), "Unsqueeze": (1, 4, 12, 12, 1), "Reshape": (576,)}
    assert end.shape == shapes[op]
