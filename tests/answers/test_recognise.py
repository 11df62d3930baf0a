"""What a file's decoded outputs are: found in any spelling, and only where numbers prove it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from mcucc.answers.answer import BoxesAnswer
from mcucc.answers.read import read_output
from mcucc.answers.recognise.find import recognise_file
from mcucc.answers.recognise.found import Recognised
from mcucc.answers.spec import BoxesSpec, Decoder, HeadSpec, OutputSpec
from mcucc.answers.write import output_text
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.frontends.load import read_file
from mcucc.ops.common.detection import Form, Merge
from tests.answers import decoded_files as files


def found(path: Path) -> Recognised:
    """What is recognised; the reason where nothing is."""
    made = recognise_file(read_file(path))
    assert isinstance(made, Recognised), made
    return made


def boxes(path: Path) -> BoxesSpec:
    (spec,) = found(path).spec.boxes
    return spec


def refused(path: Path) -> str:
    made = recognise_file(read_file(path))
    assert isinstance(made, str), made
    return made


@pytest.mark.parametrize("bins", [1, 4, 16])
def test_yolov8_as_exported(tmp_path: Path, bins: int) -> None:
    made = found(files.yolov8(tmp_path / "a.onnx", bins=bins))
    (spec,) = made.spec.boxes
    assert spec.decoder is Decoder.YOLOV8
    assert [(head.boxes, head.scores, head.stride) for head in spec.heads] == [
        ("boxes0", "scores0", (4.0, 4.0)),
        ("boxes1", "scores1", (8.0, 8.0)),
    ]
    assert made.heads == ("boxes0", "scores0", "boxes1", "scores1")
    assert "ONNX Runtime" in made.proof
    assert "120 candidates" in made.words


def test_the_same_written_as_products_and_corners(tmp_path: Path) -> None:
    spec = boxes(files.sides_by_level(tmp_path / "a.onnx"))
    assert spec.decoder is Decoder.YOLOV8
    assert [head.stride for head in spec.heads] == [(4.0, 4.0), (8.0, 8.0)]


@pytest.mark.parametrize("multiply", [False, True], ids=["beside", "multiplied"])
@pytest.mark.parametrize(
    ("decode", "decoder"),
    [(files.decode_v5, Decoder.YOLOV5), (files.decode_v3, Decoder.YOLOV3)],
    ids=["v5", "v3"],
)
def test_anchors_are_solved(tmp_path: Path, decode: Any, decoder: Decoder, multiply: bool) -> None:
    made = found(files.anchored(tmp_path / "a.onnx", decode, multiply=multiply))
    (spec,) = made.spec.boxes
    assert spec.decoder is decoder
    assert [head.tensor for head in spec.heads] == ["head0", "head1"]
    for head, wanted in zip(spec.heads, files.ANCHORS, strict=True):
        np.testing.assert_allclose(head.anchors, wanted, rtol=1e-4)
    assert bool(made.assumed) is not multiply


def test_yolox_has_an_objectness_of_its_own(tmp_path: Path) -> None:
    spec = boxes(files.yolox(tmp_path / "a.onnx"))
    assert spec.decoder is Decoder.YOLOX
    assert all(head.boxes and head.objectness and head.scores for head in spec.heads)


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("y_first", [True, False])
def test_ssd(tmp_path: Path, y_first: bool, corners: bool) -> None:
    made = found(files.ssd(tmp_path / "a.onnx", y_first=y_first, corners=corners))
    (spec,) = made.spec.boxes
    assert spec.decoder is Decoder.SSD
    assert spec.form is (Form.CENTER_YX if y_first else None)
    np.testing.assert_allclose(spec.variances, (0.1, 0.1, 0.2, 0.2), rtol=1e-4)
    anchors = np.concatenate([head.anchors for head in spec.heads])
    np.testing.assert_allclose(anchors, files.priors(), rtol=1e-4, atol=1e-6)
    assert spec.softmax
    assert made.assumed == ("class 0 is taken for the background",)


def test_ssd_of_sigmoids(tmp_path: Path) -> None:
    spec = boxes(files.ssd(tmp_path / "a.onnx", softmax=False))
    assert spec.softmax is None
    assert spec.background is False


def test_bins_from_one_are_no_distances(tmp_path: Path) -> None:
    """A product with 1, 2, 3 .. is a layer: its output would be the head, one map for all."""
    assert "one size" in refused(files.yolov8(tmp_path / "a.onnx", first_bin=1))


def test_boxes_that_are_not_in_pixels_of_the_picture(tmp_path: Path) -> None:
    assert "strides" in refused(files.yolov8(tmp_path / "a.onnx", scale=1.5))


def test_x_and_y_that_do_not_fit_their_cells(tmp_path: Path) -> None:
    why = refused(files.yolov8(tmp_path / "a.onnx", swapped=True))
    assert why == "its boxes do not lie where their cells do (x and y?)"


def test_sizes_of_another_curve(tmp_path: Path) -> None:
    def decode(file: Any, xy: str, wh: str, cells: Any, anchors: Any, stride: int) -> Any:
        centre, _ = files.decode_v3(file, xy, wh, cells, anchors, stride)
        return centre, file.op("Mul", file.op("Softplus", wh), anchors)

    assert "no known decoder" in refused(files.anchored(tmp_path / "a.onnx", decode))


def test_anchors_that_differ_by_cell(tmp_path: Path) -> None:
    def decode(file: Any, xy: str, wh: str, cells: Any, anchors: Any, stride: int) -> Any:
        odd = anchors * np.where(cells[..., :1] == 0, 1.1, 1.0)
        return files.decode_v3(file, xy, wh, cells, odd, stride)

    assert "anchors" in refused(files.anchored(tmp_path / "a.onnx", decode))


def test_names_of_classes_are_the_files(tmp_path: Path) -> None:
    spec = boxes(files.yolov8(tmp_path / "a.onnx", metadata={"names": "{0: 'cat', 1: 'dog'}"}))
    assert spec.classes == ("cat", "dog")


@pytest.mark.parametrize(
    "names",
    [
        "{0: 'cat'}",
        "{0: 'cat', 2: 'dog'}",
        "{0: 'cat', 1: 'cat'}",
        "{0: 'cat', 1: 'a\\nb\nc'}",
        "{0: 'cat', 1: open('x')}",
        "[" * 50_000,
        "{" + "0: 'a', " * 10_000,
    ],
)
def test_other_names_are_left_out(tmp_path: Path, names: str) -> None:
    assert boxes(files.yolov8(tmp_path / "a.onnx", metadata={"names": names})).classes == ()


def test_scores_before_boxes_in_one_map(tmp_path: Path) -> None:
    """As NanoDet's heads, with what is decoded: [output] says the order and the classes."""
    spec = boxes(files.sides_by_level(tmp_path / "a.onnx", together=True))
    assert spec.order == ("scores", "boxes")
    assert len(spec.classes) == 3
    assert all(head.tensor for head in spec.heads)


