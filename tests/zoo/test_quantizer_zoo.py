"""The quantizer on the zoo's float networks: accuracy on real pictures, and the time it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.evaluate.layer_noise import compare_layers
from mcucc.evaluate.ways import top1
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.images.datasets import load_dataset, pictures
from mcucc.images.preprocess import find_preprocess
from mcucc.images.samples import Picture
from mcucc.oracles.float_session import FloatSession
from mcucc.passes.fold_input import fold_input_normalisation
from mcucc.passes.pipeline import optimize
from mcucc.quantize.pipeline import quantize_model
from tests.quantize.quality import integer_outputs

pytestmark = pytest.mark.zoo


@pytest.mark.parametrize(
    ("name", "task", "count", "float_top1", "least", "least_snr"),
    [
        ("mcunet-5fps_vww", "coco_person", None, 0.9583, 0.93, 22.0),
        ("mcunet-10fps_vww", "coco_person", None, 0.9417, 0.92, 20.0),
        # Every fifth picture of those that were not calibrated on: 80.
        ("mcunet-320kb-1mb_imagenet", "imagenet", 5, None, None, 17.0),
        ("proxyless-w0.3-r176_imagenet", "imagenet", 5, None, None, 20.0),
    ],
)
def test_int8_keeps_the_accuracy_of_the_float_network(
    zoo_dir: Path,
    data_dir: Path,
    name: str,
    task: str,
    count: int | None,
    float_top1: float | None,
    least: float | None,
    least_snr: float,
) -> None:
    path = zoo_dir / "onnx" / f"{name}.onnx"
    model, preprocess = import_onnx(path), find_preprocess(path)
    scale, offset = preprocess.affine()
    (source,) = model.graph.inputs
    graph = optimize(
        fold_input_normalisation(optimize(model.graph), source, scale.tolist(), offset.tolist())
    )
    dataset = load_dataset(data_dir / task)
    made = quantize_model(model, graph, dataset.calibration(preprocess))

    items = dataset.labelled if count is None else dataset.labelled[100::count]
    read = list(pictures(items, preprocess))
    images, labels = [found.image for found in read], [found.label for found in read]
    (output,) = graph.outputs
    session = FloatSession(model)
    real = [session.run([preprocess.real_values(image)])[output] for image in images]
    int8 = [found[output] for found in integer_outputs(made.integer, images)]
    if float_top1 is not None and least is not None:
        assert top1(real, labels) == pytest.approx(float_top1, abs=1e-4)
        assert top1(int8, labels) >= least
    agreement = top1(int8, [int(value.argmax()) for value in real])
    assert agreement >= 0.85
    last = [Picture(image, preprocess) for image in images[-8:]]
    layers = compare_layers(model, made.floats, made.graph, made.integer, {}, last)
    assert layers[-1].snr_db is not None and layers[-1].snr_db >= least_snr
