"""`[output.keypoints]` as a node: Peaks of a heat map, or Points of a vector."""

from __future__ import annotations

from mcucc.answers.answer import KeypointsAnswer
from mcucc.answers.builder import Builder
from mcucc.answers.check_spec import MOST_POINTS
from mcucc.answers.ends import Ends, Named
from mcucc.answers.probability import probability
from mcucc.answers.spec import KeypointsSpec
from mcucc.ops.common.detection import Anchor, Curve
from mcucc.ops.peaks import Peaks
from mcucc.ops.points import Points

CURVES = {"identity": Curve.IDENTITY, "sigmoid": Curve.SIGMOID}
MIDDLE = 0.5  # of a cell: where a point lies that no offset moves


def add_keypoints(
    builder: Builder, named: Named, ends: Ends, spec: KeypointsSpec, at: str
) -> KeypointsAnswer:
    """The node of one table; ValueError names the key that does not fit the network."""
    if ends.size is None:
        raise ValueError(f"{at}: points lie in a picture, and the network does not read one")
    name, key = spec.heatmap or spec.tensor, "heatmap" if spec.heatmap else "tensor"
    if not name:
        if len(ends.names) != 1:
            found = ", ".join(ends.names)
            raise ValueError(f"{at}: which output? the network has {found}; add heatmap = ..")
        name = next(iter(ends.names))
    head = named.tensor(name, f"{at}.{key}")
    height, width, channels = builder.shape(head)
    if spec.score != "identity" and probability(builder, head, channels - 1):
        raise ValueError(f"{at}.score: the network ends in Sigmoid already; leave it out")
    if spec.tensor or (not spec.heatmap and min(height, width) == 1):
        return _points(builder, spec, ends.size, head, at)
    return _peaks(builder, named, spec, ends.size, head, at)


def _peaks(
    builder: Builder,
    named: Named,
    spec: KeypointsSpec,
    size: tuple[int, int],
    head: str,
    at: str,
) -> KeypointsAnswer:
    """A channel a point."""
    height, width, channels = builder.shape(head)
    if channels > MOST_POINTS:
        raise ValueError(f"{at}.heatmap: {channels} channels (at most {MOST_POINTS} points)")
    if spec.names and len(spec.names) != channels:
        raise ValueError(f"{at}.names: {len(spec.names)} names, {head} has {channels} channels")
    heads = [head]
    if spec.offsets:
        offsets = named.tensor(spec.offsets, f"{at}.offsets")
        if builder.shape(offsets) != (height, width, 2 * channels):
            shape = "x".join(map(str, builder.shape(offsets)))
            raise ValueError(
                f"{at}.offsets: {offsets} is {shape}, expected {height}x{width}x{2 * channels}"
            )
        heads.append(offsets)
    y, x = size[0] / height, size[1] / width
    shift = 0.0 if spec.offsets else MIDDLE
    op = Peaks(
        channels=channels,
        stride=(y, x),
        anchor=Anchor(shift * x, shift * y, x, y),
        score_curve=CURVES[spec.score],
        offsets=bool(spec.offsets),
        x_first=spec.xy,
    )
    return _answer(builder, op, heads, spec, channels)


def _points(
    builder: Builder, spec: KeypointsSpec, size: tuple[int, int], head: str, at: str
) -> KeypointsAnswer:
    """Numbers that are places."""
    height, width, channels = builder.shape(head)
    total = height * width * channels
    each = total // len(spec.names) if spec.names else channels
    if each not in (2, 3) or total % each:
        hint = f"{len(spec.names)} points" if spec.names else "how many points? add names"
        raise ValueError(
            f"{at}.tensor: {head} has {total} numbers, pairs or triples of points: {hint}"
        )
    count = total // each
    if count > MOST_POINTS:
        raise ValueError(f"{at}.tensor: {count} points (at most {MOST_POINTS})")
    across, down = (1.0, 1.0) if spec.pixels else (float(size[1]), float(size[0]))
    op = Points(
        count=count,
        anchor=Anchor(0.0, 0.0, across, down),
        score_curve=CURVES[spec.score] if each == 3 else None,
        x_first=spec.xy,
    )
    return _answer(builder, op, [head], spec, count)


def _answer(
    builder: Builder, op: Peaks | Points, heads: list[str], spec: KeypointsSpec, count: int
) -> KeypointsAnswer:
    output = builder.add("keypoints", op, [builder.int8(head) for head in heads])
    names = spec.names or tuple(f"point_{number}" for number in range(count))
    return KeypointsAnswer(output, tuple(heads), names, spec.threshold)
