"""TFLite_Detection_PostProcess: its options, anchors and maps, whatever the file claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers

from mcucc.answers.append import append
from mcucc.answers.ends import Ends
from mcucc.answers.recognise.find import recognise_file
from mcucc.answers.recognise.found import Recognised
from mcucc.answers.records import boxes_of
from mcucc.answers.spec import Decoder, OutputSpec
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.frontends.load import load_model, read_file
from mcucc.frontends.tflite.flexbuffer import numbers_of
from mcucc.ir.float_run import evaluate_graph
from mcucc.ops.common.detection import Curve, Form
from tests.answers.post_processed import (
    CLASSES,
    HEIGHT,
    OPTIONS,
    WIDTH,
    anchors,
    post_processed,
)
from tests.litert_builder import run_litert


def found(path: Path) -> Recognised:
    made = recognise_file(read_file(path))
    assert isinstance(made, Recognised), made
    return made


def options(**changes: Any) -> bytes:
    return bytes(flexbuffers.Dumps({**OPTIONS, **changes}))


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_options_anchors_and_maps(tmp_path: Path, int8: bool) -> None:
    made = found(post_processed(tmp_path / "a.tflite", int8=int8))
    (spec,) = made.spec.boxes
    assert (spec.decoder, spec.form) == (Decoder.SSD, Form.CENTER_YX)
    assert (spec.threshold, spec.overlap, spec.most) == (0.4, 0.55, 7)
    assert spec.agnostic
    assert spec.background
    assert spec.score is Curve.SIGMOID
    np.testing.assert_allclose(spec.variances, (0.1, 0.1, 0.2, 0.2))
    assert made.heads == ("boxes0", "logits0", "boxes1", "logits1")
    assert made.classes == CLASSES
    wanted = anchors()[:, [1, 0, 3, 2]]
    np.testing.assert_allclose(
        np.concatenate([head.anchors for head in spec.heads]), wanted, rtol=1e-5
    )


def test_the_boxes_are_those_of_litert(tmp_path: Path) -> None:
    path = post_processed(tmp_path / "a.tflite")
    made = found(path)
    cut = load_model(path, outputs=made.heads)
    ends = Ends({port.name: port.tensor for port in cut.outputs}, size=(HEIGHT, WIDTH))
    appended = append(cut.graph, OutputSpec(boxes=made.spec.boxes), ends)
    picture = np.random.default_rng(1).uniform(-2, 2, (1, HEIGHT, WIDTH, 3)).astype(np.float32)
    (name,) = cut.graph.inputs
    values = evaluate_graph(appended.graph, {name: picture})
    (answer,) = appended.answers
    ours = boxes_of(values[answer.output], 0)
    theirs, kinds, scores, count = run_litert(path.read_bytes(), [picture])
    assert len(ours) == int(count[0]) > 2
    for number, box in enumerate(ours):
        top, left, bottom, right = theirs[0, number] * (HEIGHT, WIDTH, HEIGHT, WIDTH)
        np.testing.assert_allclose(
            (box.left, box.top, box.right, box.bottom), (left, top, right, bottom), atol=1e-3
        )
        assert box.kind == int(kinds[0, number])
        assert abs(box.score - scores[0, number]) < 1e-4


def test_a_threshold_that_lets_everything_pass_is_not_taken(tmp_path: Path) -> None:
    made = found(post_processed(tmp_path / "a.tflite", options(nms_score_threshold=1e-8)))
    assert made.spec.boxes[0].threshold == 0.3
    assert made.assumed == ("a threshold of 0.3 instead of the file's 1e-08",)


def test_regular_suppression_is_class_by_class(tmp_path: Path) -> None:
    made = found(post_processed(tmp_path / "a.tflite", options(use_regular_nms=True)))
    assert not made.spec.boxes[0].agnostic


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"num_classes": 7}, "classes"),
        ({"x_scale": 0.0}, "scales"),
        ({"w_scale": float("nan")}, "scales"),
        ({"max_detections": 0}, "keeps 0"),
        ({"max_detections": 10**6}, "counts"),
        ({"max_detections": float("nan")}, "counts"),
        ({"num_classes": float("inf")}, "counts"),
        ({"num_classes": -1}, "counts"),
        ({"nms_iou_threshold": -1.0}, "overlap"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    made = recognise_file(read_file(post_processed(tmp_path / "a.tflite", options(**changes))))
    assert isinstance(made, str)
    assert why in made


def test_anchors_of_other_boxes(tmp_path: Path) -> None:
    made = recognise_file(read_file(post_processed(tmp_path / "a.tflite", anchor_count=5)))
    assert isinstance(made, str)
    assert "shape" in made


def test_numbers_of_a_map() -> None:
    assert numbers_of(options()) == OPTIONS
    mixed = flexbuffers.Dumps({"a": 2**40, "b": -3, "text": "x", "list": [1, 2], "on": True})
    assert numbers_of(bytes(mixed)) == {"a": 2**40, "b": -3, "on": 1}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x00\x24\x01",
        b"\xff\x24\x01",
        b"\x01" * 40,
        b"\x00" * (1 << 17),
        bytes(flexbuffers.Dumps([1, 2])),
        options()[:-40],
    ],
)
def test_bytes_that_are_no_map(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        numbers_of(data)
    made = recognise_file(read_file(post_processed(tmp_path / "a.tflite", data)))
    assert isinstance(made, str)
    assert "TFLite_Detection_PostProcess" in made


def test_any_bytes_are_numbers_or_a_ValueError() -> None:
    draw, whole = np.random.default_rng(2), options()
    for _ in range(3000):
        data = bytearray(whole)
        for place in draw.integers(0, len(data), 3):
            data[place] = draw.integers(256)
        try:
            made = numbers_of(bytes(data[: draw.integers(1, len(data) + 1)]))
        except ValueError:
            continue
        assert all(isinstance(value, int | float) for value in made.values())


@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
def test_such_a_file_is_compiled(tmp_path: Path, int8: bool) -> None:
    path = post_processed(tmp_path / "a.tflite", int8=int8)
    network = load_network(path, NetworkOptions(noise=True))
    (answer,) = network.answers
    assert network.graph.outputs == (answer.output,)
    assert answer.heads == ("boxes0", "logits0", "boxes1", "logits1")
