"""The channel split of an expand - depthwise - project block (FDT, Pex).

The expanded tensor is never there as a whole: for a group of its channels at a time the rows that a
step needs are expanded, filtered, and added to int32 sums of the projection. The weights are cut by
group when the code is generated; requantization is per channel and int32 sums are associative, so
that the bytes are those of the three layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from mcucc.ir.integer import IntegerNode, KernelTarget
from mcucc.ir.kernel import BlockCall, Granularity, Kernel, KernelCall, Part
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.window import Window
from mcucc.kernels.select import NodeContext, choose, choose_slice
from mcucc.numerics.fixed_point import INT8, IntegerArray
from mcucc.ops.common.partial_sums import (
    SUM_BYTES,
    FinishSumsKernel,
    PartialSumsKernel,
    as_bytes,
    as_sums,
)
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel
from mcucc.schedule.plan.spans import Range, reads, total

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class SplitGroup:
    """Channels [begin, end) of the expanded tensor and the nodes that work on them."""

    begin: int
    end: int
    expand: IntegerNode
    depthwise: IntegerNode
    project: IntegerNode

    @property
    def channels(self) -> int:
        """How many."""
        return self.end - self.begin

    @property
    def nodes(self) -> tuple[IntegerNode, IntegerNode, IntegerNode]:
        """In order of execution."""
        return self.expand, self.depthwise, self.project

    @property
    def calls(self) -> tuple[KernelCall, KernelCall, KernelCall]:
        """Their C calls."""
        return self.expand.call(), self.depthwise.call(), self.project.call()


@dataclass(frozen=True, eq=False)
class SplitBlockKernel(Kernel):
    """The sums of a block: input (H, W, C_in), output (H_o, W_o, 4 * C_out) bytes.

    `rows` and `columns` are the most of the output that a call makes: scratch follows from them.
    """

    groups: tuple[SplitGroup, ...]
    input_shape: Shape
    depthwise: DepthwiseConv2dKernel
    outputs: int
    rows: int
    columns: int

    @property
    def granularity(self) -> Granularity:
        """All rows of a step together."""
        return Granularity.BLOCK

    def weight_bytes(self, bits: int) -> int:
        """Of the layers of all groups, each in the bits of its own variant."""
        nodes = [node for group in self.groups for node in group.nodes]
        return sum(node.kernel.weight_bytes(node.call().id.bits) for node in nodes)

    def run(self, inputs: Sequence[IntegerArray]) -> IntegerArray:
        """The int8 reference: each group's layers one after the other, the sums added."""
        parts = []
        for group in self.groups:
            x = inputs[0]
            for node in group.nodes:
                x = node.kernel.run([x])
            parts.append(as_sums(x).astype(np.int64))
        return as_bytes(np.sum(parts, axis=0))

    def call(self) -> KernelCall:
        """All tables of all groups; the calls are those of its `block`."""
        fields = tuple(
            (f"{name}_{number}_{array.name}", replace(array, name=f"{name}_{number}_{array.name}"))
            for number, group in enumerate(self.groups)
            for name, call in zip(BlockCall.STEPS, group.calls, strict=True)
            for array in call.arrays
        )
        block = BlockCall(
            groups=tuple(group.calls for group in self.groups),
            channels=self.channels,
            taps=self.depthwise.window.kernel[0],
            dilation=self.depthwise.window.dilation[0],
            padding=self.depthwise.padding(),
            expanded=self.kernel_scratch,
            slots=self.expanded_rows,
            pitch=self.expanded_columns * self.channels,
            filtered=self.kernel_scratch + self.expanded_bytes,
        )
        isa = block.groups[0][0].id.isa
        return KernelCall(KernelId("split_block", isa), fields, block=block)

    def windows(self, index: int) -> tuple[Window, Window]:
        """The depthwise convolution's; what lies between its taps is expanded as well."""
        return self.rows_window, self.columns_window

    @cached_property
    def rows_window(self) -> Window:
        """Input rows of an output row."""
        return replace(self.depthwise.window.rows, dilation=1)

    @cached_property
    def columns_window(self) -> Window:
        """Input columns of an output column."""
        return replace(self.depthwise.window.columns, dilation=1)

    @property
    def macs_per_pixel(self) -> int:
        """Of the depthwise convolution and the projection."""
        channels = self.depthwise.input_channels
        return self.depthwise.macs_per_pixel + channels * self.outputs

    @property
    def macs_per_input_pixel(self) -> int:
        """Of the expansion."""
        return self.input_shape[2] * self.depthwise.input_channels

    def macs(self, rows: Sequence[Range], columns: Sequence[Range]) -> int:
        """Every call expands what it reads, whatever the call before did."""
        height, width, _ = self.input_shape
        down = total([reads([(r, self.rows_window)], height) for r in rows])
        across = total([reads([(c, self.columns_window)], width) for c in columns])
        filtered = self.macs_per_pixel * total(rows) * total(columns)
        return filtered + self.macs_per_input_pixel * down * across

    # Scratch: what the kernels need, the expanded rows of a group, one filtered row of it -------

    @property
    def expanded_rows(self) -> int:
        """Rows of the input that a call expands, at most."""
        window = self.rows_window
        return min(self.input_shape[0], (self.rows - 1) * window.stride + window.kernel)

    @property
    def expanded_columns(self) -> int:
        """Columns of the input that a call expands, at most."""
        window = self.columns_window
        return min(self.input_shape[1], (self.columns - 1) * window.stride + window.kernel)

    @property
    def channels(self) -> int:
        """Channels of the largest group."""
        return max(group.channels for group in self.groups)

    @property
    def kernel_scratch(self) -> int:
        """Bytes of scratch of the kernels themselves, whole words."""
        return _kernel_scratch(self.groups)

    @property
    def expanded_bytes(self) -> int:
        """Of the expanded rows of a group."""
        return self.expanded_rows * self.expanded_columns * self.channels

    @property
    def scratch_bytes(self) -> int:
        """All three."""
        return self.kernel_scratch + self.expanded_bytes + self.columns * self.channels

    def narrowed(self, columns: int, rows: int = 1) -> Kernel:
        """The block for calls of at most so many rows and columns."""
        return replace(self, groups=_narrowed(self.groups, columns), rows=rows, columns=columns)

    @property
    def variant_name(self) -> str:
        """The variants of the three layers: those of all groups are alike."""
        return "; ".join(node.variant_name for node in self.groups[0].nodes)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What the groups call, by kernel."""
        found: dict[tuple[KernelId, bool], Part] = {}
        for group in self.groups:
            for node in group.nodes:
                key, of_input = node.call().id, node is group.expand
                channels = self.outputs if node is group.project else group.channels
                old = found.get((key, of_input), Part(key, of_input, 0, 0, 0))
                found[key, of_input] = Part(
                    key,
                    of_input,
                    old.calls + 1,
                    old.macs + node.kernel.macs_per_pixel,
                    old.channels + channels,
                )
        return tuple(found.values())

    # What the checker asks: nothing here is derived from what the planner reserves -------------

    def least_scratch(self, pixels: int, columns: int) -> int:
        """The largest group of every pixel read, and a row of it filtered."""
        return (pixels + columns) * self.channels

    def flaw(self) -> str:
        """Every expanded channel is in one group, and only the first group begins the sums."""
        end = 0
        for number, group in enumerate(self.groups):
            part = group.project.kernel
            begins = isinstance(part, PartialSumsKernel) and part.first
            if group.begin != end or group.end <= end or begins != (number == 0):
                return f"group {number} has channels {group.begin} to {group.end}"
            end = group.end
        if end != self.depthwise.input_channels:
            return f"groups have {end} of {self.depthwise.input_channels} channels"
        return ""

    def describe(self) -> str:
        """The three layers and the groups."""
        groups = f"{len(self.groups)} groups of {self.channels} channels"
        return f"SplitBlock 1x1, {self.depthwise.window}, 1x1 in {groups}"


@lru_cache(maxsize=1 << 12)
def _narrowed(groups: tuple[SplitGroup, ...], columns: int) -> tuple[SplitGroup, ...]:
    """Groups for calls of at most so many columns; rows are filtered one by one."""
    return tuple(replace(each, depthwise=each.depthwise.narrowed(columns, 1)) for each in groups)


@lru_cache(maxsize=1 << 12)
def _kernel_scratch(groups: tuple[SplitGroup, ...]) -> int:
    needed = [node.scratch_bytes for group in groups for node in group.nodes]
    return -(-max(needed) // SUM_BYTES) * SUM_BYTES


def why_no_block(expand: Kernel, depthwise: Kernel, project: Kernel) -> str:
    """What keeps three layers in a row from being split; "" where nothing does."""
    for name, kernel in (("the expansion", expand), ("the projection", project)):
        if not isinstance(kernel, Conv2dKernel):
            return f"{name} is no convolution"
        if kernel.weights.dtype != INT8:
            return f"{name} has weights of 9 bits"
        window = kernel.window
        if (window.kernel, window.stride, kernel.groups) != ((1, 1), (1, 1), 1) or window.padded:
            return f"{name} is no 1x1 of stride 1, one group, without padding"
    if not isinstance(depthwise, DepthwiseConv2dKernel):
        return "there is no depthwise convolution between two 1x1"
    if expand.wide or depthwise.wide or project.wide:
        return "it has int16 activations"
    if depthwise.input_channels != depthwise.weights.shape[2]:
        return "the depthwise convolution has several outputs a channel"
    return ""


@lru_cache(maxsize=1024)  # plans of one network split the same blocks again and again
def split_block(
    layers: tuple[IntegerNode, IntegerNode, IntegerNode],
    input_shape: Shape,
    output_shape: Shape,
    channels: int,
    target: KernelTarget | None,
) -> tuple[SplitBlockKernel, IntegerNode]:
    """The kernel of a block's sums in groups of so many channels, and the node of their end.

    The last group has what is left. The three layers are a block (see `why_no_block`).
    """
    expand, depthwise, project = layers
    first, middle, last = expand.kernel, depthwise.kernel, project.kernel
    assert isinstance(first, Conv2dKernel) and isinstance(last, Conv2dKernel)
    assert isinstance(middle, DepthwiseConv2dKernel)
    flat = last.weights.reshape(last.weights.shape[0], -1)
    before, after = _context(input_shape, target), _context(output_shape, target)
    groups = []
    for begin in range(0, middle.input_channels, channels):
        end = min(begin + channels, middle.input_channels)
        cut = slice(begin, end)
        sliced = replace(
            middle,
            input_channels=end - begin,
            weights=np.ascontiguousarray(middle.weights[:, :, cut]),
            sums=middle.sums.channels(begin, end),
        )
        expanded = replace(first, weights=first.weights[cut], sums=first.sums.channels(begin, end))
        part = PartialSumsKernel(np.ascontiguousarray(flat[:, cut]), begin == 0)
        groups.append(
            SplitGroup(
                begin,
                end,
                _slice("expand", expand, expanded, before, target),
                _slice("depthwise", depthwise, sliced, after, target),
                _bound("project", project, part, after, target),
            )
        )
    height, width, outputs = output_shape
    block = SplitBlockKernel(tuple(groups), input_shape, middle, outputs, height, width)
    end_of_sums = FinishSumsKernel(flat, last.sums)
    return block, _bound(project.name, project, end_of_sums, after, target)


def _context(shape: Shape, target: KernelTarget | None) -> NodeContext:
    """Of a layer with an output of this shape."""
    optimize = target.optimize if target is not None else "balanced"
    return NodeContext(height=shape[0], width=shape[1], optimize=optimize)


def _slice(
    name: str,
    layer: IntegerNode,
    kernel: Kernel,
    context: NodeContext,
    target: KernelTarget | None,
) -> IntegerNode:
    """Some channels of a layer, in the form of the layer where there is such a variant."""
    variant = None
    if target is not None and layer.variant is not None:
        variant = choose_slice(layer.variant, kernel, context, target.isa)
    return replace(layer, name=name, kernel=kernel, variant=variant)


def _bound(
    name: str,
    layer: IntegerNode,
    kernel: Kernel,
    context: NodeContext,
    target: KernelTarget | None,
) -> IntegerNode:
    """A kernel of another kind in the place of a layer."""
    variant = choose(kernel, context, target.isa) if target is not None else None
    return replace(layer, name=name, kernel=kernel, variant=variant)
