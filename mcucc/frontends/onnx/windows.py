"""Converters of sliding windows: pools and reductions over the picture, and window attributes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.registry import converter
from mcucc.frontends.onnx.sequences import of_sequences
from mcucc.frontends.onnx.view import NHWC, View
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.pad import Pad

LARGEST_EXTENT = 1024  # of a window, stride or padding: beyond any picture of this field
AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


@dataclass(frozen=True)
class _Side:
    """Padding along one axis; `extra` rows at the end exist only because of ceil_mode."""

    begin: int
    end: int
    extra: int = 0


def window_of(node: OnnxNode, size: tuple[int, int], kernel: tuple[int, int]) -> Window2d:
    """The window of a node over an image of `size`; UnsupportedNode if it is not 2-D."""
    window, _ = _window_and_extra(node, size, kernel)
    return window


def _window_and_extra(
    node: OnnxNode, size: tuple[int, int], kernel: tuple[int, int]
) -> tuple[Window2d, bool]:
    """The window, and whether ceil_mode made it larger than the model's own padding."""
    stride = _pair(node, "strides")
    dilation = _pair(node, "dilations")
    plain = Window2d(kernel, stride, dilation)
    if max(*plain.effective, *stride) > LARGEST_EXTENT:
        raise UnsupportedNode(
            f"a window of {plain}", f"at most {LARGEST_EXTENT} pixels are compiled"
        )
    pads = node.integers("pads") or (0, 0, 0, 0)
    if len(pads) != 4:
        raise UnsupportedNode(f"pads {list(pads)} are not those of a 2-D window")
    if max(pads) > LARGEST_EXTENT:
        raise UnsupportedNode(f"pads {list(pads)}", f"at most {LARGEST_EXTENT} pixels are compiled")
    if min(pads) < 0:
        raise UnsupportedNode(
            f"negative pads {list(pads)}", "slice the tensor in the model instead"
        )
    mode = node.text("auto_pad", "NOTSET")
    if mode not in AUTO_PADS:
        raise UnsupportedNode(f"auto_pad {mode!r}")
    sides = [
        _side(mode, size[i], plain.effective[i], stride[i], (pads[i], pads[i + 2]), node)
        for i in (0, 1)
    ]
    rows, columns = sides
    whole = Pads(rows.begin, columns.begin, rows.end + rows.extra, columns.end + columns.extra)
    window = replace(plain, pads=whole)
    window.output_size(*size)
    return window, bool(rows.extra or columns.extra)


def _side(
    mode: str, size: int, extent: int, stride: int, pads: tuple[int, int], node: OnnxNode
) -> _Side:
    if mode.startswith("SAME"):
        total = max((ceil(size / stride) - 1) * stride + extent - size, 0)
        small, large = total // 2, total - total // 2
        return _Side(small, large) if mode == "SAME_UPPER" else _Side(large, small)
    begin, end = pads if mode == "NOTSET" else (0, 0)
    if not node.integer("ceil_mode"):
        return _Side(begin, end)
    outputs = ceil((size + begin + end - extent) / stride) + 1
    if (outputs - 1) * stride >= size + begin:
        outputs -= 1  # a window must not start in the padding behind the picture
    extra = max((outputs - 1) * stride + extent - (size + begin + end), 0)
    return _Side(begin, end, extra)


