"""The border of a normalised input is as exact as its inside: integers against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mcucc
from mcucc.driver.load import LoadedModel
from mcucc.ops.common.border import BorderedKernel
from mcucc.ops.common.spatial import valid_counts
from mcucc.quantize.border import BIASES, LAYER, TOLERATED, ZERO_POINT
from tests.frontends.onnx_nets import Net, runtime

SIZE = (15, 18)
WINDOWS: dict[str, dict[str, Any]] = {
    "conv": {},
    "depthwise": {"group": 3, "c_out": 3},
    "two outputs a channel": {"group": 3, "c_out": 6, "k": 5},
    "strided": {"strides": [2, 2], "c_out": 8},
    "uneven": {"strides": [1, 2], "pads": [0, 2, 2, 1]},
    "dilated": {"dilations": [3, 2], "pads": [3, 2, 3, 2]},
    "large": {"k": 7, "strides": [2, 2]},
    "Pad before it": {"pads": [0, 0, 0, 0]},
}
STATISTICS = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def batch_norm(gain: Any, shift: Any, mean: Any, deviation: Any) -> Callable[[Net, str], str]:
    """As a first layer; `deviation` is the root of its variance."""

    def add(net: Net, x: str) -> str:
        values = (gain, shift, mean, np.square(deviation))
        return net("BatchNormalization", x, *(net.const(np.broadcast_to(v, 3)) for v in values))

    return add


def mean_and_std(net: Net, x: str) -> str:
    mean, std = (net.const(np.reshape(v, (1, 3, 1, 1))) for v in STATISTICS)
    return net("Div", net("Sub", x, mean), std)


def nothing(net: Net, x: str) -> str:
    return x


# What stands in the graph, and the preprocessing's mean and std.
NORMALISATIONS: dict[str, tuple[Callable[[Net, str], str], Any, Any]] = {
    "batch norm": (batch_norm([1, 1.2, 0.8], [0.5, -0.3, 1], [0.3, 0.5, 0.4], 0.25), [0], [1]),
    "zeros far outside": (batch_norm([1, 1, 1], [3, -4, 5], [0.3, 0.5, 0.4], 0.25), [0], [1]),
    "signs and a dead channel": (batch_norm([-1, 0, 1], [2, 1, 0], [0.1, 0, 0.9], 0.3), [0], [1]),
    "mean and std in the graph": (mean_and_std, [0], [1]),
    "half a step": (nothing, [0.5], [0.5]),
    "mean and std outside": (nothing, *STATISTICS),
    "both": (batch_norm([1, 2, 1], [0, 1, -1], [0, 0, 0], 1.0), *STATISTICS),
}


def write(folder: Path, window: dict[str, Any], normalisation: str) -> Path:
    """A network of one layer behind a normalisation, its TOML and pictures beside it."""
    add, mean, std = NORMALISATIONS[normalisation]
    net = Net([1, 3, *SIZE], seed=3)
    y = add(net, "image")
    if window.get("pads") == [0, 0, 0, 0]:
        y = net("Pad", y, net.ints(0, 0, 1, 2, 0, 0, 2, 1))
    y = net.conv(y, 3, **({"c_out": 5} | window))
    path = net.save(folder, y)
    path.with_suffix(".toml").write_text(
        f'[preprocess]\nchannels = "rgb"\nresize = {list(SIZE)}\nscale = {1 / 255}\n'
        f"mean = {np.broadcast_to(mean, 3).tolist()}\nstd = {np.broadcast_to(std, 3).tolist()}\n"
    )
    rng = np.random.default_rng(1)
    rough = rng.integers(0, 256, (6, 5, 6, 3)).repeat(3, axis=1).repeat(3, axis=2)
    images = np.clip(0.7 * rough + rng.integers(0, 80, (6, *SIZE, 3)), 0, 255)
    np.savez(folder / "pictures.npz", images=images.astype(np.uint8))
    return path


def errors(path: Path) -> tuple[LoadedModel, np.ndarray, np.ndarray]:
    """The network, its errors at the frame and inside: (pictures, outputs, channels), steps."""
    network = mcucc.quantized(path, data=path.with_name("pictures.npz"))
    pixels = np.load(path.with_name("pictures.npz"))["images"]
    (name,) = network.integer.outputs
    inputs = {source: camera.apply(pixels) for source, camera in network.cameras.items()}
    made = network.integer.run(inputs)[name].astype(np.float64)
    activation = network.integer.activations[name]
    wanted = []
    for image in pixels:
        real = network.preprocess.real_values(image).reshape(1, *SIZE, 3).transpose(0, 3, 1, 2)
        (value,) = runtime(path, {"image": real.astype(np.float32)})
        wanted.append(value[0].transpose(1, 2, 0))
    off = np.abs(made - activation.zero_point - np.stack(wanted) / activation.scale)
    window = network.graph.nodes[-1].op.window
    frame = valid_counts(window, *SIZE) < np.prod(window.kernel)
    return network, off[:, frame], off[:, ~frame]


CASES = [(w, list(NORMALISATIONS)[i % len(NORMALISATIONS)]) for i, w in enumerate(WINDOWS)]
OTHERS = [(w, n) for w in WINDOWS for n in NORMALISATIONS if (w, n) not in CASES]


def check(window: str, normalisation: str, folder: Path) -> None:
    network, frame, inside = errors(write(folder, WINDOWS[window], normalisation))
    assert len(network.integer.nodes) == 1
    assert frame.mean() <= 2 * inside.mean()
    assert np.sqrt(np.square(frame).mean()) <= 2 * np.sqrt(np.square(inside).mean())
    assert frame.max() <= 2 * inside.max()


@pytest.mark.parametrize(("window", "normalisation"), CASES)
def test_the_frame_is_as_exact_as_the_inside(
    window: str, normalisation: str, tmp_path: Path
) -> None:
    check(window, normalisation, tmp_path)


@pytest.mark.parametrize(
    ("normalisation", "padding"),
    [("half a step", ZERO_POINT), ("mean and std outside", BIASES), ("both", BIASES)],
)
def test_the_cheapest_padding_that_is_exact_is_chosen(
    normalisation: str, padding: str, tmp_path: Path
) -> None:
    network = mcucc.quantized(write(tmp_path, {}, normalisation), data=tmp_path / "pictures.npz")
    (border,) = network.borders
    assert border.padding == padding
    assert border.error <= TOLERATED * border.inside
    (node,) = network.integer.nodes
    assert isinstance(node.kernel, BorderedKernel) == (padding == BIASES)


def test_a_normalisation_that_a_pool_reads_stays_a_layer(tmp_path: Path) -> None:
    path = write(tmp_path, {}, "mean and std outside")
    net = Net([1, 3, *SIZE], seed=3)
    left, right = net.conv("image", 3, 5), net("MaxPool", "image", kernel_shape=[3, 3])
    net.save(tmp_path, left, right)
    network = mcucc.quantized(path, data=tmp_path / "pictures.npz")
    assert [border.padding for border in network.borders] == [LAYER]
    assert network.integer.nodes[0].name == network.borders[0].layer


@pytest.mark.slow
@pytest.mark.parametrize(("window", "normalisation"), OTHERS)
def test_the_frame_is_as_exact_as_the_inside_for_others(
    window: str, normalisation: str, tmp_path: Path
) -> None:
    check(window, normalisation, tmp_path)
