"""Layers against the float network: their noise, what is cut, who makes the outputs' noise."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mcucc.evaluate.diagnosis import Diagnosis, remedies, summary, with_shares
from mcucc.evaluate.file_values import FileValues, file_values
from mcucc.evaluate.layer_noise import LayerNoise, compare_layers, cut_ends
from mcucc.evaluate.noise_shares import noise_by_tensor
from mcucc.images.samples import CalibrationSet, Picture
from mcucc.ir.integer import Activation
from mcucc.ir.tensor import Quant
from mcucc.numerics.fixed_point import RELU, RELU6, Clamp, Rounding
from mcucc.ops.add import Add
from mcucc.ops.reshape import Reshape
from mcucc.ops.sigmoid import Sigmoid
from mcucc.passes.constant_channels import remove_constant_channels
from mcucc.passes.linear import Affine
from mcucc.quantize.calibrate import calibrate
from mcucc.quantize.ends import end_tensors
from mcucc.quantize.equalize import equalize
from mcucc.quantize.lower import lower
from mcucc.quantize.observers.min_max import MinMax
from mcucc.quantize.pipeline import QuantizedModel, quantize_model
from mcucc.quantize.quantize import quantize
from mcucc.quantize.sensitivity import sensitivities
from tests.quantize.float_nets import camera_graph, mobile_net
from tests.quantize.test_quantize import PRE, smooth_images


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The imported network, the float graph of the int8 one, the int8 one, and its pictures."""
    model = mobile_net(tmp_path_factory.mktemp("net"))
    samples = tuple(Picture(image, PRE) for image in smooth_images(24))
    found = quantize_model(model, camera_graph(model), CalibrationSet("here", samples))
    return model, found, samples


def rows(made, graph=None, values=None) -> dict[str, LayerNoise]:
    model, found, samples = made
    graph = graph or found.graph
    integer = lower(graph, Rounding.SINGLE)
    layers = compare_layers(model, found.floats, graph, integer, values or {}, samples)
    return {row.tensor: row for row in layers}


def test_every_layer_has_its_noise_and_a_broken_one_is_seen(made) -> None:
    found: QuantizedModel = made[1]
    before = rows(made)
    assert list(before) == [node.output for node in found.graph.nodes]
    assert all(20.0 < row.snr_db < math.inf for row in before.values())
    broken = found.graph.nodes[2].output
    tensor = found.graph.tensors[broken]
    (scale,) = tensor.quantization.scale
    narrow = replace(tensor, quant=Quant((scale / 8,), tensor.quantization.zero_point))
    after = rows(made, found.graph.with_(tensors={**found.graph.tensors, broken: narrow}))
    assert before[broken].saturated < 0.01 < 0.05 < after[broken].saturated
    assert after[broken].snr_db < before[broken].snr_db - 6
    first = found.graph.nodes[0].output
    assert after[first] == before[first]


def test_dropped_channels_are_compared_with_those_left(made) -> None:
    found: QuantizedModel = made[1]
    inner = found.graph.nodes[2]
    bias = found.graph.tensors[inner.inputs[2]]
    dead = bias.constant.copy()
    dead[1] = -(2**24)  # below the clamp for every picture
    tensors = {**found.graph.tensors, bias.name: replace(bias, data=dead)}
    graph, _, kept = remove_constant_channels(found.graph.with_(tensors=tensors), Rounding.SINGLE)
    values = file_values({}, kept)
    live = {own.tensor: name for name, own in values.items()}[inner.output]
    assert 1 not in values[live].channels
    shown = rows(made, graph, values)
    assert shown[inner.output].channels == len(values[live].channels)
    assert shown[inner.output].snr_db > 20


def test_predicted_noise_is_the_measured_and_the_shares_are_all_of_it(made) -> None:
    _, found, samples = made
    noise = noise_by_tensor(found.floats, found.graph, {}, sensitivities(found.floats, samples))
    layers, predicted = with_shares(tuple(rows(made).values()), noise)
    (end,) = end_tensors(found.floats)
    measured = next(row.snr_db for row in layers if row.tensor == end)
    assert predicted == pytest.approx(measured, abs=2.0)
    assert sum(row.share for row in layers) == pytest.approx(1.0)
    # A tensor's noise grows with the square of its step.
    name = found.graph.nodes[2].output
    tensor = found.graph.tensors[name]
    (scale,) = tensor.quantization.scale
    twice = replace(tensor, quant=Quant((2 * scale,), 0))
    coarse = found.graph.with_(tensors={**found.graph.tensors, name: twice})
    more = noise_by_tensor(found.floats, coarse, {}, sensitivities(found.floats, samples))
    assert more[name].activation == pytest.approx(4 * noise[name].activation)


