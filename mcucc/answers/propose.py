"""What `[output]` a network's outputs look like, by their shapes and names: a guess to begin with.

A proposal fits the network: `append` took it. That it is right only its author knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil

from mcucc.answers.append import append
from mcucc.answers.builder import Builder
from mcucc.answers.ends import Ends
from mcucc.answers.probability import probability
from mcucc.answers.spec import (
    BoxesSpec,
    ClassesSpec,
    Decoder,
    EmbeddingSpec,
    HeadSpec,
    KeypointsSpec,
    MaskSpec,
    OutputSpec,
)
from mcucc.errors import DataError
from mcucc.ir.graph import Graph
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.l2_norm import L2Norm
from mcucc.ops.reshape import Reshape

# Anchors of YOLOv5 and v3 on COCO, by stride (Ultralytics' yolov5s.yaml): those of a network that
# was trained on other data differ.
COCO = {
    8: ((10, 13), (16, 30), (33, 23)),
    16: ((30, 61), (62, 45), (59, 119)),
    32: ((116, 90), (156, 198), (373, 326)),
}
ANCHORS = 3
SHARP = 2  # times smaller than the picture a map may be to be a mask
MOST_CLASSES_OF_MAP = 64
VECTORS = ("embed", "feature", "descriptor")
HEATS = ("heat", "keypoint", "kpt", "joint", "pose")


@dataclass(frozen=True)
class Proposed:
    """A specification that fits, why it is proposed, and what of it is only assumed."""

    spec: OutputSpec
    why: str
    assumed: str = ""


@dataclass(frozen=True)
class _End:
    """An output: its name, (H, W, C), and how it ends."""

    name: str
    height: int
    width: int
    channels: int
    last: str | None  # Sigmoid, Softmax, ArgMax, L2Norm

    @property
    def is_map(self) -> bool:
        return self.height > 1 and self.width > 1

    def named(self, words: tuple[str, ...]) -> bool:
        return any(word in self.name.lower() for word in words)


def propose(graph: Graph, ends: Ends) -> Proposed | None:
    """The first proposal that fits; None where the outputs look like no task."""
    if ends.splits or not ends.names:
        return None
    builder = Builder(graph)
    found = [_end(builder, name, tensor) for name, tensor in ends.names.items()]
    pictures = {graph.tensors[name].shape for name in graph.inputs}
    found = [
        end
        for end, name in zip(found, ends.names.values(), strict=True)
        if graph.tensors[name].shape not in pictures  # a picture of a picture
    ]
    for proposed in _proposals(found, ends) if found else ():
        try:
            append(graph, proposed.spec, ends)
        except DataError:
            continue
        return proposed
    return None


def _end(builder: Builder, name: str, tensor: str) -> _End:
    height, width, channels = builder.shape(tensor)
    node = builder.producer(tensor)
    while node is not None and isinstance(node.op, Reshape):
        node = builder.producer(node.inputs[0])
    last = probability(builder, tensor, channels - 1)
    if node is not None and isinstance(node.op, ArgMax | L2Norm):
        last = node.op.kind
    return _End(name, height, width, channels, last)


def _proposals(ends: list[_End], given: Ends) -> Iterator[Proposed]:
    if given.size is not None:
        yield from _boxes(ends, given.size, tuple(given.constants))
    found = [each for end in ends for each in [*_alone(end, given.size)][:1]]
    if len(ends) == 1:
        yield from found
    elif len({_tasks(each) for each in found}) == len(found) > 0:  # different tasks of one network
        tables = {
            task.name: tuple(table for each in found for table in getattr(each.spec, task.name))
            for task in fields(OutputSpec)
        }
        assumed = "; ".join(each.assumed for each in found if each.assumed)
        yield Proposed(OutputSpec(**tables), ", ".join(each.why for each in found), assumed)


def _tasks(proposed: Proposed) -> tuple[str, ...]:
    spec = proposed.spec
    return tuple(task.name for task in fields(spec) if getattr(spec, task.name))


# One output


def _alone(end: _End, size: tuple[int, int] | None) -> Iterator[Proposed]:
    if not end.is_map and end.height == end.width == 1:
        yield from _vector(end)
    if size is None:
        return
    if not end.is_map and end.height * end.width > 1 and end.channels in (2, 3):
        spec = OutputSpec(keypoints=(KeypointsSpec(tensor=end.name),))
        yield Proposed(spec, f"{end.width} rows of {end.channels}", "y before x, in shares")
    if not end.is_map or end.channels > MOST_CLASSES_OF_MAP:
        return
    if end.channels == 1 and end.last is None:
        return  # a depth, a picture, logits: nothing says which
    near = end.height * SHARP >= size[0] and end.width * SHARP >= size[1]
    shape = f"a map of {end.height}x{end.width} with {end.channels} channels"
    if end.last == ArgMax.__name__ or (near and not end.named(HEATS)):
        spec = OutputSpec(mask=(MaskSpec(end.name),))
        yield Proposed(spec, f"{shape}, about as large as the picture")
    elif end.last == "Softmax" and end.channels > 1:
        head = HeadSpec(tensor=end.name)
        spec = OutputSpec(boxes=(BoxesSpec(Decoder.FOMO, (head,), threshold=0.5),))
        yield Proposed(spec, f"{shape} that ends in Softmax", "channel 0 is the background")
    elif end.named(HEATS) or end.height * 4 >= size[0]:
        score = "identity" if end.last else "sigmoid"
        spec = OutputSpec(keypoints=(KeypointsSpec(heatmap=end.name, score=score),))
        yield Proposed(spec, f"{shape}, smaller than the picture", "a channel is a point")


def _vector(end: _End) -> Iterator[Proposed]:
    shape = f"a vector of {end.channels}"
    if end.last == L2Norm.__name__ or end.named(VECTORS):
        spec = OutputSpec(embedding=(EmbeddingSpec(end.name),))
        yield Proposed(spec, f"{shape} of length 1" if end.last else f"{shape} of this name")
    elif end.last != ArgMax.__name__ and (end.channels > 1 or end.last == "Sigmoid"):
        score = "identity" if end.last else "softmax"
        spec = OutputSpec(classes=(ClassesSpec(end.name, score=score),))
        yield Proposed(spec, shape + (f" that ends in {end.last}" if end.last else ""))


# Boxes


def _boxes(
    ends: list[_End], size: tuple[int, int], constants: tuple[str, ...]
) -> Iterator[Proposed]:
    groups: dict[tuple[int, int], list[_End]] = {}
    for end in ends:
        groups.setdefault((end.height, end.width), []).append(end)
    yield from _listed(ends, size, constants)
    if all(end.is_map for end in ends):
        yield from _distances(ends, groups)
        yield from _anchored(ends, size)
        if len(groups) == 1 and len(ends) == 3:
            yield from _centres(ends)


def _distances(ends: list[_End], groups: dict[tuple[int, int], list[_End]]) -> Iterator[Proposed]:
    """YOLOv8 and its like: boxes by 16 bins a side, beside scores or before them."""
    sizes = {len(group) for group in groups.values()}
    if sizes == {2} and all(64 in {e.channels for e in group} for group in groups.values()):
        spec = BoxesSpec(Decoder.YOLOV8)
        yield Proposed(OutputSpec((spec,)), "pairs of maps, one of 64 channels: 4 sides, 16 bins")
    few = {end.channels - 32 for end in ends}
    if sizes == {1} and len(ends) > 1 and len(few) == 1 and 0 < min(few) < 32:
        why = f"maps of {32 + min(few)} channels: {min(few)} scores, 4 sides of 8 bins"
        yield Proposed(OutputSpec((BoxesSpec(Decoder.FCOS),)), why, "scores are before the bins")
    classes = {end.channels - 64 for end in ends}
    if sizes == {1} and len(ends) > 1 and len(classes) == 1 and min(classes) > 0:
        spec = BoxesSpec(Decoder.YOLOV8)
        why = f"maps of {64 + min(classes)} channels: 4 sides of 16 bins, {min(classes)} scores"
        yield Proposed(OutputSpec((spec,)), why)


def _anchored(ends: list[_End], size: tuple[int, int]) -> Iterator[Proposed]:
    """YOLOv3 to v7: three anchors a scale."""
    channels = {end.channels for end in ends}
    strides = [round(size[0] / end.height) for end in ends]
    known = all(stride in COCO for stride in strides) and len(set(strides)) == len(strides)
    each, left = divmod(min(channels), ANCHORS)
    if len(channels) > 1 or left or each < 6 or not known:
        return
    heads = sorted(zip(strides, ends, strict=True), key=lambda pair: pair[0])
    made = tuple(HeadSpec(tensor=end.name, anchors=COCO[stride]) for stride, end in heads)
    yield Proposed(
        OutputSpec((BoxesSpec(Decoder.YOLOV5, made),)),
        f"maps of 3 x {each} channels: 3 anchors of 4 numbers, objectness, {each - 5} scores",
        'anchors are those of COCO; decoder = "yolov3" or "yolov5", whichever it was trained as',
    )


def _centres(ends: list[_End]) -> Iterator[Proposed]:
    """CenterNet: three maps of one size, two of them of two channels."""
    pairs = [end for end in ends if end.channels == 2]
    heat = next((end for end in ends if end.channels != 2), ends[0])
    others = [end for end in ends if end is not heat]
    if len(pairs) < 2 or any(end.channels != 2 for end in others):
        return
    offsets = [end for end in others if end.named(("off", "reg"))]
    boxes = offsets[0] if len(offsets) == 1 else others[1]
    sizes = next(end for end in others if end is not boxes)
    head = HeadSpec(scores=heat.name, sizes=sizes.name, boxes=boxes.name)
    yield Proposed(
        OutputSpec((BoxesSpec(Decoder.CENTERNET, (head,)),)),
        "three maps of one size, two of them of 2 channels: scores, sizes, offsets",
        "which of them are sizes and which offsets",
    )


def _listed(
    ends: list[_End], size: tuple[int, int], constants: tuple[str, ...]
) -> Iterator[Proposed]:
    """Candidates one after another."""
    channels = sorted(end.channels for end in ends)
    if any(end.height > 1 for end in ends):
        return
    by_channels = {end.channels: end for end in ends}
    if channels == [1, 16]:
        spec = BoxesSpec(Decoder.BLAZEFACE)
        yield Proposed(OutputSpec((spec,)), "16 numbers and a score a candidate: box and 6 points")
    if len(ends) % 4 == 0 and set(channels) == {1, 4, 10}:
        spec = BoxesSpec(Decoder.YUNET)
        yield Proposed(OutputSpec((spec,)), "two scores, a box and 5 points a candidate")
    if len(ends) == 2 and 4 in by_channels and len(constants) == 1:
        scores = next(end for end in ends if end is not by_channels[4])
        head = HeadSpec(boxes=by_channels[4].name, scores=scores.name, anchors_from=constants[0])
        spec = BoxesSpec(Decoder.SSD, (head,))
        why = f"boxes, {scores.channels} scores, and {constants[0]}, which is constant"
        yield Proposed(OutputSpec((spec,)), why, "anchors are x, y, width, height; class 0 is none")
    if len(ends) == 1:
        yield from _decoded(ends[0], size)


def _decoded(end: _End, size: tuple[int, int]) -> Iterator[Proposed]:
    """One tensor of all scales: 4 numbers of a box, scores, maybe an objectness before them."""
    cells = sum(ceil(size[0] / s) * ceil(size[1] / s) for s in (8, 16, 32))
    each = next((n for n in (end.width, end.channels) if n != cells), 0)
    if cells not in (end.width, end.channels) or not 5 <= each <= MOST_CLASSES_OF_MAP + 5:
        return
    if each == end.channels and 32 < each < 64:
        why = f"{cells:,} candidates of {each - 32} scores and 4 sides of 8 bins"
        spec = BoxesSpec(Decoder.FCOS)
        yield Proposed(OutputSpec((spec,)), why, "scores are before the bins")
    names = tuple(f"class_{number}" for number in range(each - 4))
    spec = BoxesSpec(Decoder.CORNERS, classes=names)
    yield Proposed(
        OutputSpec((spec,)),
        f"{cells:,} candidates of {each} numbers",
        'boxes are corners in pixels (form = "center": x, y, width, height); '
        "the tensors before they are decoded keep more of int8",
    )
