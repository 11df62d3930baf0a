"""Named tensors in int16: their groups, the borders to int8, errors, and what they gain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import DataError
from mcucc.evaluate.file_values import file_values
from mcucc.evaluate.layer_noise import compare_layers
from mcucc.frontends.imported import ImportedModel
from mcucc.images.samples import Picture
from mcucc.ir.graph import Graph
from mcucc.ops.requantize import Requantize
from mcucc.quantize.pipeline import QuantizedModel, quantize_model
from mcucc.quantize.precision import WIDE_LIMIT, wide_activations, wide_tensors
from mcucc.quantize.quantize import Mode, QuantizeOptions
from tests.quantize.float_nets import RELU6, FloatNet, camera_graph, mobile_net
from tests.quantize.test_pipeline import calibration
from tests.quantize.test_quantize import PRE, smooth_images


def quantized(model: ImportedModel, *wide: str) -> QuantizedModel:
    options = QuantizeOptions(Mode.FAST, precision=dict.fromkeys(wide, "int16"))
    return quantize_model(model, camera_graph(model), calibration(), options)


def joined(folder: Path) -> ImportedModel:
    """A pool, a concat of tensors that others read too, and a softmax behind the classifier."""
    net = FloatNet(16, 12, 3, 1)
    x = net.conv("image", 4, 3, 1, RELU6)
    y = net.max_pool(x)
    z = net.conv(y, 4, 3, 1)
    both = net.concat(z, y, net.add(y, z))
    return net.model(folder, net.softmax(net.dense(net.pooled_vector(both), 4)))


def types_of(graph: Graph) -> dict[str, str]:
    return {name: t.dtype.name for name, t in graph.tensors.items() if t.data is None}


def test_a_named_tensor_is_int16_around_zero_within_its_limit(tmp_path: Path) -> None:
    made = quantized(mobile_net(tmp_path), "v3")
    assert types_of(made.graph)["v3"] == "int16"
    assert set(wide_activations(made.graph)) == {"v3"}
    quant = made.graph.tensors["v3"].quantization
    assert (quant.zero_point, quant.limit) == (0, WIDE_LIMIT)
    assert made.integer.activations["v3"].size == 2 * made.integer.activations["v0"].size
    values = made.integer.run(
        {"image": (np.stack(smooth_images(6, seed=9)).astype(np.int16) - 128).astype(np.int8)}
    )
    assert values["v3"].dtype == np.int16
    assert 0 < np.abs(values["v3"]).max() <= WIDE_LIMIT


def test_a_node_may_be_named_too(tmp_path: Path) -> None:
    made = quantized(mobile_net(tmp_path), "node_v3")
    assert set(wide_activations(made.graph)) == {"v3"}


def test_tensors_of_one_scale_are_int16_together(tmp_path: Path) -> None:
    """A max pool moves values: what it reads and makes has one type."""
    made = quantized(joined(tmp_path), "v1")
    assert set(wide_activations(made.graph)) == {"v0", "v1"}


def test_what_reads_int8_alone_reads_a_rescaled_copy(tmp_path: Path) -> None:
    made = quantized(joined(tmp_path), "v7")
    (rescaled,) = (node for node in made.graph.nodes if isinstance(node.op, Requantize))
    assert rescaled.inputs == ("v7",)
    types = types_of(made.graph)
    assert (types["v7"], types[rescaled.output]) == ("int16", "int8")
    assert [node.name for node in made.floats.nodes] == [node.name for node in made.graph.nodes]


def test_a_concat_in_int16_rescales_what_has_another_scale(tmp_path: Path) -> None:
    made = quantized(joined(tmp_path), "v4")
    concat = next(node for node in made.graph.nodes if node.output == "v4")
    parts = made.graph.tensors_of(concat.inputs)
    assert {part.quant for part in parts} == {made.graph.tensors["v4"].quant}
    assert {part.dtype.name for part in parts} == {"int16"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("v33", ("no tensor v33", "near it: v3")),
        ("image", ("image cannot be int16", "an input of the network")),
        ("v8", ("v8 cannot be int16", "Softmax prescribes the scale of v8")),
    ],
)
def test_a_tensor_that_cannot_be_int16_is_named(
    name: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        quantized(joined(tmp_path), name)
    assert all(word in str(error.value) for word in (*words, "--precision"))


def test_two_types_for_one_scale_are_an_error(tmp_path: Path) -> None:
    graph = camera_graph(joined(tmp_path))
    with pytest.raises(DataError, match="v0 and v1 have one scale"):
        wide_tensors(graph, {"v0": "int16", "v1": "int8"})


def test_int16_is_nearer_to_float(tmp_path: Path) -> None:
    """Every tensor but the picture: what is left is the rounding of the weights."""
    model = mobile_net(tmp_path)
    graph = camera_graph(model)
    plain = quantized(model)
    wide = quantized(model, *(node.output for node in graph.nodes))
    images = smooth_images(4, seed=7)

    def worst(made: QuantizedModel) -> float:
        samples = [Picture(image, PRE) for image in images]
        values = file_values(made.maps, {})
        rows = compare_layers(model, made.floats, made.graph, made.integer, values, samples)
        return min(row.snr_db for row in rows if row.snr_db is not None)

    assert worst(wide) > worst(plain) + 3.0


def test_nothing_named_changes_nothing(tmp_path: Path) -> None:
    model = mobile_net(tmp_path)
    plain = QuantizeOptions(Mode.FAST)
    before = quantize_model(model, camera_graph(model), calibration(), plain)
    after = quantized(model)
    assert before.integer.nodes[3].call().fields[0] == after.integer.nodes[3].call().fields[0]
    for name, tensor in before.graph.tensors.items():
        assert tensor.quant == after.graph.tensors[name].quant
        np.testing.assert_array_equal(tensor.data, after.graph.tensors[name].data)
