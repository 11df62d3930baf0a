"""Files that few tools write, through `compile` and `validate` as the command line does it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import ModelError
from mcucc.ir import Quant
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.litert import LitertSession
from tests.cli.project import BOARD, Result, mcucc
from tests.frontends.onnx_nets import Net
from tests.frontends.qdq_nets import QuantNet
from tests.litert_builder import LiteRTBuilder

pytestmark = pytest.mark.host
RNG = np.random.default_rng(5)


def compiled(model: Path, *more: object) -> Result:
    out = ("--board", BOARD, "--c-only", "--out", model.parent / "out")
    return mcucc("compile", model, *out, *more)


def validated(model: Path, data: np.ndarray, *more: object) -> str:
    """What `validate` prints of a network that passes; floats calibrate on the same samples."""
    inputs = model.parent / "inputs.npy"
    np.save(inputs, data)
    made = compiled(model, "--data", inputs, *more)
    assert made.code == 0, made.err
    done = mcucc("validate", model.parent / "out", "--data", inputs, "--emulator", "none")
    assert done.code == 0, done.out + done.err
    assert "NumPy and host C agree on every byte" in done.out
    return " ".join(done.out.split())


def test_onnx_of_opset_7(tmp_path: Path) -> None:
    """Attributes where later opsets have inputs, BatchNormalization, Upsample, Sum, Dropout."""
    n = Net([1, 3, 12, 12], opset=7)
    x = n("LeakyRelu", n.batch_norm(n.conv("image", 3, 8, strides=[2, 2]), 8), alpha=0.1)
    x = n("Clip", x, min=-1.0, max=3.0)
    left = n("Slice", x, axes=[1], starts=[0], ends=[4])
    right = n("Slice", x, axes=[1], starts=[4], ends=[8])
    x = n("Concat", n("Mul", left, right), left, axis=1)
    x = n("Pad", x, pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="constant", value=0.0)
    x = n("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n("Upsample", x, scales=[1.0, 1.0, 2.0, 2.0], mode="nearest")
    n("Sum", x, x, out="map")
    x = n("Dropout", n("ReduceMean", x, axes=[2, 3], keepdims=0))
    n("Softmax", n("Gemm", x, n.weights(5, 8), n.weights(5), transB=1), out="scores", axis=1)
    validated(n.save(tmp_path, "scores", "map"), RNG.normal(0, 1, (4, 3, 12, 12)))


def test_a_value_of_a_tflite_under_three_outputs(tmp_path: Path) -> None:
    """int8, the same again, and its floats: one tensor in C, three ends for LiteRT."""
    path, value = network(tmp_path), RNG.integers(-128, 128, (3, 6, 6, 3)).astype(np.int8)
    told = validated(path, value, "--rounding", "double")
    assert "NumPy and LiteRT (reference kernels) agree on every byte" in told


def network(folder: Path) -> Path:
    b, scale = LiteRTBuilder(), Quant((0.05,), 3)
    x = b.tensor((1, 6, 6, 3), np.int8, scale, name="x")
    y = b.tensor((1, 6, 6, 3), np.int8, scale, name="y")
    b.op("RELU", None, [x], [y])
    floats = b.tensor((1, 6, 6, 3), np.float32, name="floats")
    b.op("DEQUANTIZE", "DequantizeOptions", [y], [floats])
    path = folder / "net.tflite"
    path.write_bytes(b.build([x], [y, floats, y]))
    return path


def test_ends_of_one_tensor_must_have_one_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = LitertSession(network(tmp_path), Rounding.DOUBLE)
    x = np.zeros((6, 6, 3), np.int8)
    right = oracle.run([x[None]], inner=False)
    (found,) = oracle.outputs([[x]]).values()
    assert found.shape == (1, 6, 6, 3)
    wrong = {**right, "floats": right["floats"] + np.float32(0.05)}
    monkeypatch.setattr(oracle, "run", lambda values, inner: wrong)
    with pytest.raises(ModelError, match="another value for the output floats"):
        oracle.outputs([[x]])


def test_a_qdq_tail_that_joins_unlike_scales_is_refused_with_where_to_end(tmp_path: Path) -> None:
    """And what the hint says compiles."""
    n = QuantNet([1, 3, 8, 8])
    x = n.pair("image", 0.03, 3)
    boxes = n.pair(n.qconv(x, 3, 4, 3), 0.05, -4)
    scores = n.pair(n("Sigmoid", n.pair(n.qconv(x, 3, 4, 3), 0.05, 3)), 1 / 256, -128)
    model = n.qsave(tmp_path, n("Concat", boxes, scores, axis=1))
    refused = compiled(model)
    assert refused.code == 2
    assert "its inputs have the scales (and zero points) 0.05 (-4), 0.00390625" in refused.err
    found = re.search(r"--outputs (\S+) ends the network before", refused.err)
    assert found is not None
    assert found[1].split(",") == [boxes, scores]
    told = validated(model, RNG.normal(0, 1, (3, 3, 8, 8)), "--outputs", found[1])
    assert "ONNX Runtime" in told


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_weights_beyond_int8_about_their_zero_point_are_refused(form: str, tmp_path: Path) -> None:
    n = QuantNet([1, 3, 8, 8])
    ends, own = n.ends(0.03, 120, np.uint8), n.ends(0.06, 130, np.uint8)
    taps, about = n.const(RNG.integers(0, 256, (4, 3, 3, 3)), np.uint8), n.ends(0.01, 117, np.uint8)
    x = n.q("image", ends)
    if form == "QDQ":
        made = n.q(n("Conv", n.dq(x, ends), n.dq(taps, about), n.weights(4)), own)
    else:
        made = n("QLinearConv", x, *ends, taps, *about, *own)
    refused = compiled(n.qsave(tmp_path, n.dq(made, own)))
    assert refused.code == 2
    assert "its weights are not symmetric int8 (quantize them symmetrically)" in refused.err