def test_a_suppression_at_the_end_is_cut_off(tmp_path: Path) -> None:
    spec = boxes(files.suppressed(tmp_path / "a.onnx", overlap=0.6, threshold=0.25))
    assert spec.decoder is Decoder.YOLOV8
    assert (spec.overlap, spec.threshold, spec.most) == (0.6, 0.25, 20)
    assert spec.merge is Merge.NMS


def test_a_suppression_of_no_overlap_is_refused(tmp_path: Path) -> None:
    assert "overlap" in refused(files.suppressed(tmp_path / "a.onnx", overlap=0.0, threshold=0.25))


def test_the_best_of_a_list_are_chosen_without_a_suppression(tmp_path: Path) -> None:
    """YOLOv10 and YOLO26 end so, which no network of mcucc does: it is cut in front."""
    path = files.best(tmp_path / "a.onnx")
    spec = boxes(path)
    assert spec.decoder is Decoder.YOLOV8
    assert len(load(path).answers) == 1
    assert spec.merge is Merge.NONE


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_suppression_of_no_number_is_refused(tmp_path: Path, value: float) -> None:
    assert f"is {value}" in refused(
        files.suppressed(tmp_path / "a.onnx", overlap=value, threshold=0.25)
    )


def test_a_suppression_by_a_broken_constant_is_refused(tmp_path: Path) -> None:
    path = files.suppressed(tmp_path / "a.onnx", overlap=0.5, threshold=0.25)
    model = onnx.load(path)
    node = next(n for n in model.graph.node if n.op_type == "NonMaxSuppression")
    tensor = next(t for t in model.graph.initializer if t.name == node.input[3])
    tensor.raw_data = b"\0"
    onnx.save(model, path)
    assert "broken" in refused(path)


@pytest.mark.parametrize("make", [files.yolox, files.ssd, files.yolov8])
def test_what_is_found_is_a_table_of_a_toml(tmp_path: Path, make: Any) -> None:
    spec = found(make(tmp_path / "a.onnx")).spec
    text = output_text(spec)
    assert read_output(tomllib.loads(text)["output"], "x.toml") == spec


def test_names_in_a_toml_are_escaped() -> None:
    name = 'a"b\\c\x1b[31m\x9bé😀'
    spec = OutputSpec(boxes=(BoxesSpec(Decoder.SSD, heads=(HeadSpec(tensor=name),)),))
    text = output_text(spec)
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert read_output(tomllib.loads(text)["output"], "x.toml") == spec


def load(path: Path, **options: Any) -> LoadedModel:
    """As compile does, on noise: the fast way of the quantizer."""
    return load_network(path, NetworkOptions(noise=True, **options))


def test_a_decoded_file_becomes_its_raw_heads_and_answers(tmp_path: Path) -> None:
    network = load(files.yolov8(tmp_path / "a.onnx"))
    (answer,) = network.answers
    assert network.recognised is not None
    assert network.graph.outputs == (answer.output,)
    assert answer.heads == ("boxes0", "scores0", "boxes1", "scores1")
    assert not any("Concat" in node.op.kind for node in network.graph.nodes)


def test_who_wants_the_decoded_numbers_keeps_them(tmp_path: Path) -> None:
    path = files.yolov8(tmp_path / "a.onnx")
    for options in ({"raw_outputs": True}, {"outputs": ("output0",)}):
        network = load(path, **options)
        assert network.recognised is None
        assert not network.answers
        assert [port.name for port in network.imported.outputs] == ["output0"]


def test_a_toml_has_the_last_word(tmp_path: Path) -> None:
    path = files.yolov8(tmp_path / "a.onnx")
    text = output_text(found(path).spec).replace("[output.boxes]", "[output.boxes]\nmost = 3", 1)
    path.with_suffix(".toml").write_text(text)
    network = load(path)
    (answer,) = network.answers
    assert isinstance(answer, BoxesAnswer)
    assert answer.most == 3
    assert network.recognised is None
