"""Tiny detectors as ONNX files that decode their own boxes, in several spellings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = (32, 48)  # height and width of the picture
OPSET = 17


class File:
    """Collects the nodes of a file; every method returns the name of what it adds."""

    def __init__(self, seed: int = 0) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.draw = np.random.default_rng(seed)

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def op(self, kind: str, *inputs: object, name: str = "", **attributes: object) -> str:
        """Inputs that are no names are constants."""
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        made = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [made], name=made, **attributes))
        return made

    def split(self, value: str, sizes: Sequence[int], axis: int) -> list[str]:
        names = [f"split_{len(self.nodes)}_{i}" for i in range(len(sizes))]
        whole = [value, self.constant(sizes, np.int64)]
        self.nodes.append(helper.make_node("Split", whole, names, name=names[0], axis=axis))
        return names

    def top(self, value: str, count: str) -> tuple[str, str]:
        """The largest values of the last axis, and their places."""
        names = f"top_{len(self.nodes)}", f"places_{len(self.nodes)}"
        self.nodes.append(helper.make_node("TopK", [value, count], names, name=names[0], axis=-1))
        return names

    def reshape(self, value: str, *shape: int) -> str:
        return self.op("Reshape", value, self.constant(shape, np.int64))

    def conv(self, value: str, channels: tuple[int, int], stride: int = 1, name: str = "") -> str:
        """A convolution as wide as its stride, with weights that keep values near 1."""
        into, out = channels
        weights = self.draw.normal(0, 1 / (stride * np.sqrt(into)), (out, into, stride, stride))
        bias = self.draw.normal(0, 0.3, out)
        return self.op("Conv", value, weights, bias, name=name, strides=[stride, stride])

    def maps(self) -> list[str]:
        """Maps of a quarter and of an eighth of the picture, six channels each."""
        first = self.op("Relu", self.conv("image", (3, 6), 4))
        return [first, self.op("Relu", self.conv(first, (6, 6), 2))]

    def save(self, path: Path, *outputs: str, metadata: dict[str, str] | None = None) -> Path:
        """Write the file; its outputs have whatever shape follows."""
        graph = helper.make_graph(
            self.nodes,
            "detector",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *SIDE])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self.constants,
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8)
        helper.set_model_props(model, metadata or {})
        onnx.save(onnx.shape_inference.infer_shapes(model), path)
        return path


def sizes() -> list[tuple[int, int, int]]:
    """Height, width and stride of both maps."""
    return [(SIDE[0] // s, SIDE[1] // s, s) for s in (4, 8)]


def grid(height: int, width: int) -> np.ndarray:
    """x and y of each cell, (height * width, 2)."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)


