"""Calibration: ranges are those of the original file in ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from mcucc.errors import DataError, ModelError
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture
from mcucc.numerics.fixed_point import RELU6
from mcucc.oracles.float_session import FloatSession
from mcucc.quantize.calibrate import calibrate
from mcucc.quantize.observers import MeanSquaredError, MinMax, Statistics
from tests.quantize.float_nets import FloatNet, camera_graph, mobile_net

RNG = np.random.default_rng(2)
PRE = Preprocess("rgb", (16, 12), scale=1 / 127.5, mean=(1.0, 1.0, 1.0))


def images(count, shape=(16, 12, 3)):
    return [RNG.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]


def runtime_values(model, image):
    """Every named value of the ONNX file, straight from ONNX Runtime."""
    proto = onnx.load(model.model_path)
    names = [name for node in proto.graph.node for name in node.output]
    present = {output.name for output in proto.graph.output}
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in present)
    session = ort.InferenceSession(proto.SerializeToString())
    feed = {"onnx_image": image.transpose(2, 0, 1)[None]}
    return dict(zip(names, session.run(names, feed), strict=True))


def test_a_session_returns_tensors_in_the_graphs_layout(tmp_path):
    model = mobile_net(tmp_path)
    image = PRE.real_values(images(1)[0])
    names = [node.output for node in model.graph.nodes]
    found = FloatSession(model, tensors=names).run([image])
    truth = runtime_values(model, image)
    values = {"image": image[None]}
    for node in model.graph.nodes:
        # The op's own float reference is an independent second opinion.
        operands = [
            values[name] if name in values else model.graph.tensors[name].constant
            for name in node.inputs
        ]
        values[node.output] = node.op.evaluate(operands)
        assert np.allclose(found[node.output], values[node.output], atol=1e-4)
    assert np.array_equal(found[names[-1]], truth[f"onnx_{names[-1]}"])


def test_tensors_a_pass_made_are_computed_from_what_the_file_holds(tmp_path):
    model = mobile_net(tmp_path)
    graph = camera_graph(model)
    camera = images(1)[0]
    real = PRE.real_values(camera)
    names = [node.output for node in graph.nodes]
    expected = FloatSession(model, tensors=names).run([real])
    # Hide two values: they must be computed from their producers, the first from camera bytes.
    hidden = {k: v for k, v in model.sources.items() if k not in (names[0], names[2])}
    partial = replace(model, sources=hidden)
    found = FloatSession(partial, graph, names).run_sample(Picture(camera, PRE))
    inner = np.s_[:, 1:-1, 1:-1]  # the border differs by the half step between 127.5 and 128
    assert np.allclose(found[names[0]][inner], expected[names[0]][inner], atol=1e-4)
    assert np.allclose(found[names[2]], expected[names[2]], atol=1e-4)


def test_a_folded_input_has_the_values_of_its_quantization_not_the_files(tmp_path):
    model = mobile_net(tmp_path)
    graph = camera_graph(model, 2 / 127.5, -1.0)
    camera = images(1)[0]
    session = FloatSession(model, graph, ["image"])
    found = session.run_sample(Picture(camera, PRE))["image"]
    quant = graph.tensors["image"].quantization
    expected = (camera.astype(float) - 128 - quant.zero_point) * quant.per_tensor_scale
    assert np.allclose(found[0], expected, atol=1e-6)
    with pytest.raises(ModelError, match="bytes"):
        session.run([PRE.real_values(camera)])


def test_min_max_ranges_are_the_extremes_over_all_pictures(tmp_path):
    model = mobile_net(tmp_path)
    samples = [Picture(image, PRE) for image in images(3)]
    pictures = [sample.real[0] for sample in samples]
    found = calibrate(model, model.graph, samples, MinMax())
    each = [runtime_values(model, image) for image in pictures]
    for name, range_ in found.by_name.items():
        if name in model.sources and name != "image":
            seen = [values[model.sources[name].name] for values in each]
            assert range_.low == min(0.0, *(float(v.min()) for v in seen))
            assert range_.high == max(0.0, *(float(v.max()) for v in seen))


def test_histograms_count_every_value_and_zeros_apart(tmp_path):
    model = mobile_net(tmp_path)
    samples = [Picture(image, PRE) for image in images(3)]
    pictures = [sample.real[0] for sample in samples]
    found = calibrate(model, model.graph, samples, MeanSquaredError())
    name = model.graph.nodes[0].output  # a ReLU6
    seen = np.concatenate([runtime_values(model, p)[f"onnx_{name}"].ravel() for p in pictures])
    statistics: Statistics = found.statistics[name]
    assert statistics.zeros == int((seen == 0.0).sum()) > 0
    assert statistics.histogram.min() >= 0
    assert statistics.histogram.sum() == np.count_nonzero(seen)
    middle = float(np.average(statistics.centers, weights=statistics.histogram))
    assert middle == pytest.approx(float(seen[seen != 0].mean()), rel=1e-3)


def test_the_networks_outputs_are_never_clipped(tmp_path):
    model = mobile_net(tmp_path)
    samples = [Picture(image, PRE) for image in images(4)]
    (output,) = model.graph.outputs
    mse = calibrate(model, model.graph, samples, MeanSquaredError())
    assert mse.by_name[output] == calibrate(model, model.graph, samples, MinMax()).by_name[output]


def test_progress_counts_both_passes(tmp_path):
    model = mobile_net(tmp_path)
    samples = [Picture(image, PRE) for image in images(2)]
    told = []
    calibrate(
        model, model.graph, samples, MeanSquaredError(), progress=lambda *done: told.append(done)
    )
    assert told == [("calibrating", done, 4) for done in (1, 2, 3, 4)]


def test_no_pictures_is_an_error(tmp_path):
    model = mobile_net(tmp_path)
    with pytest.raises(DataError):
        calibrate(model, model.graph, [], MinMax())


@pytest.mark.parametrize("gain", [1e38, np.nan])
def test_values_that_explode_are_an_error_that_names_the_tensor(tmp_path, gain):
    net = FloatNet(4, 4, 3)
    good = net.conv("image", 2, clamp=RELU6)
    bad = net.conv(good, 2, gain=gain)
    model = net.model(tmp_path, bad)
    with pytest.raises(ModelError, match=bad):
        calibrate(model, model.graph, [Picture(np.ones((4, 4, 3), np.uint8), PRE)], MinMax())


@pytest.mark.parametrize("content", [b"", b"no onnx file", b"\x08\x08\x12"])
def test_a_broken_file_is_an_error(tmp_path, content):
    model = mobile_net(tmp_path)
    model.model_path.write_bytes(content)
    with pytest.raises(ModelError):
        FloatSession(model)


def test_a_tflite_file_that_is_gone_has_no_float_reference(tmp_path):
    model = mobile_net(tmp_path)
    with pytest.raises(ModelError, match=r"net\.tflite"):
        FloatSession(replace(model, model_path=tmp_path / "net.tflite"))


def test_channels_of_samples_held_back_are_counted_apart(tmp_path):
    model = mobile_net(tmp_path)
    pictures = [Picture(image, PRE) for image in images(5)]
    graph = camera_graph(model)
    plain = calibrate(model, graph, pictures, MinMax(), channels=True)
    apart = calibrate(model, graph, pictures, MinMax(), channels=True, held_back=pictures[3:])
    assert not plain.judged and set(apart.judged) == set(apart.channels) == set(plain.channels)
    for name, every in plain.channels.items():
        made, judged = apart.channels[name], apart.judged[name]
        assert made.samples * 2 == judged.samples * 3
        assert np.array_equal(made.with_(judged).counts, every.counts)
        assert np.array_equal(made.low, every.low) and np.array_equal(judged.high, every.high)
