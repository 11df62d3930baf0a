"""Hybrid .tflite (int8 weights, float activations): the integer network has the file's integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.ir import Quant
from mcucc.quantize.file_scales import file_scales
from mcucc.quantize.quantize import Mode
from tests.frontends.test_tflite_float import SHAPE, Net

RNG = np.random.default_rng(5)


def integers(*shape: int) -> np.ndarray:
    """Whose largest number is not the end of int8 in every channel."""
    return RNG.integers(-90, 91, shape).astype(np.int8)


def hybrid(folder: Path, weights: np.ndarray, depthwise: np.ndarray, dense: np.ndarray) -> Path:
    net = Net(SHAPE)
    scales = [tuple(10.0 ** RNG.uniform(-3, -2, n)) for n in (len(weights), depthwise.shape[3])]
    w = net.b.constant(weights, Quant(scales[0], 0, 0))
    fields = {"padding": 0, "strideW": 1, "strideH": 1}
    operands = [net.image, w, net.constant(len(weights))]
    shape = (*SHAPE[:3], len(weights))
    x = net.op("CONV_2D", "Conv2DOptions", operands, shape, fusedActivationFunction=1, **fields)
    w = net.b.constant(depthwise, Quant(scales[1], 0, 3))
    operands = [x, w, net.constant(depthwise.shape[3])]
    x = net.op("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", operands, shape, **fields)
    x = net.op("MEAN", "ReducerOptions", [x, net.ints(1, 2)], (1, len(weights)))
    w = net.b.constant(dense, Quant((0.0123,), 0))
    operands = [x, w, net.constant(len(dense))]
    net.op("FULLY_CONNECTED", "FullyConnectedOptions", operands, (1, len(dense)))
    path = folder / "hybrid.tflite"
    path.write_bytes(net.b.build([net.image], [net.last]))
    return path


def weights_of(network: LoadedModel) -> list[np.ndarray]:
    """Those of every layer, in the order of the file."""
    kernels = [node.kernel for node in network.integer.nodes]
    return [kernel.weights for kernel in kernels if hasattr(kernel, "weights")]


@pytest.mark.parametrize("noise", [True, False])
def test_the_integers_of_the_file(noise: bool, tmp_path: Path) -> None:
    made = integers(6, 3, 3, 4), integers(1, 3, 3, 6), integers(5, 6)
    path = hybrid(tmp_path, *made)
    options = NetworkOptions(noise=True)
    if not noise:
        pictures = tmp_path / "pictures.npy"
        np.save(pictures, RNG.uniform(0, 1, (8, *SHAPE[1:])).astype(np.float32))
        options = NetworkOptions(data=pictures)
    network = load_network(path, options)
    found = weights_of(network)
    for ours, theirs in zip(found, (made[0], made[1][0], made[2]), strict=True):
        np.testing.assert_array_equal(ours.reshape(theirs.shape), theirs)
    assert network.quantization.mode in (Mode.PLAIN, Mode.FAST)


def test_scales_are_found_again() -> None:
    """Behind a factor for each channel, too; other weights have none."""
    rows = RNG.integers(-127, 128, (20, 40)).astype(np.float64)
    rows[:, 0] = 127
    known = 10.0 ** RNG.uniform(-3, -1, 20)
    real = (rows * known[:, None]).astype(np.float32)
    np.testing.assert_allclose(file_scales(real.astype(np.float64), list(known)), known)
    factors = RNG.uniform(0.1, 3, 20).astype(np.float32)
    scaled = (real * factors[:, None]).astype(np.float64)
    np.testing.assert_allclose(file_scales(scaled, list(known)), known * factors, rtol=1e-6)
    assert not file_scales(RNG.normal(0, 1, (20, 40)), list(known)).any()
    assert file_scales(np.zeros((1, 4)), [0.1]) == 0
