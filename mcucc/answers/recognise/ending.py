"""Operators at a file's end that choose among boxes: what they read, and what they are told.

TFLite_Detection_PostProcess also decodes (SSD), with anchors and options in the file.
Source: tensorflow/lite/kernels/detection_postprocess.cc, read for what its options mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper

from mcucc.answers.recognise.tail import FloatArray
from mcucc.answers.spec import MOST_BOXES, BoxesSpec, Decoder
from mcucc.frontends.load import ModelFile
from mcucc.frontends.onnx.cut import reads_of
from mcucc.frontends.tflite.file import FileOperator, FileTensor, TfliteFile
from mcucc.frontends.tflite.options import POST_PROCESS, PostProcessOptions
from mcucc.ops.common.detection import Merge

LEAST_THRESHOLD = 0.01  # below it a file's threshold says nothing
MOST_ANCHORS = 1 << 16
SCALES = ("x_scale", "y_scale", "w_scale", "h_scale")
SUPPRESSION = "NonMaxSuppression"


class NotReadError(Exception):
    """An ending whose options cannot be; the text says what is wrong."""


@dataclass(frozen=True, eq=False)
class Ending:
    """What an operator at the end reads, and its thresholds as the defaults of `[output]`.

    `boxes` and `scores` are tensors of the file. `anchors` (N, 4), x, y, width, height as shares
    of the picture, and `variances` where it decodes. `classes` is what it is told, 0 for nothing.
    """

    name: str
    boxes: str
    scores: str
    spec: BoxesSpec  # decoder and heads aside
    anchors: FloatArray | None = None
    variances: tuple[float, ...] = ()
    classes: int = 0
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Choice:
    """What an ending chooses by."""

    threshold: float
    overlap: float
    most: int
    agnostic: bool


def ending_of(file: ModelFile) -> Ending | None:
    """The operator that ends a file, None where it has none; NotReadError where it makes no sense.

    Only an operator whose results are outputs of the file, or lead to nothing but outputs, is one.
    """
    if isinstance(file.parsed, TfliteFile):
        for operator in file.parsed.operators:
            if operator.kind == POST_PROCESS and {*file.parsed.outputs} <= {*operator.outputs}:
                return _post_process(file.parsed, operator)
        return None
    graph = file.parsed.graph
    found = [node for node in graph.node if node.op_type == SUPPRESSION]
    if len(found) != 1 or not _leads_to_all(graph, found[0]):
        return None
    return _suppression(file.parsed, found[0])


def best_of_all(file: ModelFile) -> bool:
    """Whether every output of a file follows from the best of a list (TopK)."""
    if isinstance(file.parsed, TfliteFile):
        return False
    graph = file.parsed.graph
    first = next((node for node in graph.node if node.op_type == "TopK"), None)
    return first is not None and _leads_to_all(graph, first)


def _leads_to_all(graph: onnx.GraphProto, first: onnx.NodeProto) -> bool:
    """Whether every output of a graph follows from a node."""
    behind = set(first.output)
    for node in graph.node:  # sorted, as ONNX asks
        if behind.intersection(reads_of(node)):
            behind.update(node.output)
    return all(value.name in behind for value in graph.output)


def _post_process(file: TfliteFile, operator: FileOperator) -> Ending:
    options = operator.options
    if not isinstance(options, PostProcessOptions) or options.wrong:
        wrong = options.wrong if isinstance(options, PostProcessOptions) else "no options"
        raise NotReadError(f"TFLite_Detection_PostProcess: {wrong}")
    if len(operator.inputs) != 3 or min(operator.inputs) < 0:
        raise NotReadError(f"TFLite_Detection_PostProcess reads {len(operator.inputs)} tensors")
    numbers = dict(options.numbers)
    missing = [key for key in (*SCALES, "num_classes", "max_detections") if key not in numbers]
    if missing:
        raise NotReadError(f"TFLite_Detection_PostProcess without {', '.join(missing)}")
    if not all(math.isfinite(numbers[k]) and 1e-3 <= numbers[k] <= 1e6 for k in SCALES):
        raise NotReadError("TFLite_Detection_PostProcess with scales that are no scales")
    counts = [numbers[key] for key in ("num_classes", "max_detections")]
    if not all(0 <= count <= MOST_ANCHORS for count in counts):  # NaN is not, either
        raise NotReadError("TFLite_Detection_PostProcess with counts that are none")
    boxes, scores, anchors = (file.tensors[index] for index in operator.inputs)
    spec, assumed = _chosen(
        _Choice(
            threshold=numbers.get("nms_score_threshold", 0.0),
            overlap=numbers.get("nms_iou_threshold", 0.0),
            most=int(numbers["max_detections"]),
            agnostic=not numbers.get("use_regular_nms", 0),
        )
    )
    return Ending(
        name="TFLite_Detection_PostProcess",
        boxes=boxes.name,
        scores=scores.name,
        spec=spec,
        anchors=_anchors(anchors),
        variances=tuple(1 / numbers[key] for key in SCALES),
        classes=int(numbers["num_classes"]),
        assumed=assumed,
    )


def _anchors(tensor: FileTensor) -> FloatArray:
    """The constant (N, 4) of y, x, height, width, as x, y, width, height."""
    if tensor.data is None or tensor.dtype is None or tensor.foreign:
        raise NotReadError(f"the anchors {tensor.name} are no constant")
    shape = tensor.shape
    if len(shape) != 2 or shape[1] != 4 or not 0 < shape[0] <= MOST_ANCHORS:
        raise NotReadError(f"the anchors {tensor.name} have the shape {list(shape)}")
    values = tensor.data.astype(np.float64)
    if tensor.dtype.kind != "f":
        if len(tensor.scale) != 1:
            raise NotReadError(f"the anchors {tensor.name} have no scale")
        values = (values - tensor.zero_point[0]) * tensor.scale[0]
    if not np.isfinite(values).all() or (values[:, 2:] <= 0).any() or (np.abs(values) > 100).any():
        raise NotReadError(f"the anchors {tensor.name} are no shares of a picture")
    return values[:, [1, 0, 3, 2]]


def _suppression(model: onnx.ModelProto, node: onnx.NodeProto) -> Ending:
    """NonMaxSuppression(boxes, scores, most of a class, IoU, score): the last three constants."""
    if len(node.input) < 2:
        raise NotReadError(f"{SUPPRESSION} reads {len(node.input)} tensors")
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    inside = [each for each in model.graph.node if each.op_type == "Constant"]
    known.update({n.output[0]: a.t for n in inside for a in n.attribute if a.name == "value"})

    def number(place: int, default: float) -> float:
        name = node.input[place] if len(node.input) > place else ""
        if not name:
            return default
        tensor = known.get(name)
        if tensor is None or tensor.external_data or np.prod(tensor.dims, dtype=object) != 1:
            raise NotReadError(f"{SUPPRESSION}: {name} is no constant number")
        try:
            value = float(numpy_helper.to_array(tensor).reshape(-1)[0])
        except (ValueError, TypeError, IndexError) as error:
            raise NotReadError(f"{SUPPRESSION}: {name} is broken ({error})") from error
        if not math.isfinite(value):
            raise NotReadError(f"{SUPPRESSION}: {name} is {value}")
        return value

    spec, assumed = _chosen(
        _Choice(
            threshold=number(4, 0.0),
            overlap=number(3, 0.0),
            most=int(min(max(number(2, 0.0), 0), 2**31)),
            agnostic=False,
        ),
        of_class=True,
    )
    return Ending(SUPPRESSION, node.input[0], node.input[1], spec, assumed=assumed)


def _chosen(choice: _Choice, *, of_class: bool = False) -> tuple[BoxesSpec, tuple[str, ...]]:
    """Thresholds as a specification, and what is taken instead of those that say nothing.

    `of_class`: the most are those of a class, which says nothing of all of them.
    """
    usual, assumed = BoxesSpec(decoder=Decoder.SSD), []
    threshold = choice.threshold
    if not LEAST_THRESHOLD <= threshold < 1:
        threshold = usual.threshold
        assumed.append(f"a threshold of {threshold:g} instead of the file's {choice.threshold:g}")
    if not 0 < choice.overlap <= 1:
        raise NotReadError(f"it merges boxes of an overlap of {choice.overlap:g}")
    most = usual.most if of_class else choice.most
    if not 0 < most <= MOST_BOXES:
        raise NotReadError(f"it keeps {most} boxes")
    spec = BoxesSpec(
        decoder=Decoder.SSD,
        threshold=round(threshold, 6),
        overlap=round(choice.overlap, 6),
        most=most,
        agnostic=choice.agnostic,
        merge=Merge.NMS,
    )
    return spec, tuple(assumed)
