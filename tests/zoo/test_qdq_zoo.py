"""mcunet-5fps vww quantized by ONNX Runtime, in every form, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from benchmarks.litert import with_float_product
from mcucc.images.datasets import load_dataset
from mcucc.images.preprocess import find_preprocess
from mcucc.ir.integer import IntegerGraph
from mcucc.oracles.exact_session import exact_products, exact_session
from tests.frontends.test_qdq import EVERY_FORM, Compared

pytestmark = pytest.mark.zoo
MODEL = "onnx/mcunet-5fps_vww.onnx"


def pictures(zoo: Path, data: Path, count: int) -> Iterator[np.ndarray]:
    preprocess = find_preprocess(zoo / MODEL)
    for item in load_dataset(data / "coco_person").items[:count]:
        real = preprocess.real_values(item.load(preprocess).image)
        yield np.ascontiguousarray(real.transpose(2, 0, 1)[None])


class Calibration(CalibrationDataReader):
    def __init__(self, images: Iterator[np.ndarray]) -> None:
        self.images = images

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {"image": image}


@pytest.mark.parametrize(("form", "kind", "per_channel"), EVERY_FORM)
def test_mcunet_as_onnx_runtime_quantizes_it(
    zoo_dir: Path,
    data_dir: Path,
    tmp_path: Path,
    form: QuantFormat,
    kind: QuantType,
    per_channel: bool,
) -> None:
    """Every kernel within 1 on ONNX Runtime's own values, one of 100,000 at most; same top-1.

    Whole-network outputs: within 1, and equal with ONNX Runtime's float32 products in place of
    ours. Not where int8 activations come as QDQ: there ONNX Runtime leaves convolutions and sums in
    float, and we are as near to it as its own optimization levels are to each other.
    """
    clean, path = tmp_path / "clean.onnx", tmp_path / "quantized.onnx"
    quant_pre_process(zoo_dir / MODEL, clean, skip_symbolic_shape=True)
    quantize_static(
        clean,
        path,
        Calibration(pictures(zoo_dir, data_dir, 16)),
        quant_format=form,
        activation_type=kind,
        weight_type=QuantType.QInt8,
        per_channel=per_channel,
    )
    compared = Compared(path)
    found = np.array([compared.differences(p) for p in pictures(zoo_dir, data_dir, 5)])
    assert found[:, 0].max() <= 1
    assert found[:, 1].sum() <= found[:, 2].sum() / 100_000
    sessions = [optimized(path, form), exact_session(onnx.load(path))]
    in_float = form is QuantFormat.QDQ and kind is QuantType.QInt8
    (end,), products = compared.imported.outputs, float_products(compared)
    distance, spread = 0.0, 0.0
    for picture in pictures(zoo_dir, data_dir, 40):
        ours = compared.ours(picture)
        scores = end.from_integers(ours[end.tensor]).reshape(-1)
        theirs, unoptimized = (s.run(None, {"image": picture})[0].reshape(-1) for s in sessions)
        step = end.quantization.per_tensor_scale
        distance = max(distance, float(np.rint(np.abs(scores - theirs) / step).max()))
        spread = max(spread, float(np.rint(np.abs(unoptimized - theirs) / step).max()))
        assert scores.argmax() == theirs.argmax()
        if not in_float:
            int8 = products.run({name: ours[name] for name in products.inputs})[end.tensor]
            np.testing.assert_allclose(end.from_integers(int8).reshape(-1), theirs, atol=step / 100)
    assert distance <= (spread if in_float else 1.0)


def optimized(path: Path, form: QuantFormat) -> ort.InferenceSession:
    """ONNX Runtime as it runs by default, but for sums that saturate on x86 without VNNI."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    if form is QuantFormat.QDQ:  # its own way to uint8 weights fails on QOperator files
        options.add_session_config_entry("session.x64quantprecision", "1")
    whole = exact_products(onnx.load(path)).SerializeToString()
    return ort.InferenceSession(whole, options, providers=["CPUExecutionProvider"])


def float_products(compared: Compared) -> IntegerGraph:
    """The network with ONNX Runtime's requantization in every kernel of sums."""
    source, graph = compared.imported.graph, compared.graph
    nodes = (
        replace(ours, kernel=with_float_product(source, node, ours.kernel))
        for node, ours in zip(source.nodes, graph.nodes, strict=True)
    )
    return replace(graph, nodes=tuple(nodes))
