"""Files of a fixed batch: compiled for one picture, the oracles run them on one picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import mcucc
from mcucc.driver.load import NetworkOptions
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.oracles.float_session import FloatSession
from mcucc.oracles.one_picture import open_batches
from mcucc.oracles.onnx_runtime import OnnxOracle
from mcucc.quantize.lower import lower
from tests.frontends.onnx_nets import Net
from tests.frontends.qdq_nets import QuantNet

ONE = {"image": (1, 3, 6, 7)}


def declared(path: Path, batch: int) -> None:
    """Shapes of a batch for every value, as exporters write them."""
    model = onnx.load(path)
    for value in model.graph.output:
        value.CopyFrom(helper.make_tensor_value_info(value.name, 1, [batch, 4, 6, 7]))
    onnx.save(onnx.shape_inference.infer_shapes(model), path)


@pytest.mark.parametrize("batch", [0, 4])
def test_a_float_network(batch: int, tmp_path: Path) -> None:
    net = Net([batch, 3, 6, 7])
    path = net.save(tmp_path, net("Relu", net.conv(net("Relu", "image"), 3, 4)))
    declared(path, batch)
    image = np.random.default_rng(1).normal(size=(6, 7, 3)).astype(np.float32)
    model = import_onnx(path, input_shapes=ONE)
    (value,) = FloatSession(model).run([image]).values()
    assert value.shape == (1, 6, 7, 4) and value.any()
    np.savez(tmp_path / "pictures.npz", images=np.zeros((2, 6, 7, 3), np.uint8))
    path.with_suffix(".toml").write_text(
        '[preprocess]\nchannels = "rgb"\nresize = [6, 7]\nscale = 0.004\n'
    )
    options = NetworkOptions(input_shapes=ONE)
    made = mcucc.quantized(path, tmp_path / "pictures.npz", options)
    assert made.integer.activations["image"].shape == (6, 7, 3)


@pytest.mark.parametrize("batch", [0, 4])
def test_a_quantized_network(batch: int, tmp_path: Path) -> None:
    net = QuantNet([batch, 3, 6, 7])
    inner = net.pair(net.qconv(net.pair("image", 0.02), 3, 4, 3), 0.05)
    path = net.qsave(tmp_path, net.pair(net("Relu", inner), 0.05))
    declared(path, batch)
    oracle = OnnxOracle.open(path, ONE)
    assert isinstance(oracle, OnnxOracle)
    q = np.random.default_rng(1).integers(-128, 128, (6, 7, 3)).astype(np.int8)
    own = lower(oracle.imported.graph).run({"image": q[None]})
    for name, value in oracle.outputs([[q]]).items():
        np.testing.assert_array_equal(value, own[name])


def test_a_batch_of_one_is_left_as_it_is(tmp_path: Path) -> None:
    net = Net(["n", 3, 6, 7])
    path = net.save(tmp_path, net.conv("image", 3, 4))
    declared(path, 1)
    model = onnx.load(path)
    before = model.SerializeToString(deterministic=True)
    assert open_batches(model).SerializeToString(deterministic=True) == before
