"""`[output.boxes]` as nodes: a DetectHead for each head, and what merges their lists."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mcucc.answers.anchors import Grid, Scale, given, grid_of, is_list, scales_of
from mcucc.answers.answer import BoxesAnswer
from mcucc.answers.builder import Builder
from mcucc.answers.decoders import DECODERS, Way
from mcucc.answers.ends import Ends, Named
from mcucc.answers.maps import Asked, Maps, Place, kinds_of, maps_of
from mcucc.answers.probability import probability
from mcucc.answers.spec import BoxesSpec, HeadSpec
from mcucc.ops.common.detection import Channels, Curve, Merge
from mcucc.ops.common.record import MOST_RECORDS
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.detect_head import DetectHead
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.reshape import Reshape
from mcucc.ops.suppress import Suppress
from mcucc.quantize.split_outputs import SplitOutput

# Candidates of a head by default, times `most`: several heads share what one may have, so that all
# lists of 20 detections, with the running head's, stay below 2 kB.
CANDIDATES, FEWEST_CANDIDATES, SHARED_CANDIDATES = 3.0, 1.5, 4.5
PEAK = Window2d((3, 3), pads=Pads(1, 1, 1, 1))


def add_boxes(builder: Builder, named: Named, ends: Ends, spec: BoxesSpec, at: str) -> BoxesAnswer:
    """The nodes of one table; ValueError names the key that does not fit the network."""
    if ends.size is None:
        raise ValueError(f"{at}: boxes lie in a picture, and the network does not read one")
    way = DECODERS[spec.decoder].of(spec)
    making = _Boxes(builder, named, ends, spec, way, ends.size, at)
    heads = [(head, f"{at}.heads[{i}]") for i, head in enumerate(spec.heads)]
    heads = heads or making.found()
    making = replace(making, lists=len(heads))
    made: list[_Made] = []
    taken: dict[str, int] = {}
    for head, key in heads:
        shared = head.anchors_from
        made.append(making.head(head, key, taken.get(shared, 0)))
        if shared:  # anchors of its own are not counted on
            taken[shared] = taken.get(shared, 0) + made[-1].candidates
    making.check_taken(taken)
    for each, (_, key) in zip(made[1:], heads[1:], strict=True):
        if each.classes != made[0].classes:
            raise ValueError(f"{key}: {each.classes} classes, the first head has {made[0].classes}")
    return making.answer(made)


@dataclass(frozen=True)
class _Made:
    """The list of one head, what it is made of, how many classes and candidates it knows."""

    output: str
    tensors: tuple[str, ...]
    classes: int
    candidates: int


@dataclass(frozen=True, eq=False)
class _Boxes:
    builder: Builder
    named: Named
    ends: Ends
    spec: BoxesSpec
    way: Way
    size: tuple[int, int]
    at: str
    lists: int = 1

    @property
    def alone(self) -> bool:
        """Whether the list of a single head is the answer."""
        return self.way.merge is Merge.NONE and len(self.spec.heads) == 1

    @property
    def classes(self) -> int | None:
        """Scores of a candidate as the names say it, the background among them."""
        return len(self.spec.classes) + self.way.background if self.spec.classes else None

    def shapes(self, name: str, key: str) -> tuple[str, tuple[int, int, int]]:
        """A tensor of the graph by its name in the file, and its (H, W, C)."""
        split = self.named.split(name)
        if split is not None:
            return self._whole(split, name)
        tensor = self.named.tensor(name, key)
        _, width, channels = self.builder.shape(tensor)
        rank = len(self.builder.tensors[tensor].shape)
        if rank == 3 and width < channels:  # fewer candidates than numbers of each: (C, N)
            self._check_turned(name, width, channels)
            tensor = self.named.turned(self.builder, tensor)
        return tensor, self.builder.shape(tensor)

    def _check_turned(self, name: str, width: int, channels: int) -> None:
        if self.classes is None:
            raise ValueError(
                f"{self.at}.classes: {name} is [1, {width}, {channels}]: which axis has the "
                "scores? name the classes"
            )

    def _whole(self, split: SplitOutput, name: str) -> tuple[str, tuple[int, int, int]]:
        """An output of the file that is several here, as if it were one: its name is no tensor."""
        first = split.parts[0].name
        shape = list(self.builder.shape(first))
        shape[split.axis] = split.parts[-1].end
        height, width, channels = shape
        if len(self.builder.tensors[first].shape) == 3 and width < channels:
            self._check_turned(name, width, channels)
            return name, (height, channels, width)
        return name, (height, width, channels)

    def _of_parts(self, maps: Maps, at: str) -> Maps:
        """The same where numbers lie in parts of an output."""
        places = {}
        for kind, place in maps.places.items():
            split = self.named.split(place.tensor)
            if split is None:
                places[kind] = place
                continue
            last = place.first + place.count
            part = next((p for p in split.parts if p.begin <= place.first < last <= p.end), None)
            turned = split.axis == 1
            if part is None or split.axis == 0 or maps.anchors > 1:
                raise ValueError(
                    f"{at}: {place.tensor} is written as several outputs of unlike ranges; name "
                    "the tensors that it is joined of"
                )
            tensor = self.named.turned(self.builder, part.name) if turned else part.name
            count = self.builder.shape(tensor)[2]
            places[kind] = Place(tensor, place.first - part.begin, count, place.count)
        return replace(maps, places=places)

    def found(self) -> list[tuple[HeadSpec, str]]:
        """The heads by the shapes of the network's outputs, the largest maps first."""
        groups: dict[tuple[int, int], list[tuple[str, int]]] = {}
        for name in self.ends.names:
            _, (height, width, channels) = self.shapes(name, self.at)
            groups.setdefault((height, width), []).append((name, channels))
        if not groups:
            raise ValueError(f"{self.at}: the network has no output to take boxes from")
        if self.way.pairs:
            raise ValueError(
                f"{self.at}.heads: {self.spec.decoder.value} has anchors: name each map with its "
                f"own in [[{self.at}.heads]] (the outputs are {', '.join(self.ends.names)})"
            )
        asked = Asked(self.way, self.classes, None)
        ordered = sorted(groups, key=lambda size: -size[0] * size[1])
        return [(kinds_of(groups[size], asked, self.at), self.at) for size in ordered]

    def check_taken(self, taken: Mapping[str, int]) -> None:
        """ValueError where heads of one `anchors_from` leave some of its anchors over."""
        for name, count in taken.items():
            rows = np.asarray(self.ends.constants.get(name, ())).size // 4
            if name and rows != count:
                raise ValueError(
                    f"{self.at}.heads: {name} has {rows:,} anchors, its heads {count:,} candidates"
                )

    def _cell_anchors(self, head: HeadSpec, at: str) -> int:
        """Anchors a cell of a head whose `anchors_from` is that of others too."""
        if not head.boxes:
            raise ValueError(f"{at}: heads with the same anchors_from name boxes and scores each")
        return self.shapes(head.boxes, f"{at}.boxes")[1][2] // 4

    def head(self, head: HeadSpec, at: str, first: int) -> _Made:
        """The best candidates of one head; of its anchors `first` are those of heads before it."""
        way, anchors = self.way, given(head, self.way, self.ends.constants, at)[first:]
        kind = next(kind for kind in ("tensor", "scores", "objectness") if getattr(head, kind))
        _, (height, width, _) = self.shapes(getattr(head, kind), f"{at}.{kind}")
        own = bool(anchors) and len(anchors[0]) == 4
        if sum(each.anchors_from == head.anchors_from != "" for each in self.spec.heads) > 1:
            anchors = anchors[: height * width * self._cell_anchors(head, at)]
        listed = is_list(head, height, width, self.size)
        count = len(anchors) // (height * width) if own else len(anchors)
        asked = Asked(way, self.classes, (count or None) if way.pairs or own else None)
        if listed and way.pairs and not own:
            scales_of(head, way, width, self.size, at)  # says why not
        maps = self._of_parts(maps_of(head, asked, self.shapes, at), at)
        tensors = tuple(self.named.before_turn(name) for name in maps.tensors)
        scales: tuple[Scale, ...] = ()
        if listed and not own and not way.absolute:
            scales = scales_of(head, way, width, self.size, at)
            if len(scales) == 1:
                maps, head, scales = self._as_map(maps, head, scales[0]), _on(head, scales[0]), ()
        grid = grid_of(head, maps, way, anchors, scales, self.size, at)
        return self._node(maps, grid, tensors, at)

    def _as_map(self, maps: Maps, head: HeadSpec, scale: Scale) -> Maps:
        """The candidates of one scale, as the map that they were."""
        stride, count = scale
        anchors = max(count, 1)
        height, width = (-(-side // int(stride)) for side in self.size)
        moved = {}
        for name in maps.tensors:
            channels = self.builder.shape(name)[2]
            op = Reshape((1, height, width, anchors * channels))
            moved[name] = (self.builder.add(f"{name}/map", op, [name]), channels)
        places = {
            kind: replace(place, tensor=moved[place.tensor][0], step=moved[place.tensor][1])
            for kind, place in maps.places.items()
        }
        return replace(maps, height=height, width=width, anchors=anchors, places=places)

    def _node(self, maps: Maps, grid: Grid, heads: tuple[str, ...], at: str) -> _Made:
        way, spec, builder = self.way, self.spec, self.builder
        reads = [builder.int8(name) for name in maps.tensors]
        index = {name: number for number, name in enumerate(maps.tensors)}

        def channels(kind: str) -> Channels | None:
            place = maps.places.get(kind)
            return None if place is None else Channels(index[place.tensor], place.first, place.step)

        score, softmax = self._scores(maps.places, at)
        objectness = self._curve("objectness", maps.places, way.objectness_curve, at)
        scores, peaks = channels("scores"), None
        if way.peaks and scores is not None:
            peaks = replace(scores, input=len(reads))
            reads.append(builder.add("peaks", MaxPool(PEAK), [reads[scores.input]]))
        classes = maps.scores - way.background if scores is not None else 1
        if classes < 1:
            raise ValueError(f"{at}: {maps.scores} scores, one of them the background, no class")
        points = maps.places.get("points")
        triples = points is not None and points.count == 3 * way.points
        exponent = way.variances[2] if way.size_curve is Curve.EXP else 1.0
        op = DetectHead(
            classes=classes,
            most=self._candidates(maps),
            threshold=spec.threshold,
            form=way.form,
            anchors=grid.anchors,
            stride=grid.stride,
            scores=scores,
            objectness=channels("objectness"),
            boxes=channels("boxes"),
            sizes=channels("sizes"),
            points=channels("points"),
            peaks=peaks,
            score_curve=score,
            objectness_curve=objectness or Curve.SIGMOID,
            place_curve=Curve.IDENTITY if maps.bins else way.place_curve,
            size_curve=way.size_curve,
            size_power=exponent,
            point_score_curve=Curve.SIGMOID if triples else None,
            softmax=softmax,
            background=way.background and scores is not None,
            bins=maps.bins,
            own_anchors=grid.own,
            point_count=way.points if points is not None else 0,
            point_anchors=grid.points if points is not None else (),
        )
        name = "boxes" if self.alone else "candidates"
        count = maps.height * maps.width * maps.anchors
        return _Made(builder.add(name, op, reads), heads, classes, count)

    def _candidates(self, maps: Maps) -> int:
        if self.alone:
            return self.spec.most
        share = min(CANDIDATES, max(FEWEST_CANDIDATES, SHARED_CANDIDATES / self.lists))
        wanted = self.spec.candidates or math.ceil(share * self.spec.most)
        return min(wanted, maps.height * maps.width * maps.anchors, MOST_RECORDS)

    def _scores(self, places: dict[str, Place], at: str) -> tuple[Curve, bool]:
        """The function that the network lacks, and whether it is a softmax."""
        way, place = self.way, places.get("scores")
        last = None if place is None else probability(self.builder, place.tensor, place.first)
        if last is not None and self.spec.softmax:
            raise ValueError(f"{self.at}.softmax: the scores end in {last} already; leave it out")
        if way.softmax and last is None:
            return Curve.IDENTITY, True
        if way.softmax:
            return Curve.IDENTITY, False
        return self._curve("scores", places, way.score_curve, at) or Curve.IDENTITY, False

    def _curve(
        self, kind: str, places: dict[str, Place], curve: Curve | None, at: str
    ) -> Curve | None:
        """The curve of scores or of an objectness, without the sigmoid that the network has."""
        place = places.get(kind)
        if place is None or curve is None:
            return curve
        last = probability(self.builder, place.tensor, place.first)
        said = self.spec.score if kind == "scores" else self.spec.objectness
        if last is None or curve not in (Curve.SIGMOID, Curve.ROOT_SIGMOID):
            return curve
        if said is not None:
            key = "score" if kind == "scores" else "objectness"
            raise ValueError(f"{self.at}.{key}: they end in {last} already; leave it out")
        return Curve.IDENTITY if curve is Curve.SIGMOID else Curve.ROOT

    def answer(self, made: Sequence[_Made]) -> BoxesAnswer:
        """The merged lists, and what they say."""
        spec, way = self.spec, self.way
        points = way.points if any("points" in self._kinds(each) for each in made) else 0
        output = made[0].output
        if not (self.alone and len(made) == 1):
            op = Suppress(spec.most, spec.overlap, way.merge, spec.agnostic, points)
            output = self.builder.add("boxes", op, [each.output for each in made])
        heads = dict.fromkeys(name for each in made for name in each.tensors)
        return BoxesAnswer(
            output=output,
            heads=tuple(heads),
            classes=spec.classes or tuple(f"class_{i}" for i in range(made[0].classes)),
            threshold=spec.threshold,
            overlap=spec.overlap,
            most=spec.most,
            points=points,
            point_names=spec.point_names,
        )

    def _kinds(self, made: _Made) -> tuple[str, ...]:
        node = self.builder.producer(made.output)
        assert node is not None and isinstance(node.op, DetectHead)
        return ("points",) if node.op.point_count else ()


def _on(head: HeadSpec, scale: Scale) -> HeadSpec:
    return replace(head, stride=(scale[0],))
