"""DepthwiseConv2d on any core, four columns at a time (depthwise_columns.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import weights_array
from mcucc.kernels.portable.finish import finish_fields, portable_finish
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel

SQUARES = (3, 5, 7)
STRIDES = (1, 2)
COLUMNS, SLICE = 4, 16  # of the C code


@variant(DepthwiseConv2dKernel, InstructionSet.PORTABLE)
@variant(DepthwiseConv2dKernel, InstructionSet.PORTABLE, packed=True)
def depthwise(kernel: DepthwiseConv2dKernel, context: NodeContext) -> Variant | None:
    """Square kernels of 3, 5 and 7 with one output per channel and a proved requantization."""
    bits = context.bits or 8
    window = kernel.window
    size, _, channels = kernel.weights.shape
    stride = window.stride[1]
    fits = (
        window.kernel in [(k, k) for k in SQUARES]
        and stride in STRIDES
        and window.dilation[1] == 1
        and kernel.input_channels == channels
    )
    by_channel = kernel.weights.reshape(-1, channels).T
    finish = portable_finish(by_channel, kernel.sums, context) if fits else None
    if finish is None:
        return None
    call = KernelCall(
        KernelId(
            "depthwise_conv2d",
            variant="columns",
            copy=(size, stride),
            requantization=finish.form,
            bits=bits,
        ),
        (
            ("pad_left", window.pads.left),
            ("input_width", kernel.input_width),
            ("channels", channels),
            ("weights", weights_array(by_channel, bits)),
            *finish_fields(kernel.sums, finish),
        ),
        scratch_bytes=size * ((COLUMNS - 1) * stride + size) * min(channels, SLICE),
    )
    outputs = context.height * context.width * channels
    cost = variant_cost(call.id)
    per_output = size * size * cost.mac + cost.output
    words = "columns" if bits == 8 else f"columns int{bits}"
    return Variant(call, f"{words}, {finish.form.value}", outputs * per_output)
