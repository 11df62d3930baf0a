"""Sensitivities: against torch's gradients, against all outputs one by one, against real noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import DataError
from mcucc.images.samples import Picture
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.graph import Graph
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6
from mcucc.quantize.ends import end_tensors
from mcucc.quantize.sensitivity import (
    PICTURES,
    SEED,
    real_inputs,
    sensitivities,
)
from tests.quantize.float_nets import FloatNet, camera_graph, mobile_net
from tests.quantize.test_quantize import PRE, smooth_images

COARSE = 2.0**-8


def pictures(count: int, seed: int = 0) -> list[Picture]:
    return [Picture(image, PRE) for image in smooth_images(count, seed=seed)]


def camera_net(folder: Path) -> Graph:
    return camera_graph(mobile_net(folder))


def test_no_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no picture"):
        sensitivities(camera_net(tmp_path), [])


def test_every_tensor_and_weight_is_measured_in_its_channels(tmp_path: Path) -> None:
    graph = camera_net(tmp_path)
    found = sensitivities(graph, pictures(3))
    behind = set(graph.outputs) - set(end_tensors(graph))  # probabilities: the end is before them
    names = {*graph.inputs, *(node.output for node in graph.nodes)} - behind
    assert set(found.activations) == names
    for name, values in found.activations.items():
        assert values.shape == (graph.tensors[name].shape[-1],)
    weighted = [node for node in graph.nodes if node.op.WEIGHT_AXIS is not None]
    assert set(found.weights) == {node.name for node in weighted}
    for node in weighted:
        values, weights = found.weights[node.name], graph.tensors[node.inputs[1]]
        assert values.shape[0] == weights.shape[node.op.WEIGHT_AXIS]
        assert values.min() >= 0.0 < values.max()


def test_the_same_input_gives_the_same_bytes_and_many_pictures_are_thinned(tmp_path: Path) -> None:
    graph, many = camera_net(tmp_path), pictures(PICTURES + 6)
    once, again = sensitivities(graph, many), sensitivities(graph, many)
    assert once.pictures == PICTURES
    for name, values in once.weights.items():
        np.testing.assert_array_equal(values, again.weights[name])


def test_the_random_vector_measures_the_whole_jacobian(tmp_path: Path) -> None:
    """One picture many times: the mean over vectors is the sum over outputs, one by one."""
    net = FloatNet(16, 12, 3)
    logits = net.dense(net.pooled_vector(net.conv("image", 6, clamp=RELU)), 4)
    graph = camera_graph(net.model(tmp_path, logits))
    (picture,) = pictures(1)
    values = evaluate_graph(graph, real_inputs(graph, picture))
    energy = float((values[logits] ** 2).sum())
    exact: dict[str, np.ndarray] = {}
    for output in range(4):
        gradients = {logits: np.eye(4, dtype=np.float32)[[output]]}
        for node in reversed(graph.nodes):
            tensors = graph.tensors_of(node.inputs)
            operands = [values[t.name] if t.data is None else t.data for t in tensors]
            found = node.op.pullback(operands, values[node.output], gradients[node.output])
            gradients[node.inputs[0]] = found[0]
        for name, gradient in gradients.items():
            squares = (gradient.reshape(-1, gradient.shape[-1]) ** 2).sum(axis=0) / energy
            exact[name] = exact.get(name, 0.0) + squares
    measured = sensitivities(graph, [picture] * PICTURES).activations
    for name, values_of in measured.items():
        np.testing.assert_allclose(values_of.sum(), exact[name].sum(), rtol=0.25)
    np.testing.assert_allclose(measured[logits], exact[logits], rtol=2 * COARSE)


def test_noise_at_the_output_is_what_sensitivities_predict(tmp_path: Path) -> None:
    """Small uniform noise on one tensor, and on one layer's weights after the mean is corrected."""
    graph = camera_net(tmp_path)
    seen = pictures(24)
    found = sensitivities(graph, seen)
    (end,) = end_tensors(graph)
    inputs = [real_inputs(graph, picture) for picture in seen]
    clean = [evaluate_graph(graph, each) for each in inputs]
    energy = np.mean([(values[end] ** 2).sum() for values in clean])
    rng = np.random.default_rng(5)
    step = 2.0**-6

    def noise(shape: tuple[int, ...]) -> np.ndarray:
        return rng.uniform(-step / 2, step / 2, shape).astype(np.float32)

    def share(values: dict[str, np.ndarray], name: str, y: np.ndarray) -> float:
        after = rest_of(graph, name, {**values, name: y})
        return float(((after[end] - values[end]) ** 2).sum() / energy)

    for node in graph.nodes[1:6]:
        name = node.output
        shares = [share(v, name, v[name] + noise(v[name].shape)) for v in clean]
        expected = step**2 / 12 * found.activations[name].sum()
        assert np.mean(shares) == pytest.approx(expected, rel=0.35), name
        if node.op.WEIGHT_AXIS is None:
            continue
        weights, bias = (tensor.constant for tensor in graph.tensors_of(node.inputs[1:]))
        linear, shares = replace(node.op, clamp=NO_CLAMP), []
        for _ in range(12):
            moved = weights + noise(weights.shape)
            shifts = [linear.evaluate([v[node.inputs[0]], moved - weights]) for v in clean]
            shift = np.mean([s.reshape(-1, s.shape[-1]).mean(axis=0) for s in shifts], axis=0)
            for v in clean:
                y = node.op.evaluate([v[node.inputs[0]], moved, bias - shift])
                shares.append(share(v, name, y))
        expected = step**2 / 12 * found.weights[node.name].sum()
        assert np.mean(shares) == pytest.approx(expected, rel=0.5), name