def test_a_scaled_network_shows_the_files_values_and_the_same_noise(made) -> None:
    """A tensor held as 2 x + 1: the same integers of narrow the scale, the same row."""
    found: QuantizedModel = made[1]
    name = found.graph.nodes[2].output
    channels = found.graph.tensors[name].shape[-1]
    held = FileValues(name, (), (2.0,) * channels, (1.0,) * channels)
    file = np.random.default_rng(0).normal(size=(5, channels))
    np.testing.assert_allclose(held.in_file(held.in_network(file)), file)
    affine = Affine(np.full(channels, 2.0), np.full(channels, 1.0))
    assert file_values({name: affine}, {})[name] == held
    found_s = sensitivities(found.floats, made[2][:4])
    plain = noise_by_tensor(found.floats, found.graph, {}, found_s)
    mapped = noise_by_tensor(found.floats, found.graph, {name: affine}, found_s)
    assert mapped[name].activation == pytest.approx(plain[name].activation / 4)


@pytest.mark.parametrize(
    ("op", "scale", "zero_point", "ends"),
    [
        (Add(), 0.1, 3, (True, True)),
        (Add(RELU), 0.1, -128, (False, True)),
        (Add(RELU6), 6 / 255, -128, (False, False)),
        (Add(RELU6), 3 / 255, -128, (False, True)),
        (Add(Clamp(-1.0, 1.0)), 0.1, 0, (False, False)),
        (Reshape((1, 4)), 0.1, 3, (False, False)),
        (Sigmoid(), 1 / 256, -128, (False, False)),
    ],
)
def test_an_end_cuts_unless_the_layer_ends_there_itself(op, scale, zero_point, ends) -> None:
    assert cut_ends(op, Activation("y", 1, 1, 4, scale, zero_point)) == ends


def test_an_equalised_network_is_compared_in_the_files_values(made) -> None:
    """Its integers are of scaled and shifted channels; rows and prediction are of the file."""
    model, plain, samples = made
    floats, found = plain.floats, sensitivities(plain.floats, samples)
    ranges = calibrate(model, floats, samples, MinMax(), channels=True)
    scaled = equalize(floats, ranges, found, samples[-4:])
    assert any(not affine.identity for affine in scaled.maps.values())
    graph = quantize(scaled.graph, scaled.ranges)
    integer = lower(graph, Rounding.SINGLE)
    values = file_values(scaled.maps, {})
    rows_of = compare_layers(model, floats, graph, integer, values, samples)
    layers, predicted = with_shares(rows_of, noise_by_tensor(floats, graph, scaled.maps, found))
    (end,) = end_tensors(floats)
    measured = next(row.snr_db for row in layers if row.tensor == end)
    assert all(row.snr_db > 15 for row in layers)
    assert predicted == pytest.approx(measured, abs=3.0)
    unmapped = compare_layers(model, floats, graph, integer, {}, samples)
    assert min(row.snr_db for row in unmapped) < 10


def layer(**changes) -> LayerNoise:
    base = LayerNoise("l", "Conv2d", "t", "int8", 20.0, False, 0.0, 0, 8, 0.0, 0.0)
    return replace(base, **changes)


def test_what_to_do_names_the_layers_and_the_remedy() -> None:
    rows = (
        layer(layer="a", tensor="ta", activation=0.4),
        layer(layer="b", weights=0.5, weights_type="int4"),
        layer(layer="c", saturated=0.2),
        layer(layer="d", still=4),
        layer(layer="e", activation=0.1, precision="int16"),
        layer(layer="f"),
    )
    found = Diagnosis(8, "pictures", True, 15.0, 14.0, rows)
    cut, weights, values, still = remedies(found)
    assert cut.startswith("values are cut in c (20 %): calibrate on more pictures")
    assert values.startswith("a: its values make 40 %") and "--precision ta=int16" in values
    assert weights.startswith("b: its weights make 50 %") and "--weights b=int8" in weights
    assert "d (4 of 8)" in still
    assert [row.share for row in found.worst] == [0.5, 0.4, 0.1]
    clear = replace(found, predicted_db=40.0)
    assert len(remedies(clear)) == 2 and "no layer needs" in summary(clear)[-1]
    many = replace(found, layers=tuple(layer(layer=f"l{i}", saturated=0.1) for i in range(9)))
    assert "and 6 more layers" in remedies(many)[0]


def test_of_a_quantized_file_only_saturation_is_told() -> None:
    rows = (layer(saturated=0.2, snr_db=None, activation=None, weights=None), layer())
    found = Diagnosis(8, "pictures", False, None, None, rows)
    assert "no float network" in summary(found)[0] and "1 of 2 layers" in summary(found)[1]
    (line,) = remedies(found)
    assert "values are cut in l (20 %)" in line