def yolov8(
    path: Path, *, bins: int = 4, classes: int = 2, first_bin: int = 0, scale: float = 1.0,
    swapped: bool = False, metadata: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """As Ultralytics exports: joined, split, a convolution over bins, (1, 4 + classes, N)."""
    file = File()
    joined, points, strides = [], [], []
    for number, (value, (height, width, stride)) in enumerate(
        zip(file.maps(), sizes(), strict=True)
    ):
        boxes = file.conv(value, (6, 4 * bins), name=f"boxes{number}")
        scores = file.conv(value, (6, classes), name=f"scores{number}")
        both = file.op("Concat", boxes, scores, axis=1)
        joined.append(file.reshape(both, 1, 4 * bins + classes, -1))
        cells = grid(height, width) + 0.5
        points.append(cells[:, ::-1] if swapped else cells)
        strides.append(np.full((1, height * width), stride * scale))
    whole = file.op("Concat", *joined, axis=2)
    box, score = file.split(whole, [4 * bins, classes], 1)
    if bins > 1:
        four = file.op("Transpose", file.reshape(box, 1, 4, bins, -1), perm=[0, 2, 1, 3])
        weights = np.arange(first_bin, first_bin + bins).reshape(1, bins, 1, 1)
        box = file.reshape(file.op("Conv", file.op("Softmax", four, axis=1), weights), 1, 4, -1)
    low, high = file.split(box, [2, 2], 1)
    anchor = np.concatenate(points).T[None]
    corner, other = file.op("Sub", anchor, low), file.op("Add", anchor, high)
    centre = file.op("Div", file.op("Add", corner, other), 2.0)
    made = file.op("Concat", centre, file.op("Sub", other, corner), axis=1)
    made = file.op("Mul", made, np.concatenate(strides, axis=1))
    output = file.op("Concat", made, file.op("Sigmoid", score), axis=1, name="output0")
    return file.save(path, output, metadata=metadata)


def _sides_by_level(file: File, bins: int, *, together: bool) -> tuple[str, str]:
    """Scores (1, N, 3) and corners (1, N, 4)."""
    boxes, scores = [], []
    for value, (height, width, stride) in zip(file.maps(), sizes(), strict=True):
        cells = height * width
        if together:
            sure, raw = file.split(file.conv(value, (6, 3 + 4 * bins)), [3, 4 * bins], 1)
        else:
            raw, sure = file.conv(value, (6, 4 * bins)), file.conv(value, (6, 3))
        raw = file.op("Transpose", raw, perm=[0, 2, 3, 1])
        logits = file.op("Softmax", file.reshape(raw, 1, cells, 4, bins), axis=3)
        sides = file.op("MatMul", logits, np.arange(bins).reshape(bins, 1))
        sides = file.op("Mul", file.reshape(sides, 1, cells, 4), np.array([-1, -1, 1, 1]))
        points = np.tile(grid(height, width) + 0.5, (1, 2))[None]
        boxes.append(file.op("Mul", file.op("Add", sides, points), float(stride)))
        sure = file.op("Transpose", sure, perm=[0, 2, 3, 1])
        scores.append(file.op("Sigmoid", file.reshape(sure, 1, cells, 3)))
    return (
        file.op("Concat", *scores, axis=1, name="scores"),
        file.op("Concat", *boxes, axis=1, name="boxes"),
    )


def sides_by_level(path: Path, *, bins: int = 4, together: bool = False) -> Path:
    """The same geometry written otherwise: by level, products for bins, corners, two outputs."""
    file = File(1)
    return file.save(path, *_sides_by_level(file, bins, together=together))


def suppressed(path: Path, *, overlap: float, threshold: float) -> Path:
    """The same with NonMaxSuppression behind it, and the boxes that it chose."""
    file = File(1)
    scores, boxes = _sides_by_level(file, 4, together=False)
    turned = file.op("Transpose", scores, perm=[0, 2, 1])
    most = file.constant([100], np.int64)
    chosen = file.op("NonMaxSuppression", boxes, turned, most, [overlap], [threshold])
    places = file.op("Gather", chosen, file.constant(2, np.int64), axis=1)
    return file.save(path, file.op("Gather", boxes, places, axis=1, name="chosen"))


def best(path: Path, most: int = 30) -> Path:
    """The same, and the best of it by two TopK, as YOLOv10 ends: (1, most, 6)."""
    file = File(1)
    scores, boxes = _sides_by_level(file, 4, together=False)
    largest = file.op("ReduceMax", scores, axes=[-1], keepdims=0)
    count = file.constant([most], np.int64)
    _, places = file.top(largest, count)
    places = file.op("Unsqueeze", places, file.constant([-1], np.int64))
    four = file.op("Tile", places, file.constant([1, 1, 4], np.int64))
    three = file.op("Tile", places, file.constant([1, 1, 3], np.int64))
    boxes = file.op("GatherElements", boxes, four, axis=1)
    flat = file.reshape(file.op("GatherElements", scores, three, axis=1), 1, -1)
    values, index = file.top(flat, count)
    kinds = file.op("Mod", index, file.constant(3, np.int64))
    cell = file.op("Div", index, file.constant(3, np.int64))
    cell = file.op("Unsqueeze", cell, file.constant([-1], np.int64))
    cell = file.op("Tile", cell, file.constant([1, 1, 4], np.int64))
    parts = [file.op("GatherElements", boxes, cell, axis=1)]
    for value in (values, file.op("Cast", kinds, to=TensorProto.FLOAT)):
        parts.append(file.op("Unsqueeze", value, file.constant([-1], np.int64)))
    return file.save(path, file.op("Concat", *parts, axis=2, name="best"))


ANCHORS = (((5, 6), (9, 7)), ((12, 20), (21, 15)))  # width and height, of both maps


def anchored(path: Path, decode: Callable[..., tuple[str, str]], *, multiply: bool = False) -> Path:
    """Two anchors a cell, (1, N, 5 + 3): x, y, width, height, objectness, classes.

    `decode(file, xy, wh, cells, anchors, stride)` makes centres and sizes; `multiply`: the scores
    are those of a class times the objectness.
    """
    file = File(2)
    made = []
    for number, (value, (height, width, stride)) in enumerate(
        zip(file.maps(), sizes(), strict=True)
    ):
        raw = file.reshape(file.conv(value, (6, 16), name=f"head{number}"), 1, 2, 8, height, width)
        raw = file.op("Transpose", raw, perm=[0, 1, 3, 4, 2])
        xy, wh, sure, scores = file.split(raw, [2, 2, 1, 3], 4)
        anchors = np.array(ANCHORS[number], np.float32).reshape(1, 2, 1, 1, 2)
        cells = grid(height, width).reshape(1, 1, height, width, 2)
        xy, wh = decode(file, xy, wh, cells, anchors, stride)
        sure, scores = file.op("Sigmoid", sure), file.op("Sigmoid", scores)
        last = [file.op("Mul", sure, scores)] if multiply else [sure, scores]
        whole = file.op("Concat", xy, wh, *last, axis=4)
        made.append(file.reshape(whole, 1, 2 * height * width, -1))
    return file.save(path, file.op("Concat", *made, axis=1, name="output"))


def decode_v5(file: File, xy: str, wh: str, cells: np.ndarray, anchors: np.ndarray, stride: int):  # type: ignore[no-untyped-def]
    """(2 sigmoid - 1/2 + cell) stride, (2 sigmoid)^2 anchor."""
    xy = file.op("Mul", file.op("Sigmoid", xy), 2.0)
    centre = file.op("Mul", file.op("Add", xy, cells - 0.5), float(stride))
    wh = file.op("Pow", file.op("Mul", file.op("Sigmoid", wh), 2.0), 2.0)
    return centre, file.op("Mul", wh, anchors)


def decode_v3(file: File, xy: str, wh: str, cells: np.ndarray, anchors: np.ndarray, stride: int):  # type: ignore[no-untyped-def]
    """(sigmoid + cell) stride, exp anchor."""
    centre = file.op("Mul", file.op("Add", file.op("Sigmoid", xy), cells), float(stride))
    return centre, file.op("Mul", file.op("Exp", wh), anchors)


def yolox(path: Path) -> Path:
    """Three heads a level, centres from the corner of the cell, sizes in strides."""
    file = File(3)
    made, cells, strides = [], [], []
    for value, (height, width, stride) in zip(file.maps(), sizes(), strict=True):
        parts = [file.conv(value, (6, n)) for n in (4, 1, 2)]
        sure = [file.op("Sigmoid", part) for part in parts[1:]]
        made.append(file.reshape(file.op("Concat", parts[0], *sure, axis=1), 1, 7, -1))
        cells.append(grid(height, width))
        strides.append(np.full((height * width, 1), stride))
    whole = file.op("Transpose", file.op("Concat", *made, axis=2), perm=[0, 2, 1])
    xy, wh, rest = file.split(whole, [2, 2, 3], 2)
    stride = np.concatenate(strides)[None]
    xy = file.op("Mul", file.op("Add", xy, np.concatenate(cells)[None]), stride)
    wh = file.op("Mul", file.op("Exp", wh), stride)
    return file.save(path, file.op("Concat", xy, wh, rest, axis=2, name="output"))


def priors() -> np.ndarray:
    """x, y, width, height of two anchors a cell, as shares of the picture."""
    made = []
    for number, (height, width, _) in enumerate(sizes()):
        centre = (grid(height, width) + 0.5) / (width, height)
        for_sizes = np.array([[0.2, 0.3], [0.4, 0.25]]) * (1 + number)
        both = np.broadcast_to(centre[:, None], (len(centre), 2, 2))
        spans = np.broadcast_to(for_sizes, both.shape)
        made.append(np.concatenate([both, spans], -1).reshape(-1, 4))
    return np.concatenate(made)


def ssd(path: Path, *, y_first: bool = False, corners: bool = True, softmax: bool = True) -> Path:
    """SSD with variances 0.1 and 0.2; `y_first` as TensorFlow has it."""
    file = File(4)
    parts: list[list[str]] = [[], []]
    for number, value in enumerate(file.maps()):
        for kind, count in enumerate((4, 3)):
            head = file.conv(value, (6, 2 * count), name=("boxes", "scores")[kind] + str(number))
            head = file.op("Transpose", head, perm=[0, 2, 3, 1])
            parts[kind].append(file.reshape(head, 1, -1, count))
    raw, logits = (file.op("Concat", *part, axis=1) for part in parts)
    anchors = priors()[None]
    if y_first:
        anchors = anchors[..., [1, 0, 3, 2]]
    place, size = file.split(raw, [2, 2], 2)
    place = file.op("Mul", file.op("Mul", place, 0.1), anchors[..., 2:])
    centre = file.op("Add", place, anchors[..., :2])
    size = file.op("Mul", file.op("Exp", file.op("Mul", size, 0.2)), anchors[..., 2:])
    if corners:
        half = file.op("Mul", size, 0.5)
        centre, size = file.op("Sub", centre, half), file.op("Add", centre, half)
    boxes = file.op("Concat", centre, size, axis=2, name="boxes")
    score = file.op("Softmax", logits, axis=2) if softmax else file.op("Sigmoid", logits)
    return file.save(path, boxes, score)
