"""A tiny .tflite that ends in TFLite_Detection_PostProcess, of floats or of int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers

from mcucc.ir.tensor import Quant
from tests.litert_builder import LiteRTBuilder

HEIGHT, WIDTH, CLASSES, ANCHORS = 16, 24, 2, 2
OPTIONS: dict[str, Any] = {
    "max_detections": 7,
    "max_classes_per_detection": 1,
    "nms_score_threshold": 0.4,
    "nms_iou_threshold": 0.55,
    "num_classes": CLASSES,
    "x_scale": 10.0,
    "y_scale": 10.0,
    "w_scale": 5.0,
    "h_scale": 5.0,
}


def anchors() -> np.ndarray:
    """y, x, height, width of two anchors at each cell of maps 4 x 6 and 2 x 3."""
    made = []
    for number, (rows, columns) in enumerate(((4, 6), (2, 3))):
        for row in range(rows):
            for column in range(columns):
                for size in (0.2, 0.35):
                    side = size * (number + 1)
                    centre = (row + 0.5) / rows, (column + 0.5) / columns
                    made.append((*centre, side, side * 0.8))
    return np.array(made, np.float32)


class _Network:
    def __init__(self, *, int8: bool) -> None:
        self.builder, self.int8 = LiteRTBuilder(), int8
        self.draw = np.random.default_rng(3)

    def tensor(self, shape: tuple[int, ...], scale: float, zero: int = 0, name: str = "") -> int:
        if not self.int8:
            return self.builder.tensor(shape, np.float32, name=name)
        return self.builder.tensor(shape, np.int8, Quant((scale,), zero), name=name)

    def conv(self, source: int, shape: tuple[int, ...], into: int, step: int, name: str) -> int:
        """A convolution as wide as its step."""
        out = shape[3]
        weights = self.draw.normal(0, 1 / np.sqrt(into * step * step), (out, step, step, into))
        made = self.tensor(shape, 0.03, name=name)
        if self.int8:
            real = np.clip(np.round(weights / 0.01), -127, 127).astype(np.int8)
            kernel = self.builder.constant(real, Quant((0.01,) * out, 0, 0))
            bias = self.builder.constant(np.zeros(out, np.int32), Quant((0.01 * 0.03,) * out, 0, 0))
        else:
            kernel = self.builder.constant(weights.astype(np.float32))
            bias = self.builder.constant(np.zeros(out, np.float32))
        options = {"strideH": step, "strideW": step, "dilationWFactor": 1, "dilationHFactor": 1}
        self.builder.op(
            "CONV_2D", "Conv2DOptions", [source, kernel, bias], [made], version=3,
            padding=schema.Padding.VALID, **options,
        )  # fmt: skip
        return made

    def joined(self, maps: list[int], kind: str, each: int) -> int:
        """The heads of both maps, one candidate after another."""
        parts, rows = [], 0
        for number, (source, (height, width)) in enumerate(
            zip(maps, ((4, 6), (2, 3)), strict=True)
        ):
            head = self.conv(source, (1, height, width, ANCHORS * each), 6, 1, f"{kind}{number}")
            shape = (1, height * width * ANCHORS, each)
            part = self.tensor(shape, 0.03)
            size = self.builder.constant(np.array(shape, np.int32))
            self.builder.op("RESHAPE", None, [head, size], [part])
            parts.append(part)
            rows += shape[1]
        made = self.tensor((1, rows, each), 0.03, name=kind)
        self.builder.op("CONCATENATION", "ConcatenationOptions", parts, [made], axis=1)
        return made


def post_processed(
    path: Path, options: bytes | None = None, *, int8: bool = False, anchor_count: int | None = None
) -> Path:
    """Heads boxes0, boxes1, scores0, scores1; scores have a background in front."""
    made = _Network(int8=int8)
    builder = made.builder
    image = made.tensor((1, HEIGHT, WIDTH, 3), 0.03, name="image")
    first = made.conv(image, (1, 4, 6, 6), 3, 4, "first")
    maps = [first, made.conv(first, (1, 2, 3, 6), 6, 2, "second")]
    boxes = made.joined(maps, "boxes", 4)
    logits = made.joined(maps, "logits", CLASSES + 1)
    rows = len(anchors())
    scores = made.tensor((1, rows, CLASSES + 1), 1 / 256, -128, name="scores")
    builder.op("LOGISTIC", None, [logits], [scores])
    ends = [boxes, scores]
    if int8:
        for number, source in enumerate((boxes, scores)):
            shape = (1, rows, (4, CLASSES + 1)[number])
            ends[number] = builder.tensor(shape, np.float32, name=f"real{number}")
            builder.op("DEQUANTIZE", None, [source], [ends[number]])
    prior = builder.constant(anchors()[:anchor_count], name="anchors")
    most = OPTIONS["max_detections"]
    outputs = [
        builder.tensor(shape, np.float32, name=f"detected{i}")
        for i, shape in enumerate([(1, most, 4), (1, most), (1, most), (1,)])
    ]
    builder.op("CUSTOM", None, [*ends, prior], outputs)
    builder.codes[-1].customCode = "TFLite_Detection_PostProcess"
    data = bytes(flexbuffers.Dumps(OPTIONS)) if options is None else options
    builder.operators[-1].customOptions = np.frombuffer(data, np.uint8)
    path.write_bytes(builder.build([image], outputs))
    return path
