"""[output.boxes] behind maps: which numbers are read how, and the boxes that a known byte gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from mcucc.answers.answer import BoxesAnswer
from mcucc.answers.append import Appended, append, without
from mcucc.answers.decode import decode
from mcucc.answers.ends import Ends
from mcucc.answers.records import Box
from mcucc.answers.spec import BoxesSpec, Decoder, HeadSpec, OutputSpec
from mcucc.errors import DataError
from mcucc.ir import Graph, Node, Quant, Tensor
from mcucc.ir.op import Op
from mcucc.ops.common.detection import Curve, Form
from mcucc.ops.detect_head import DetectHead
from mcucc.ops.requantize import Requantize
from mcucc.ops.sigmoid import Sigmoid
from mcucc.quantize.lower import lower

SIZE = (32, 48)  # of the picture
SCALE = 1 / 16
Shape = tuple[int, ...]


def network(shapes: Mapping[str, Shape], ops: Mapping[str, Op] | None = None) -> Graph:
    """Every output is a function of its input."""
    tensors, nodes = {}, []
    for name, shape in shapes.items():
        op = (ops or {}).get(name, Requantize())
        quant = op.fixed_quant() or Quant((SCALE,), 0)
        int8 = np.dtype(np.int8)
        tensors[f"{name}_in"] = Tensor(f"{name}_in", (1, *shape), int8, Quant((SCALE,), 0))
        tensors[name] = Tensor(name, (1, *shape), int8, quant)
        nodes.append(Node(f"n_{name}", op, (f"{name}_in",), (name,)))
    return Graph("net", tuple(nodes), tensors, tuple(f"{n}_in" for n in shapes), tuple(shapes))


def appended(
    spec: BoxesSpec,
    shapes: Mapping[str, Shape],
    ops: Mapping[str, Op] | None = None,
    constants: Mapping[str, np.ndarray] | None = None,
) -> Appended:
    ends = Ends({n: n for n in shapes}, constants=constants or {}, size=SIZE, where="net.toml")
    return append(network(shapes, ops), OutputSpec(boxes=(spec,)), ends)


def found(made: Appended, values: Mapping[str, np.ndarray]) -> tuple[Box, ...]:
    """The boxes of real values of the heads, in float; those of their bytes must be near."""
    (answer,) = made.answers
    assert isinstance(answer, BoxesAnswer)
    floats = answer.read(decode(made.graph, made.answers, values)[answer.output])
    integer = lower(made.graph)
    raw = without(made.graph, made.answers)
    inputs = {}
    for node in raw.nodes:
        (source,) = node.inputs
        shape = integer.activations[source].shape
        real = values[node.output].reshape(shape)
        if isinstance(node.op, Sigmoid):
            real = np.log(real / (1 - real))
        inputs[source] = np.clip(np.round(real / SCALE), -128, 127).astype(np.int8)[None]
    ours = answer.read(integer.run(inputs)[answer.output][0])
    for a, b in zip(floats, ours, strict=True):
        assert [b.left, b.top, b.right, b.bottom] == pytest.approx(
            [a.left, a.top, a.right, a.bottom], abs=0.6
        )
        assert (b.score, b.kind) == (pytest.approx(a.score, abs=0.02), a.kind)
    return floats


def maps(shapes: Mapping[str, Shape], scores: Sequence[str]) -> dict[str, np.ndarray]:
    """Zeros, and scores that are sure of nothing."""
    return {n: np.full(s, -7.0 if n in scores else 0.0) for n, s in shapes.items()}


def test_yolov3_is_a_cell_an_anchor_and_a_product_of_two_scores() -> None:
    shapes = {"a": (4, 6, 2 * 7)}
    spec = BoxesSpec(Decoder.YOLOV3, (HeadSpec("a", anchors=((10, 20), (6, 4))),), ("x", "y"))
    values = np.full((4, 6, 2, 7), -7.0)
    values[1, 2, 1] = [0, 0, 0, np.log(2), 3, -3, 3]
    (box,) = found(appended(spec, shapes), {"a": values})
    centre = (2.5 * 8, 1.5 * 8)
    assert (box.left + box.right) / 2 == pytest.approx(centre[0])
    assert (box.top + box.bottom) / 2 == pytest.approx(centre[1])
    assert box.right - box.left == pytest.approx(6)
    assert box.bottom - box.top == pytest.approx(8, abs=1e-5)
    assert box.score == pytest.approx((1 / (1 + np.exp(-3))) ** 2, abs=1e-6)
    assert box.kind == 1


def test_yolov8_is_distances_from_the_middle_of_a_cell_by_bins() -> None:
    shapes = {"b0": (4, 6, 64), "s0": (4, 6, 2), "b1": (2, 3, 64), "s1": (2, 3, 2)}
    values = maps(shapes, ["s0", "s1"])
    values["s1"][1, 1, 0] = 2
    values["b1"][1, 1] = -7.9
    for side, bin_ in enumerate((0, 1, 1, 0)):  # left, top, right, bottom
        values["b1"][1, 1, side * 16 + bin_] = 7.9
    (box,) = found(appended(BoxesSpec(Decoder.YOLOV8), shapes), values)
    place = [box.left, box.top, box.right, box.bottom]
    assert place == pytest.approx([24, 8, 40, 24], abs=0.01)
    assert box.kind == 0


def test_a_single_map_of_boxes_and_scores_is_told_by_its_channels() -> None:
    made = appended(BoxesSpec(Decoder.YOLOV8), {"a": (4, 6, 64 + 3)})
    assert heads(made)[0].classes == 3 and heads(made)[0].bins == 16
    made = appended(BoxesSpec(Decoder.YOLOV8, classes=tuple("abcde")), {"a": (4, 6, 4 + 5)})
    assert heads(made)[0].classes == 5 and heads(made)[0].bins == 0


def heads(made: Appended) -> list[DetectHead]:
    return [node.op for node in made.graph.nodes if isinstance(node.op, DetectHead)]


def test_yolox_of_all_scales_joined_has_a_place_for_every_cell() -> None:
    count = 4 * 6 + 2 * 3 + 1 * 2
    shapes = {"a": (count, 6)}
    values = np.full((count, 6), -7.0)
    values[24 + 4] = [0.25, 0, 0, 0, 4, 4]  # the cell (1, 1) of stride 16
    (box,) = found(appended(BoxesSpec(Decoder.YOLOX), shapes), {"a": values})
    assert [box.left, box.top, box.right, box.bottom] == pytest.approx([12, 8, 28, 24])


def test_candidates_of_one_scale_become_the_map_that_they_were() -> None:
    shapes = {"a": (24, 6)}
    made = appended(BoxesSpec(Decoder.YOLOX, (HeadSpec("a", strides=(8,)),)), shapes)
    (head,) = heads(made)
    assert head.stride == (8, 8) and len(head.anchors) == 1 and not head.own_anchors
    assert made.answers[0].heads == ("a",)


def test_ssd_scales_its_numbers_by_variances_and_knows_a_background() -> None:
    shapes = {"boxes": (4, 6, 4), "scores": (4, 6, 3)}
    head = HeadSpec(boxes="boxes", scores="scores", anchors=((16, 8),))
    values = maps(shapes, [])
    values["scores"][...] = [3, -3, -3]  # the background
    values["scores"][1, 2] = [-3, -3, 3]
    values["boxes"][1, 2] = [1, 0, 5 * np.log(2), 0]
    (box,) = found(appended(BoxesSpec(Decoder.SSD, (head,)), shapes), values)
    x, y = 2.5 * 8 + 0.1 * 16, 1.5 * 8
    assert [box.left, box.right] == pytest.approx([x - 16, x + 16], abs=1e-4)
    assert [box.top, box.bottom] == pytest.approx([y - 4, y + 4], abs=1e-4)
    assert box.kind == 1


def test_anchors_may_be_a_constant_output_of_the_file() -> None:
    shapes = {"boxes": (7, 4), "scores": (7, 2)}
    rows = np.array([[0.5, 0.5, 0.25, 0.5]] * 7, np.float32)
    head = HeadSpec(boxes="boxes", scores="scores", anchors_from="anchors")
    made = appended(BoxesSpec(Decoder.SSD, (head,)), shapes, constants={"anchors": rows})
    values = maps(shapes, [])
    values["scores"][1] = [-3, 3]
    (box,) = found(made, values)
    assert [box.left, box.top, box.right, box.bottom] == pytest.approx([18, 8, 30, 24])


def test_each_head_has_anchors_of_its_own() -> None:
    shapes = {"fine": (4, 6, 12), "coarse": (2, 3, 12)}
    pairs = {"fine": ((4, 8), (8, 4)), "coarse": ((16, 8), (32, 16))}
    both = tuple(HeadSpec(name, anchors=own) for name, own in pairs.items())
    made = appended(BoxesSpec(Decoder.YOLOV3, both, ("person",)), shapes)
    for op, own in zip(heads(made), pairs.values(), strict=True):
        assert tuple((a.gain_width, a.gain_height) for a in op.anchors) == own


def test_st_ssd_moves_the_edges_of_anchors_and_heads_share_a_constant() -> None:
    """The constant has edges as shares, of the cells of the first head, then of the second."""
    shapes = {"b0": (2, 3, 8), "s0": (2, 3, 4), "b1": (1, 2, 8), "s1": (1, 2, 4)}
    rows = np.full((16, 4), 0.25, np.float32)
    rows[:, 2:] = 0.5
    rows[14] = [0.5, 0.25, 1.0, 0.5]  # the first of the second head's second cell
    pairs = [("b0", "s0"), ("b1", "s1")]
    both = tuple(HeadSpec(boxes=b, scores=s, anchors_from="a") for b, s in pairs)
    spec = BoxesSpec(Decoder.ST_SSD, both, ("person",))
    made = appended(spec, shapes, constants={"a": rows})
    values = {name: np.zeros(shape) for name, shape in shapes.items()}
    for scores in ("s0", "s1"):
        values[scores][..., ::2] = 4.0  # the background
    values["s1"][0, 1, :2] = [-4.0, 4.0]
    values["b1"][0, 1, :4] = [-0.5, 0.25, 0.5, 1.0]
    (box,) = found(made, values)
    edges = [24 - 12, 8 + 2, 48 + 12, 16 + 8]
    assert [box.left, box.top, box.right, box.bottom] == pytest.approx(edges)
    with pytest.raises(DataError, match="a has 17 anchors, its heads 16 candidates"):
        appended(spec, shapes, constants={"a": np.vstack([rows, rows[:1]])})


def test_fomo_joins_cells_that_touch() -> None:
    shapes = {"a": (4, 6, 2)}
    values = np.full((4, 6, 2), 4.0) * [1, -1]
    for cell in ((1, 1), (1, 2), (3, 5)):
        values[cell] = [-4, 4]
    boxes = found(appended(BoxesSpec(Decoder.FOMO), shapes), {"a": values})
    places = {(b.left, b.top, b.right, b.bottom) for b in boxes}
    assert places == {(8, 8, 24, 16), (40, 24, 48, 32)}


def test_centernet_takes_peaks_with_sizes_and_offsets_of_their_own() -> None:
    shapes = {"heat": (4, 6, 1), "wh": (4, 6, 2), "off": (4, 6, 2)}
    head = HeadSpec(scores="heat", sizes="wh", boxes="off")
    values = maps(shapes, ["heat"])
    values["heat"][1, 2], values["heat"][1, 3] = 3, 2  # a peak and its slope
    values["wh"][1, 2], values["off"][1, 2] = [2, 1], [0.5, 0.25]
    (box,) = found(appended(BoxesSpec(Decoder.CENTERNET, (head,)), shapes), values)
    assert [box.left, box.top, box.right, box.bottom] == [12, 6, 28, 14]


def test_blazeface_has_points() -> None:
    count = 4 * 6 * 2 + 2 * 3 * 6
    shapes = {"r": (count, 16), "s": (count, 1)}
    values = maps(shapes, ["s"])
    values["s"][2 * 7] = 3  # the cell (1, 1) of stride 8
    values["r"][2 * 7, :6] = [1, 2, 6, 4, -1, 0.5]
    (box,) = found(appended(BoxesSpec(Decoder.BLAZEFACE), shapes), values)
    assert [box.left, box.top, box.right, box.bottom] == [10, 12, 16, 16]
    assert len(box.points) == 6
    assert [box.points[0].x, box.points[0].y, box.points[1].x] == [11, 12.5, 12]


def test_decoded_boxes_may_come_channels_first_and_in_two_parts() -> None:
    shapes = {"boxes": (4, 9), "scores": (2, 9)}
    head = HeadSpec(boxes="boxes", scores="scores")
    spec = BoxesSpec(Decoder.CORNERS, (head,), ("a", "b"), form=Form.CENTER)
    values = maps(shapes, [])
    values["boxes"][:, 3], values["scores"][1, 3] = [5, 6, 4, 2], 0.75
    made = appended(spec, shapes)
    assert made.answers[0].heads == ("boxes", "scores")
    assert found(made, values) == (Box(3, 5, 7, 7, 0.75, 1),)


def test_a_sigmoid_that_the_network_has_is_not_taken_again() -> None:
    shapes = {"b": (4, 6, 4), "s": (4, 6, 2)}
    made = appended(BoxesSpec(Decoder.YOLOV8), shapes, {"s": Sigmoid()})
    assert heads(made)[0].score_curve is Curve.IDENTITY
    values = {"b": np.ones((4, 6, 4)), "s": np.full((4, 6, 2), 0.01)}
    values["s"][1, 1, 1] = 0.9
    (box,) = found(made, values)
    assert [box.left, box.top, box.right, box.bottom] == [4, 4, 20, 20]
    with pytest.raises(DataError, match=r"output.boxes.score: they end in Sigmoid already"):
        appended(BoxesSpec(Decoder.YOLOV8, score=Curve.SIGMOID), shapes, {"s": Sigmoid()})


YOLO = HeadSpec("a", anchors=((10, 20), (6, 4)))


@pytest.mark.parametrize(
    "spec, shapes, message",
    [
        (
            BoxesSpec(Decoder.YOLOV3, (YOLO,), ("a", "b")),
            {"a": (4, 6, 15)},
            r"output.boxes.heads\[0\].tensor: 15 channels are not those of 2 anchors",
        ),
        (
            BoxesSpec(Decoder.YOLOV3, (YOLO,), ("a", "b")),
            {"a": (4, 6, 16)},
            r"output.boxes.heads\[0\].tensor: a has 16 channels; .* 2 anchors of 4 of boxes, 1 of "
            "objectness, 2 scores",
        ),
        (
            BoxesSpec(Decoder.YOLOV3),
            {"a": (4, 6, 16)},
            "output.boxes.heads: yolov3 has anchors: name each map",
        ),
        (
            BoxesSpec(Decoder.YOLOV3, (YOLO,)),
            {"a": (48, 7)},
            r"output.boxes.heads\[0\]: 48 candidates .* the map of each scale",
        ),
        (
            BoxesSpec(Decoder.YOLOV3, (HeadSpec("c", anchors=((1, 2),)),)),
            {"a": (4, 6, 16)},
            r"output.boxes.heads\[0\].tensor: the network has no output 'c' \(it has: a\)",
        ),
        (
            BoxesSpec(Decoder.YOLOX, (HeadSpec("a", strides=(8, 16)),)),
            {"a": (31, 6)},
            r"output.boxes.heads\[0\].strides: they are 30 cells of 32x48 pixels, .* has 31",
        ),
        (
            BoxesSpec(Decoder.YOLOX),
            {"a": (31, 6)},
            "output.boxes: 31 candidates .* its strides are not known",
        ),
        (
            BoxesSpec(Decoder.YOLOV8, (HeadSpec(boxes="b", scores="s"),)),
            {"b": (4, 6, 63), "s": (4, 6, 2)},
            r"output.boxes.heads\[0\].boxes: 63 channels; distances are",
        ),
        (
            BoxesSpec(Decoder.YOLOV8, (HeadSpec(boxes="b", scores="s"),), ("a",)),
            {"b": (4, 6, 64), "s": (4, 6, 2)},
            r"output.boxes.heads\[0\].scores: s has 2 channels, expected 1",
        ),
        (
            BoxesSpec(Decoder.YOLOV8, (HeadSpec(boxes="b", scores="s"),)),
            {"b": (4, 6, 64), "s": (2, 3, 2)},
            r"output.boxes.heads\[0\].scores: s is 2x3, its boxes 4x6",
        ),
        (
            BoxesSpec(
                Decoder.YOLOV8,
                (HeadSpec(boxes="b", scores="s"), HeadSpec(boxes="c", scores="t")),
            ),
            {"b": (4, 6, 64), "s": (4, 6, 2), "c": (2, 3, 64), "t": (2, 3, 3)},
            r"output.boxes.heads\[1\]: 3 classes, the first head has 2",
        ),
        (
            BoxesSpec(Decoder.CENTERNET),
            {"heat": (4, 6, 1), "wh": (4, 6, 2), "off": (4, 6, 2)},
            r"output.boxes: what are heat \(1 channels\), wh .*\[\[output.boxes.heads\]\]",
        ),
        (
            BoxesSpec(Decoder.SSD, (HeadSpec(boxes="b", scores="s", anchors_from="c"),)),
            {"b": (9, 4), "s": (9, 3)},
            r"output.boxes.heads\[0\].anchors_from: the network has no constant output 'c'",
        ),
        (
            BoxesSpec(
                Decoder.SSD, (HeadSpec(boxes="b", scores="s", anchors=((0.1, 0.1, 0.1, 0.1),)),)
            ),
            {"b": (9, 4), "s": (9, 3)},
            r"output.boxes.heads\[0\].anchors: 1 for 9 candidates",
        ),
        (
            BoxesSpec(Decoder.CORNERS),
            {"a": (6, 99)},
            r"output.boxes.classes: a is \[1, 6, 99\]: which axis has the scores",
        ),
    ],
)
def test_a_message_names_the_key_that_does_not_fit(
    spec: BoxesSpec, shapes: dict[str, Shape], message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        appended(spec, shapes)
    assert caught.value.where == "net.toml" and caught.value.hint


def test_boxes_need_a_picture() -> None:
    with pytest.raises(DataError, match=r"output.boxes: boxes lie in a picture"):
        append(
            network({"a": (4, 6, 67)}), OutputSpec((BoxesSpec(Decoder.YOLOV8),)), Ends({"a": "a"})
        )
