"""Random small networks and random legal plans: what the planner's tests draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import hypothesis.strategies as st

from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.resize_bilinear import ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.planner_graph import PlannerGraph
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, SplitPlan, StagePlan
from mcucc.schedule.plan.row_outputs import keeps_whole
from mcucc.schedule.plan.spans import Reuse
from mcucc.schedule.split.rewrite import blocks_of
from tests.graphs import Builder, same
from tests.schedule.parts import PARTS, drawn_head

KINDS = (
    "conv",
    "depthwise",
    "block",
    "block",
    "residual",
    "pool",
    "branch",
    "upsample",
    "squeeze",
    "uneven",
)


@st.composite
def networks(draw: st.DrawFn, more: bool = False) -> IntegerGraph:
    """Chains, residuals, branches, concats, squeeze-and-excite; odd sizes, strides, dilations.

    Heads of detectors take any map on the way.

    With `more` of `parts` as well, where rates part and meet, and whole tensors are needed.
    """
    b = Builder(draw(st.integers(5, 14)), draw(st.integers(5, 14)), draw(st.integers(1, 4)))
    x, outputs = "image", []
    for _ in range(draw(st.integers(1, 5))):
        x = add_part(b, x, draw, more)
        if draw(st.integers(0, 5)) == 0 and x != "image":
            outputs.append(x)
        if draw(st.integers(0, 3)) == 0:
            outputs.append(drawn_head(b, x, draw))
    end = draw(st.sampled_from(["none", "pool", "classifier"]))
    if end == "pool":
        x = b.node(GlobalAveragePool(), x)
    elif end == "classifier":
        x = b.classifier(x, 3)
    return lower(b.graph(*dict.fromkeys([*outputs, x])))


def add_part(b: Builder, x: str, draw: st.DrawFn, more: bool = False) -> str:
    """One more part of a random network; returns its output."""
    kind = draw(st.sampled_from((*KINDS, *PARTS, *PARTS) if more else KINDS))
    if kind in PARTS:
        return PARTS[kind](b, x, draw)
    _, height, width, channels = b.tensors[x].shape
    if kind == "conv":
        return b.conv(x, draw(st.integers(1, 5)), _kernel(draw, height, width), *_steps(draw))
    if kind == "depthwise":
        return b.depthwise(x, draw(st.sampled_from([3, 5])), draw(st.integers(1, 2)))
    if kind == "block":
        return b.block(x, 2, channels, draw(st.sampled_from([3, 5])), draw(st.integers(1, 2)))
    if kind == "residual":
        return b.add(x, b.conv(b.conv(x, 3, 3), channels, 3))
    if kind == "uneven":
        return _uneven(b, x, draw)
    if kind == "pool":
        if min(height, width) < 3:
            return b.conv(x, channels)
        if height % 2 == width % 2 == 0 and draw(st.booleans()):
            return b.conv(b.node(SpaceToDepth(2), x), channels)
        window = Window2d((2, 2), (2, 2)) if draw(st.booleans()) else same(3, 2)
        return b.node(MaxPool(window), x)
    if kind == "branch":
        y = b.node(MaxPool(same(3)), x)
        return b.node(Concat(3), b.conv(x, 2, 3), y, b.conv(b.conv(x, 2), 3, 5))
    if kind == "upsample":
        return _larger(b, x, draw) if height * width < 120 else b.depthwise(x, 3, 2)
    scale = b.conv(b.node(GlobalAveragePool(), x), channels)
    return b.conv(b.node(Mul(), x, scale), channels)


def _larger(b: Builder, x: str, draw: st.DrawFn) -> str:
    """Twice the size: pixels repeated, blended, or spread by a convolution."""
    kind = draw(st.sampled_from(["nearest", "bilinear", "deconvolution", "blocks"]))
    if kind == "blocks":
        return b.node(DepthToSpace(2), b.conv(x, 8))
    if kind == "bilinear":
        return _resized(b, x, draw)
    return b.node(ResizeNearest(2), x) if kind == "nearest" else _deconvolution(b, x, draw)


def _resized(b: Builder, x: str, draw: st.DrawFn) -> str:
    """To twice the size, rarely to any other."""
    samplings = []
    for length in b.tensors[x].shape[1:3]:
        size = draw(st.sampled_from([*[2 * length] * 9, length + 1]))
        offset = length - size if draw(st.booleans()) else 0
        samplings.append(Sampling.of(size, 2 * length, 2 * size, offset))
    return b.node(ResizeBilinear(*samplings), x)


def _deconvolution(b: Builder, x: str, draw: st.DrawFn) -> str:
    """A transposed convolution of stride 2, kernels of 2 to 4, something cut off or not."""
    _, height, width, channels = b.tensors[x].shape
    kernel = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    cut = draw(st.integers(0, 1)), draw(st.integers(0, 1))
    op = ConvTranspose2d(kernel, (2, 2), cut, (2 * height, 2 * width))
    name = f"deconvolution_{len(b.nodes)}"
    return b.node(op, x, *b.weights((4, *kernel, channels), 0, x, name), name=name)


def _uneven(b: Builder, x: str, draw: st.DrawFn) -> str:
    """A window that is no square, with strides and pads that differ by side."""
    _, height, width, channels = b.tensors[x].shape
    kernel = draw(st.integers(1, min(4, height))), draw(st.integers(1, min(4, width)))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    before, after = ([draw(st.integers(0, k - 1)) for k in kernel] for _ in range(2))
    window = Window2d(kernel, stride, (1, 1), Pads(before[0], before[1], after[0], after[1]))
    op = draw(st.sampled_from(["conv", "depthwise", "max", "average"]))
    if op == "max":
        return b.node(MaxPool(window), x)
    if op == "average":
        return b.node(AveragePool(window, draw(st.booleans())), x)
    name = f"uneven_{len(b.nodes)}"
    if op == "depthwise":
        return b.node(
            DepthwiseConv2d(window), x, *b.weights((*kernel, channels), 2, x, name), name=name
        )
    groups = 2 if channels % 2 == 0 else 1
    shape = (4, *kernel, channels // groups)
    return b.node(Conv2d(window, groups), x, *b.weights(shape, 0, x, name), name=name)


def _kernel(draw: st.DrawFn, height: int, width: int) -> int:
    """A kernel size whose window fits; even ones only where there is room."""
    return draw(st.sampled_from([1, 2, 3] if min(height, width) > 3 else [1, 3]))


def _steps(draw: st.DrawFn) -> tuple[int, int]:
    """Stride and dilation."""
    return draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (3, 1)]))


@st.composite
def plans(
    draw: st.DrawFn,
    graph: IntegerGraph,
    images: Sequence[ImagePolicy] = tuple(ImagePolicy),
    rows_out: bool = True,
) -> Plan:
    """Random stages, tiles, policies and outputs that leave by rows; many of them are legal."""
    image = draw(st.sampled_from(images))
    network = PlannerGraph(graph, image)
    stages: list[StagePlan] = []
    begin = chain = 0
    while begin < len(network.nodes):
        end = min(len(network.nodes), begin + draw(st.integers(1, 7)))
        pools = {n.output for n in network.nodes if n.granularity is Granularity.SINK}
        made = {node.output for node in network.nodes[begin:end]}
        for position in range(begin, end):
            node = network.nodes[position]
            whole = any(o.rows is None and o.tensor in made for o in node.operands)
            whole |= any(o.tensor in pools for o in node.operands)
            if position > begin and (whole or not node.streams):
                end = position
                break
            if not node.streams:
                end = position + 1
                break
        nodes = network.nodes[begin:end]
        names = tuple(node.name for node in nodes)
        splits = _splits(draw, graph, names)
        tensors = [network.tensors[node.output].name for node in nodes]
        tensors += [f"{graph.node(split.node).output}.sums" for split in splits]
        edges = tuple(
            EdgePlan(
                tensor,
                draw(st.sampled_from(Form)),
                draw(st.sampled_from(Reuse)),
                draw(st.sampled_from(Reuse)),
            )
            for tensor in tensors
        )
        tile = (draw(st.integers(1, 4)), draw(st.integers(0, 4)))
        if stages and stages[-1].feeds and not _streams(network, chain, end):
            stages[-1] = replace(stages[-1], feeds=False)
        chain = chain if stages and stages[-1].feeds else begin
        feeds = draw(st.integers(0, 2)) == 0
        apart = chain == begin and not feeds
        most = _most_strips(network, begin, end, tile) if apart else 1
        strips = min(most, draw(st.integers(1, 3)))
        stages.append(StagePlan(names, tile, edges, feeds, splits, strips))
        begin = end
    able = [name for name in graph.outputs if keeps_whole(graph, name) is None]
    leaving = tuple(name for name in able if rows_out and draw(st.integers(0, 2)) == 0)
    return Plan("drawn", image, tuple(stages), leaving)


def _most_strips(network: PlannerGraph, begin: int, end: int, tile: tuple[int, int]) -> int:
    """The most strips that a stage of these nodes may have."""
    nodes = network.nodes[begin:end]
    operands = {network.tensors[o.tensor] for node in nodes for o in node.operands}
    once = any(tensor.source and tensor.source.once for tensor in operands)
    if once or not all(node.streams for node in nodes):
        return 1
    last = nodes[-1]
    sink = last.granularity is Granularity.SINK
    width = network.tensors[last.operands[0].tensor if sink else last.output].width
    return -(-width // (tile[1] or 1))


def _streams(network: PlannerGraph, begin: int, end: int) -> bool:
    """Whether nodes can run row by row beside each other."""
    nodes = network.nodes[begin:end]
    made = {node.output for node in nodes}
    pools = {node.output for node in nodes if node.granularity is Granularity.SINK}
    return all(
        node.streams and all(o.tensor not in (pools if o.rows else made) for o in node.operands)
        for node in nodes
    )


def _splits(draw: st.DrawFn, graph: IntegerGraph, names: Sequence[str]) -> tuple[SplitPlan, ...]:
    """Most of the blocks of a stage in groups of any number of channels."""
    found = []
    for name, block in blocks_of(graph).items():
        if set(block.names) <= set(names) and draw(st.integers(0, 3)):
            channels = graph.activations[block.expand.output].channels
            found.append(SplitPlan(name, draw(st.integers(1, channels))))
    return tuple(found)
