"""Every op's int8 result against the float result of the same dequantized operands.

The distance stays within the op's LARGEST_ERROR, in units of the output scale, over which the
float result is clamped as int8 is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcucc.numerics.fixed_point import INT8_MAX, INT8_MIN, NO_CLAMP, Rounding
from mcucc.ops.add import Add
from mcucc.ops.common.lookup import Unary
from mcucc.ops.common.record import Finder
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.mul import Mul
from mcucc.ops.registry import registry
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.sub import Sub
from tests.ops import draw, draw_camera, draw_choices, draw_norms
from tests.ops.draw import Case

CASES: dict[str, st.SearchStrategy[Case]] = {
    "ArgMax": draw_choices.arg_max_cases(),
    "BayerBin": draw_camera.bayer_bin_cases(),
    "CameraPicture": draw_camera.camera_picture_cases(),
    "Conv2d": draw.conv_cases(),
    "DepthwiseConv2d": draw.depthwise_cases(),
    "FullyConnected": draw.fully_connected_cases() | draw.fully_connected_cases(by_pixel=True),
    "Add": draw.binary_cases(Add),
    "Mul": draw.binary_cases(Mul),
    "Sub": draw.binary_cases(Sub),
    "Attention": draw.attention_cases() | draw.attention_cases(most=150),
    "MatMul": draw.mat_mul_cases(),
    "MaxPool": draw.max_pool_cases(),
    "AveragePool": draw.average_pool_cases(),
    "GlobalAveragePool": draw.global_average_pool_cases(),
    "Softmax": draw.softmax_cases(),
    "Concat": draw.concat_cases(),
    "Div": draw.div_cases(),
    "Extremum": draw.extremum_cases(),
    "Pad": draw.pad_cases(),
    "PRelu": draw.prelu_cases(),
    "ChannelAffine": draw.channel_affine_cases(),
    "ChannelOperand": draw.channel_operand_cases(),
    "SquaredDifference": draw.squared_difference_cases(),
    "Slice": draw.slice_cases(),
    "GatherChannels": draw.gather_channels_cases(),
    "GroupNorm": draw_norms.group_norm_cases(),
    "LogSoftmax": draw_choices.log_softmax_cases(),
    "L2Norm": draw_norms.l2_norm_cases(),
    "LayerNorm": draw.layer_norm_cases(),
    "Constant": draw.constant_cases(),
    "ResizeNearest": draw.resize_cases(),
    "SampleNearest": draw_choices.sample_cases(),
    "ResizeBilinear": draw.resize_bilinear_cases(),
    "ConvTranspose2d": draw.conv_transpose_cases(),
    "DepthToSpace": draw.block_cases(DepthToSpace),
    "SpaceToDepth": draw.block_cases(SpaceToDepth),
    "Permute": draw.permute_cases(),
    "Transpose": draw.transpose_cases(),
    "Lookup": draw.lookup_cases(),
}
# The float result itself is float32, and fixed-point factors have a last bit: both are far below
# what the integers resolve, in units of the output.
FLOAT32_NOISE = 2.0**-10


# Where the second figure of LARGEST_ERROR holds: "0 ..., else 0.5 units".
ROUNDS: dict[str, Callable[[Case], bool]] = {
    "Attention": lambda case: (
        case.output.quantization.per_tensor_scale < case.inputs[2].quantization.per_tensor_scale
    ),
    "Concat": lambda case: any(t.quant != case.output.quant for t in case.inputs),
    "Extremum": lambda case: any(t.quant != case.output.quant for t in case.inputs),
    "MaxPool": lambda case: case.op.clamp != NO_CLAMP,  # type: ignore[attr-defined]
    "Pad": lambda case: case.op.value != 0.0,  # type: ignore[attr-defined]
}


def largest_error(case: Case) -> float:
    """The number LARGEST_ERROR states for this case, in units of the output scale."""
    exact, _, rounded = case.op.LARGEST_ERROR.partition(", else ")
    rounds = ROUNDS.get(case.op.kind)
    text = rounded if rounds is not None and rounds(case) else exact
    number = re.match(r"\d+(\.\d+)?", text)
    assert number is not None, case.op.LARGEST_ERROR
    return float(number[0])


@pytest.mark.parametrize("name", CASES)
def test_int8_is_within_the_largest_error_of_float(name: str) -> None:
    """In the `single` profile, the project's own."""

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=60,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=CASES[name])
    def run(case: Case) -> None:
        quant = case.output.quantization
        units = case.real().astype(np.float64) / quant.per_tensor_scale + quant.zero_point
        units = np.clip(units, INT8_MIN, INT8_MAX).reshape(case.output.shape)
        ours = case.run(Rounding.SINGLE).astype(np.float64)
        error = np.abs(ours - units).max()
        assert error <= largest_error(case) + FLOAT32_NOISE

    run()


def test_every_op_with_code_is_covered() -> None:
    """A new op file needs a drawn case here; element-wise ops are drawn from the registry."""
    kinds = (Unary, Finder)  # what finds boxes and points: test_detect.py
    others = {name for name, op in registry().items() if not issubclass(op, kinds)}
    assert set(CASES) - {"Lookup"} == others - {"Reshape"}
