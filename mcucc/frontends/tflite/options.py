"""The options of the .tflite operators mcucc compiles, as typed data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import tflite

from mcucc.frontends.tflite import raw
from mcucc.frontends.tflite.flexbuffer import MOST_BYTES, numbers_of

MOST_AXES = 8
POST_PROCESS = "CUSTOM TFLite_Detection_PostProcess"


@dataclass(frozen=True)
class NoOptions:
    """An operator without options, or one mcucc does not compile."""


@dataclass(frozen=True)
class WindowOptions:
    """Convolutions and pools; `kernel` is (0, 0) where the weights say it."""

    same: bool
    stride: tuple[int, int]
    kernel: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    activation: int = 0
    bias_type: int = 0  # of int16 activations: a tensor type, 0 where the file does not say


@dataclass(frozen=True)
class DenseOptions:
    """FULLY_CONNECTED."""

    activation: int = 0
    shuffled: bool = False
    keep_dims: bool = False


@dataclass(frozen=True)
class ArithmeticOptions:
    """ADD, SUB, MUL, DIV and GELU; `shifts`: of int16 with scales that are powers of two."""

    activation: int = 0
    approximate: bool = False
    shifts: bool = False


@dataclass(frozen=True)
class LeakyOptions:
    """LEAKY_RELU."""

    alpha: float = 0.0


@dataclass(frozen=True)
class JoinOptions:
    """CONCATENATION, PACK and UNPACK."""

    axis: int
    activation: int = 0


@dataclass(frozen=True)
class ReduceOptions:
    """MEAN and the other reductions."""

    keep_dims: bool = False


@dataclass(frozen=True)
class SoftmaxOptions:
    """SOFTMAX."""

    beta: float = 1.0


@dataclass(frozen=True)
class ResizeOptions:
    """RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR."""

    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True)
class BlockOptions:
    """DEPTH_TO_SPACE and SPACE_TO_DEPTH."""

    block: int


@dataclass(frozen=True)
class SliceOptions:
    """STRIDED_SLICE: one bit an axis."""

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    ends_are_lengths: bool = False


@dataclass(frozen=True)
class ShapeOptions:
    """RESHAPE's new shape and SQUEEZE's axes; None where the file does not say them."""

    values: tuple[int, ...] | None = None


@dataclass(frozen=True)
class GatherOptions:
    """GATHER."""

    axis: int = 0
    batch_dims: int = 0


@dataclass(frozen=True)
class ProductOptions:
    """BATCH_MATMUL: whether the last two axes of an operand are swapped."""

    adj_x: bool = False
    adj_y: bool = False


@dataclass(frozen=True)
class MirrorOptions:
    """MIRROR_PAD: `symmetric` repeats the edge itself, else it is the mirror."""

    symmetric: bool = False


@dataclass(frozen=True)
class PostProcessOptions:
    """TFLite_Detection_PostProcess: its numbers by name, or what is wrong with them."""

    numbers: Mapping[str, float]
    wrong: str = ""


REDUCTIONS = (
    "MEAN",
    "SUM",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "REDUCE_PROD",
    "REDUCE_ANY",
    "REDUCE_ALL",
)

Options = (
    NoOptions
    | WindowOptions
    | DenseOptions
    | ArithmeticOptions
    | LeakyOptions
    | JoinOptions
    | ReduceOptions
    | SoftmaxOptions
    | ResizeOptions
    | BlockOptions
    | SliceOptions
    | ShapeOptions
    | GatherOptions
    | ProductOptions
    | MirrorOptions
    | PostProcessOptions
)


def _same(padding: int) -> bool:
    if padding not in (tflite.Padding.SAME, tflite.Padding.VALID):
        raise ValueError(f"padding of the kind {padding}")
    return bool(padding == tflite.Padding.SAME)


def _symmetric(mode: int) -> bool:
    if mode not in (tflite.MirrorPadMode.REFLECT, tflite.MirrorPadMode.SYMMETRIC):
        raise ValueError(f"a mirror of the kind {mode}")
    return bool(mode == tflite.MirrorPadMode.SYMMETRIC)


def _values(count: int, read: Callable[[], Any]) -> Options:
    """A vector of axes or sizes; ValueError for one longer than any shape."""
    if not 0 <= count <= MOST_AXES:
        raise ValueError(f"{count} axes")
    return ShapeOptions(tuple(int(n) for n in read().tolist()) if count else None)


def _conv(table: Any) -> WindowOptions:
    return WindowOptions(
        same=_same(table.Padding()),
        stride=(table.StrideH(), table.StrideW()),
        dilation=(table.DilationHFactor(), table.DilationWFactor()),
        activation=table.FusedActivationFunction(),
    )


def _conv_2d(table: Any) -> Options:
    return replace(_conv(table), bias_type=int(table.QuantizedBiasType()))


def _pool(table: Any) -> Options:
    return WindowOptions(
        same=_same(table.Padding()),
        stride=(table.StrideH(), table.StrideW()),
        kernel=(table.FilterHeight(), table.FilterWidth()),
        activation=table.FusedActivationFunction(),
    )


def _transposed(table: Any) -> Options:
    return WindowOptions(
        same=_same(table.Padding()),
        stride=(table.StrideH(), table.StrideW()),
        activation=table.FusedActivationFunction(),
    )


def _resize(table: Any) -> Options:
    return ResizeOptions(bool(table.AlignCorners()), bool(table.HalfPixelCenters()))


def _dense(table: Any) -> Options:
    default = tflite.FullyConnectedOptionsWeightsFormat.DEFAULT
    shuffled = table.WeightsFormat() != default or raw.unknown_dense(table)
    return DenseOptions(table.FusedActivationFunction(), shuffled, bool(table.KeepNumDims()))


def _slice(table: Any) -> Options:
    return SliceOptions(
        table.BeginMask(),
        table.EndMask(),
        table.EllipsisMask(),
        table.NewAxisMask(),
        table.ShrinkAxisMask(),
        bool(table.Offset()),
    )


def _arithmetic(table: Any) -> Options:
    return ArithmeticOptions(table.FusedActivationFunction())


def _sum(table: Any) -> Options:
    return ArithmeticOptions(table.FusedActivationFunction(), shifts=bool(table.PotScaleInt16()))


def _reduce(table: Any) -> Options:
    return ReduceOptions(bool(table.KeepDims()))


def _post_process(operator: Any) -> Options:
    """Read here, so that no offset is; whether they make sense is for who uses them to say."""
    count = operator.CustomOptionsLength()
    if not 0 <= count <= MOST_BYTES:
        return PostProcessOptions({}, f"{count} bytes of options")
    try:
        data = bytes(operator.CustomOptionsAsNumpy().tobytes()) if count else b""
        return PostProcessOptions(numbers_of(data))
    except ValueError as error:
        return PostProcessOptions({}, str(error))


# kind: (class of the options table, its member of the union, reader)
_READERS: dict[str, tuple[str, Callable[[Any], Options]]] = {
    "CONV_2D": ("Conv2DOptions", _conv_2d),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", _conv),
    "TRANSPOSE_CONV": ("TransposeConvOptions", _transposed),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _pool),
    "MAX_POOL_2D": ("Pool2DOptions", _pool),
    "FULLY_CONNECTED": ("FullyConnectedOptions", _dense),
    "ADD": ("AddOptions", _sum),
    "SUB": ("SubOptions", _sum),
    "MUL": ("MulOptions", _arithmetic),
    "DIV": ("DivOptions", _arithmetic),
    "GELU": ("GeluOptions", lambda t: ArithmeticOptions(approximate=bool(t.Approximate()))),
    "LEAKY_RELU": ("LeakyReluOptions", lambda t: LeakyOptions(float(t.Alpha()))),
    "CONCATENATION": (
        "ConcatenationOptions",
        lambda t: JoinOptions(t.Axis(), t.FusedActivationFunction()),
    ),
    "PACK": ("PackOptions", lambda t: JoinOptions(t.Axis())),
    "UNPACK": ("UnpackOptions", lambda t: JoinOptions(t.Axis())),
    "GATHER": ("GatherOptions", lambda t: GatherOptions(t.Axis(), t.BatchDims())),
    "RESHAPE": ("ReshapeOptions", lambda t: _values(t.NewShapeLength(), t.NewShapeAsNumpy)),
    "SQUEEZE": ("SqueezeOptions", lambda t: _values(t.SqueezeDimsLength(), t.SqueezeDimsAsNumpy)),
    **dict.fromkeys(REDUCTIONS, ("ReducerOptions", _reduce)),
    "SOFTMAX": ("SoftmaxOptions", lambda t: SoftmaxOptions(float(t.Beta()))),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", _resize),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", _resize),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", lambda t: BlockOptions(t.BlockSize())),
    "SPACE_TO_DEPTH": ("SpaceToDepthOptions", lambda t: BlockOptions(t.BlockSize())),
    "STRIDED_SLICE": ("StridedSliceOptions", _slice),
    "BATCH_MATMUL": (
        "BatchMatMulOptions",
        lambda t: ProductOptions(bool(t.AdjX()), bool(t.AdjY())),
    ),
    "L2_NORMALIZATION": ("L2NormOptions", _arithmetic),
    "MIRROR_PAD": ("MirrorPadOptions", lambda t: MirrorOptions(_symmetric(t.Mode()))),
}
# Operators whose converter leaves the table out when every field has its default.
_DEFAULTS: dict[str, Options] = {
    "ADD": ArithmeticOptions(),
    "SUB": ArithmeticOptions(),
    "MUL": ArithmeticOptions(),
    "DIV": ArithmeticOptions(),
    "GELU": ArithmeticOptions(),
    "LEAKY_RELU": LeakyOptions(),
    "FULLY_CONNECTED": DenseOptions(),
    **dict.fromkeys(REDUCTIONS, ReduceOptions()),
    "RESHAPE": ShapeOptions(),
    "SQUEEZE": ShapeOptions(),
    "GATHER": GatherOptions(),
    "RESIZE_BILINEAR": ResizeOptions(),
    "RESIZE_NEAREST_NEIGHBOR": ResizeOptions(),
    "STRIDED_SLICE": SliceOptions(),
    "PACK": JoinOptions(0),
    "UNPACK": JoinOptions(0),
    "BATCH_MATMUL": ProductOptions(),
    "L2_NORMALIZATION": ArithmeticOptions(),
    "MIRROR_PAD": MirrorOptions(),
}


def read_options(kind: str, operator: Any) -> Options:
    """The options of one operator table; ValueError when they are of another operator."""
    if kind == POST_PROCESS:
        return _post_process(operator)
    if kind not in _READERS:
        return NoOptions()
    class_name, read = _READERS[kind]
    union = operator.BuiltinOptions()
    if union is None:
        if kind not in _DEFAULTS:
            raise ValueError(f"{kind} without its options")
        return _DEFAULTS[kind]
    if operator.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, class_name):
        raise ValueError(f"{kind} with the options of another operator")
    options = getattr(tflite, class_name)()
    options.Init(union.Bytes, union.Pos)
    return read(options)
