"""Parts of random networks at which rates part or meet: resizes, pyramids, pools, slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hypothesis.strategies as st

from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.detection import Anchor, Channels, Form
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.detect_head import DetectHead
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.hard_sigmoid import HardSigmoid
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.slice import Slice
from mcucc.ops.transpose import Transpose
from tests.graphs import Builder, same

LARGEST = 200  # pixels that a part may still make larger
Part = Callable[[Builder, str, st.DrawFn], str]


def sampling(length: int, size: int, mode: str) -> Sampling:
    """Output positions as ONNX's coordinate transformations place them."""
    if length == 1:
        return Sampling.repeated(size)
    if mode == "align_corners" and size > 1:
        return Sampling.of(size, length - 1, size - 1)
    if mode == "asymmetric":
        return Sampling.of(size, length, size)
    return Sampling.of(size, 2 * length, 2 * size, length - size)


def resized(b: Builder, x: str, size: tuple[int, int], draw: st.DrawFn) -> str:
    """Blended to any size, up or down."""
    mode = draw(st.sampled_from(["half_pixel", "align_corners", "asymmetric"]))
    _, height, width, _ = b.tensors[x].shape
    rows, columns = sampling(height, size[0], mode), sampling(width, size[1], mode)
    return b.node(ResizeBilinear(rows, columns), x)


def any_size(b: Builder, x: str, draw: st.DrawFn) -> str:
    """A resize by odd factors: nearest by a whole one, bilinear to whatever."""
    _, height, width, _ = b.tensors[x].shape
    factor = draw(st.sampled_from([1, 3, 5, 7]))
    if height * width * factor * factor <= LARGEST and draw(st.booleans()):
        return b.node(ResizeNearest(factor), x)
    return resized(b, x, (draw(st.integers(1, 14)), draw(st.integers(1, 14))), draw)


def pooled_branch(b: Builder, x: str, draw: st.DrawFn) -> str:
    """One pixel made as large as the map beside it (DeepLab, Fast-SCNN)."""
    _, height, width, channels = b.tensors[x].shape
    pixel = b.conv(b.node(GlobalAveragePool(), x), channels)
    spread = resized(b, pixel, (height, width), draw)
    return b.node(Concat(3), b.conv(x, channels), spread) if draw(st.booleans()) else spread


def pyramid(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Up and down again, added to what has the size (FPN, PAN): different rates meet."""
    channels = b.tensors[x].shape[3]
    low = b.conv(x, channels, 3, 2)
    deep = b.conv(low, channels, 3, draw(st.sampled_from([1, 2])))
    up = b.add(low, resized(b, deep, b.tensors[low].shape[1:3], draw))
    top = b.add(x, resized(b, up, b.tensors[x].shape[1:3], draw))
    if draw(st.booleans()):
        return top
    down = resized(b, top, b.tensors[up].shape[1:3], draw)
    return b.add(up, down if draw(st.booleans()) else b.conv(top, channels, 3, 2))


def windowed(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Pools: 3x3 of stride 2, 2x2 that count a last half window, averages."""
    _, height, width, _ = b.tensors[x].shape
    if min(height, width) < 3:
        return b.node(MaxPool(same(3)), x)
    ceil = Window2d((2, 2), (2, 2), (1, 1), Pads(0, 0, height % 2, width % 2))
    window = draw(st.sampled_from([same(3, 2), same(3), ceil]))
    average = draw(st.booleans())
    return b.node(AveragePool(window, draw(st.booleans())) if average else MaxPool(window), x)


def cut(b: Builder, x: str, draw: st.DrawFn) -> str:
    """A box of the pixels and channels, some of them left out; beside it what is left of x."""
    begin, size, stride = [], [], []
    for length in b.tensors[x].shape[1:]:
        first, step = draw(st.integers(0, min(2, length - 1))), draw(st.integers(1, 2))
        begin.append(first)
        stride.append(step)
        size.append(draw(st.integers(1, (length - first - 1) // step + 1)))
    return b.node(Slice(tuple(begin), tuple(size), tuple(stride)), x)


def turned(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Axes in another order, or the same bytes under another shape: whole tensors are needed."""
    _, height, width, channels = b.tensors[x].shape
    shapes = [(1, width, height, channels), (1, height, width, channels), (1, 1, height, width)]
    if draw(st.booleans()) and channels > 1:
        return b.node(Transpose(draw(st.sampled_from([(0, 2, 1, 3), (0, 3, 1, 2)]))), x)
    shape = draw(st.sampled_from(shapes[:2] if channels > 1 else shapes))
    return b.node(Reshape(shape), x)


def gated(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Squeeze and excite."""
    channels = b.tensors[x].shape[3]
    scale = b.conv(b.conv(b.node(GlobalAveragePool(), x), 2), channels)
    return b.node(Mul(), x, b.node(HardSigmoid(), scale) if draw(st.booleans()) else scale)


def blocks(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Channels become pixels."""
    _, height, width, _ = b.tensors[x].shape
    block = draw(st.sampled_from([2, 3]))
    if height * width * block * block > LARGEST:
        return b.conv(x, 2, 3, 2)
    return b.node(DepthToSpace(block), b.conv(x, 2 * block * block))


def two_heads(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Two resolutions side by side, the smaller one repeated (PicoDet)."""
    low = b.conv(x, 3, 3, 2)
    large = b.node(ResizeNearest(2), low)
    _, height, width, _ = b.tensors[x].shape
    channels = b.tensors[large].shape[3]
    if b.tensors[large].shape[1:3] != (height, width):
        large = b.node(Slice((0, 0, 0), (height, width, channels)), large)
    return b.node(Concat(3), b.conv(x, 2), large, b.depthwise(x, draw(st.sampled_from([3, 5]))))


def head(b: Builder, *maps: str, most: int = 3, name: str = "") -> str:
    """A detector's head: scores in the first map, box sides in a second one or behind them."""
    boxes = Channels(1) if len(maps) > 1 else Channels(0, b.tensors[maps[0]].shape[3] - 4)
    classes = b.tensors[maps[0]].shape[3] - (4 if len(maps) == 1 else 0)
    pooled = Channels(2) if len(maps) > 2 else None
    op = DetectHead(
        classes, most, 0.3, Form.SIDES, (Anchor(2.0, 2.0, 4.0, 4.0),), (4.0, 4.0), peaks=pooled,
        scores=Channels(0), boxes=boxes,
    )  # fmt: skip
    return b.node(op, *maps, name=name)


def drawn_head(b: Builder, x: str, draw: st.DrawFn) -> str:
    """A head of one to three maps: all in one, scores and boxes, scores, boxes and maxima."""
    classes, most = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    kind = draw(st.integers(1, 3))
    if kind == 1:
        return head(b, b.conv(x, classes + 4), most=most)
    scores, boxes = b.conv(x, classes, draw(st.sampled_from([1, 3]))), b.conv(x, 4)
    pooled = (b.node(MaxPool(same(3)), scores),) if kind == 3 else ()
    return head(b, scores, boxes, *pooled, most=most)


PARTS: Mapping[str, Part] = {
    "any size": any_size,
    "pooled branch": pooled_branch,
    "pyramid": pyramid,
    "windowed": windowed,
    "cut": cut,
    "turned": turned,
    "gated": gated,
    "blocks": blocks,
    "two heads": two_heads,
}
