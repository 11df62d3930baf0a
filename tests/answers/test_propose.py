"""What analyze proposes of shapes and names: tables that fit, and none where nothing says it."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from mcucc.answers.ends import Ends
from mcucc.answers.propose import Proposed, propose
from mcucc.answers.read import read_output
from mcucc.answers.spec import Decoder
from mcucc.answers.write import output_text
from mcucc.ir import Quant, Tensor
from mcucc.ir.op import Op
from mcucc.ops.l2_norm import L2Norm
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.softmax import Softmax
from tests.answers.test_boxes import Shape, network

SIZE = (64, 96)
CELLS = 8 * 12 + 4 * 6 + 2 * 3


def proposed(
    shapes: dict[str, Shape],
    ops: dict[str, Op] | None = None,
    constants: dict[str, np.ndarray] | None = None,
    channels: int = 3,
) -> Proposed | None:
    graph = network(shapes, ops)
    image = Tensor("image", (1, *SIZE, channels), np.dtype(np.int8), Quant((1.0,)))
    graph = replace(graph, inputs=("image",), tensors={**graph.tensors, "image": image})
    names = {name: name for name in shapes}
    return propose(graph, Ends(names, constants=constants or {}, size=SIZE))


@pytest.mark.parametrize(
    "shapes, decoder",
    [
        ({"a": (8, 12, 64), "b": (8, 12, 3), "c": (4, 6, 64), "d": (4, 6, 3)}, Decoder.YOLOV8),
        ({"a": (8, 12, 67), "b": (4, 6, 67)}, Decoder.YOLOV8),
        ({"a": (8, 12, 34), "b": (4, 6, 34)}, Decoder.FCOS),
        ({"a": (CELLS, 34)}, Decoder.FCOS),
        ({"a": (8, 12, 18), "b": (4, 6, 18), "c": (2, 3, 18)}, Decoder.YOLOV5),
        ({"heat": (16, 24, 3), "wh": (16, 24, 2), "off": (16, 24, 2)}, Decoder.CENTERNET),
        ({"a": (8 * 12 * 2 + 4 * 6 * 6, 16), "b": (8 * 12 * 2 + 4 * 6 * 6, 1)}, Decoder.BLAZEFACE),
        ({"a": (7, CELLS)}, Decoder.CORNERS),
    ],
)
def test_detectors_are_told_by_their_channels(shapes: dict[str, Shape], decoder: Decoder) -> None:
    found = proposed(shapes)
    assert found is not None and found.spec.boxes[0].decoder is decoder
    text = output_text(found.spec)
    assert read_output(tomllib.loads(text)["output"], "net.toml") == found.spec


def test_anchors_that_only_a_training_knows_are_said_to_be_assumed() -> None:
    found = proposed({"a": (8, 12, 18), "b": (4, 6, 18), "c": (2, 3, 18)})
    assert found is not None and "COCO" in found.assumed
    assert found.spec.boxes[0].heads[0].anchors == ((10, 13), (16, 30), (33, 23))


def test_other_tasks_are_told_by_size_ending_and_name() -> None:
    fomo = proposed({"a": (8, 12, 3)}, {"a": Softmax()})
    assert fomo is not None and fomo.spec.boxes[0].decoder is Decoder.FOMO
    mask = proposed({"a": (64, 96, 4)})
    assert mask is not None and mask.spec.mask
    heat = proposed({"heatmap": (16, 24, 5)})
    assert heat is not None and heat.spec.keypoints[0].score == "sigmoid"
    classes = proposed({"a": (10,)})
    assert classes is not None and classes.spec.classes[0].score == "softmax"
    ended = proposed({"a": (10,)}, {"a": Softmax()})
    assert ended is not None and ended.spec.classes[0].score == "identity"
    vector = proposed({"a": (32,)}, {"a": L2Norm()})
    assert vector is not None and vector.spec.embedding


def test_outputs_of_different_tasks_are_a_table_each() -> None:
    found = proposed({"logits": (5,), "road": (64, 96, 4), "other": (2, 3, 21)})
    assert found is not None and found.spec.classes and found.spec.mask
    assert found.spec.classes[0].tensor == "logits"


def test_nothing_is_proposed_where_nothing_says_it() -> None:
    assert proposed({"a": (64, 96, 1)}) is None  # a depth, a picture, logits
    assert proposed({"a": (64, 96, 1)}, {"a": Sigmoid()}, channels=1) is None  # a better picture
    assert proposed({"a": (10,), "b": (20,)}) is None