def transposed_window(
    node: OnnxNode, size: tuple[int, int], kernel: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """What a ConvTranspose cuts off at the top and left, its stride and its output's size."""
    stride = _pair(node, "strides")
    if _pair(node, "dilations") != (1, 1):
        raise UnsupportedNode("dilations", "only dense kernels are compiled")
    if max(*kernel, *stride) > LARGEST_EXTENT:
        raise UnsupportedNode(
            f"a kernel of {kernel}", f"at most {LARGEST_EXTENT} pixels are compiled"
        )
    added, wanted = node.integers("output_padding") or (0, 0), node.integers("output_shape")
    pads, mode = node.integers("pads") or (0, 0, 0, 0), node.text("auto_pad", "NOTSET")
    if mode not in AUTO_PADS or len(pads) != 4 or len(added) != 2:
        raise UnsupportedNode(f"auto_pad {mode!r}, pads {list(pads)}, output_padding {list(added)}")
    cuts, sizes = [], []
    for i in (0, 1):
        whole = (size[i] - 1) * stride[i] + added[i] + kernel[i]
        begin, end = (pads[i], pads[i + 2]) if mode == "NOTSET" else (0, 0)
        length = whole - begin - end
        if wanted is not None or mode.startswith("SAME"):
            length = wanted[len(wanted) - 2 + i] if wanted else size[i] * stride[i]
            total = whole - length
            if total < 0:
                # ONNX Runtime leaves an auto_pad short; its standard asks for the whole length.
                raise UnsupportedNode(f"an output of {length} pixels where {whole} are reached")
            # An odd pixel is cut off in front, but for SAME_UPPER (ONNX, ConvTranspose).
            begin = total // 2 if mode == "SAME_UPPER" else total - total // 2
        if begin < 0 or length < 1:
            raise UnsupportedNode(f"pads {list(pads)} for an output of {length} pixels")
        cuts.append(begin)
        sizes.append(length)
    return (cuts[0], cuts[1]), stride, (sizes[0], sizes[1])


def _pair(node: OnnxNode, name: str) -> tuple[int, int]:
    found = node.integers(name)
    if found is None:
        return 1, 1
    if len(found) != 2:
        raise UnsupportedNode(f"{name} {list(found)} are not those of a 2-D window")
    return found[0], found[1]


def _pool_input(ctx: Context, node: OnnxNode) -> tuple[View, tuple[int, int], tuple[int, int]]:
    """The image, its height and width, and the kernel."""
    node.only_output()
    view = ctx.image(node, ctx.view(node, 0))
    kernel = node.integers("kernel_shape")
    if kernel is None or len(kernel) != 2:
        raise UnsupportedNode("kernel_shape is not that of a 2-D window")
    spread = zip(kernel, _pair(node, "dilations"), strict=True)
    mode = node.text("auto_pad", "NOTSET")
    if mode.startswith("SAME") and any(side > 1 and step > 1 for side, step in spread):
        # ONNX Runtime pads as if the window were dense, ONNX's standard does not.
        raise UnsupportedNode(
            f"auto_pad {mode} of a dilated window has two meanings", "give pads instead"
        )
    return view, (view.shape[2], view.shape[3]), (kernel[0], kernel[1])


def image_view(ctx: Context, tensor: str) -> View:
    """The view of a stored picture as ONNX has it."""
    _, height, width, channels = ctx.tensors[tensor].shape
    return View.stored(tensor, (1, channels, height, width), NHWC)


@converter("MaxPool")
@of_sequences
def max_pool(ctx: Context, node: OnnxNode) -> View:
    """MaxPool; padding never wins, so that ceil_mode is just more of it."""
    view, size, kernel = _pool_input(ctx, node)
    op = MaxPool(window_of(node, size, kernel))
    return image_view(ctx, ctx.compute(node, op, [view.tensor]))


@converter("AveragePool")
@of_sequences
def average_pool(ctx: Context, node: OnnxNode) -> View:
    """AveragePool, or GlobalAveragePool where one window covers the picture."""
    view, size, kernel = _pool_input(ctx, node)
    window, extra = _window_and_extra(node, size, kernel)
    include = bool(node.integer("count_include_pad"))
    own = node.integers("pads") or (0, 0, 0, 0)
    if not any(own) and not node.text("auto_pad", "NOTSET").startswith("SAME"):
        include = False  # what ceil_mode adds never counts
    if extra and include:
        # The model's own border counts: it becomes part of the picture.
        border = Pads(own[0], own[1], own[2], own[3])
        padded = ctx.compute(node, Pad(border), [view.tensor], "border")
        view, include = image_view(ctx, padded), False
        rest = window.pads
        outside = Pads(0, 0, rest.bottom - border.bottom, rest.right - border.right)
        window = replace(window, pads=outside)
    if kernel == size and not window.pads and window.dilation == (1, 1):
        return image_view(ctx, ctx.compute(node, GlobalAveragePool(), [view.tensor]))
    op = AveragePool(window, include and window.padded)
    op.counts(view.shape[2], view.shape[3])
    return image_view(ctx, ctx.compute(node, op, [view.tensor]))


@converter("GlobalAveragePool")
@of_sequences
def global_average_pool(ctx: Context, node: OnnxNode) -> View:
    """The mean over the picture."""
    view = ctx.image(node, ctx.view(node, 0))
    return image_view(ctx, ctx.compute(node, GlobalAveragePool(), [view.tensor]))


@converter("GlobalMaxPool")
@of_sequences
def global_max_pool(ctx: Context, node: OnnxNode) -> View:
    """A MaxPool of the picture's size."""
    view = ctx.image(node, ctx.view(node, 0))
    op = MaxPool(Window2d((view.shape[2], view.shape[3])))
    return image_view(ctx, ctx.compute(node, op, [view.tensor]))