def rest_of(graph: Graph, changed: str, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The values again behind a changed tensor."""
    values, dirty = dict(values), {changed}
    for node in graph.nodes:
        if dirty & set(node.inputs) and node.output != changed:
            tensors = graph.tensors_of(node.inputs)
            operands = [values[t.name] if t.data is None else t.data for t in tensors]
            values[node.output] = node.op.evaluate(operands)
            dirty.add(node.output)
    return values


def test_gradients_are_those_of_torch(tmp_path: Path) -> None:
    """Activations of every kind of layer of a small residual network, with the same vector."""
    torch = pytest.importorskip("torch", reason="an independent automatic differentiation")
    net = FloatNet(10, 8, 3, seed=3)
    stem = net.conv("image", 8, stride=2, clamp=RELU6)
    inner = net.conv(stem, 8, clamp=RELU, depthwise=True)
    block = net.add(stem, net.conv(inner, 8, kernel=1))
    joined = net.concat(block, stem)
    logits = net.dense(net.pooled_vector(net.max_pool(joined)), 5)
    graph = net.model(tmp_path, logits).graph
    rng = np.random.default_rng(1)

    class Real:
        real = (rng.normal(0, 1, (1, 10, 8, 3)).astype(np.float32),)

    constants = {n: torch.tensor(t.data) for n, t in graph.tensors.items() if t.data is not None}

    def convolved(node, stride, groups, clamp):
        weights = constants[node.inputs[1]]
        order = (2, 0, 1) if groups > 1 else (0, 3, 1, 2)
        kernel = weights.permute(order)
        kernel = kernel[:, None] if groups > 1 else kernel
        y = torch.nn.functional.conv2d(
            t[node.inputs[0]],
            kernel,
            constants[node.inputs[2]],
            stride,
            kernel.shape[-1] // 2,
            groups=groups,
        )
        return y if clamp is None else y.clamp(*clamp)

    t = {"image": torch.tensor(Real.real[0]).permute(0, 3, 1, 2).requires_grad_()}
    nodes = {node.output: node for node in graph.nodes}
    t[stem] = convolved(nodes[stem], 2, 1, (0, 6))
    t[inner] = convolved(nodes[inner], 1, 8, (0, None))
    project = nodes[block].inputs[1]
    t[project] = convolved(nodes[project], 1, 1, None)
    t[block] = t[stem] + t[project]
    t[joined] = torch.cat([t[block], t[stem]], dim=1)
    (pooled,) = [node.output for node in graph.nodes if node.op.kind == "MaxPool"]
    t[pooled] = torch.nn.functional.max_pool2d(t[joined], 2)
    last = nodes[logits]
    vector = t[pooled].mean(dim=(2, 3))
    t[logits] = vector @ constants[last.inputs[1]].T + constants[last.inputs[2]]
    for value in t.values():
        value.retain_grad()
    signs = np.random.default_rng(SEED).integers(0, 2, (1, 5)) * 2 - 1
    scaled = torch.tensor(signs) / t[logits].detach().square().sum().sqrt()
    (t[logits] * scaled).sum().backward()

    found = sensitivities(graph, [Real()]).activations
    for name, value in t.items():
        squares = (value.grad**2).transpose(0, 1).reshape(value.shape[1], -1).sum(dim=1)
        np.testing.assert_allclose(found[name], squares.numpy(), rtol=2 * COARSE, err_msg=name)
