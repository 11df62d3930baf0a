"""Every C kernel there is, by its key; the tests compare it with the headers of `runtime_c`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from mcucc.ir.kernel_id import Form, InstructionSet, KernelId
from mcucc.kernels.armv7em import depthwise as armv7em
from mcucc.kernels.armv7em import max_pool, mul
from mcucc.kernels.mve import depthwise as mve
from mcucc.kernels.packing import BITS
from mcucc.kernels.portable import depthwise_columns as columns
from mcucc.numerics.fixed_point import Rounding

# The forms of requantization that each instruction set's matrix kernels are compiled for.
FORMS = {
    InstructionSet.PORTABLE: (Form.SHORT, Form.COMMON, Form.SHIFT, Form.DOUBLE),
    InstructionSet.ARMV7M: (Form.SHORT, Form.COMMON, Form.SHIFT, Form.DOUBLE),
    InstructionSet.ARMV7EM: (Form.HIGH, Form.COMMON, Form.SHIFT, Form.DOUBLE),
    InstructionSet.MVE: (Form.DOUBLING, Form.SHIFT, Form.WIDE, Form.DOUBLE),
}
# Portable kernels with a function for each rounding profile.
PROFILED = (
    *("add", "average_pool", "channel_affine", "conv2d", "conv2d_offset", "conv_transpose2d"),
    *("depthwise_conv2d", "finish_sums", "fully_connected", "mat_mul", "mul", "prelu", "softmax"),
)
# Types of input and output, and of two inputs and the output, of which any is int16.
PAIRS = ((8, 16), (16, 8), (16, 16))
TRIPLES = tuple(types for types in product((8, 16), repeat=3) if 16 in types)
# Portable kernels with one function.
SINGLE = (
    *("arg_max", "channel_sum", "concat", "constant", "depth_to_space", "div", "extremum"),
    *("global_average_pool", "lookup", "max_pool", "pad", "partial_sums", "resize_bilinear"),
    *("log_softmax", "resize_bilinear_up", "resize_nearest", "sample_nearest", "slice"),
    *("attention", "bayer_bin", "detect_head", "group_norm", "layer_norm", "permute"),
    *("gather_channels", "l2_norm", "space_to_depth", "squared_difference", "suppress"),
    *("peaks", "points", "transpose"),
)
CAMERAS = ("gray", "rgb565", "rgb565be", "rgb888", "yuv422")  # formats, and those like them


def kernels_of(isa: InstructionSet) -> tuple[KernelId, ...]:
    """The kernels in the folder of an instruction set, in a fixed order."""
    return tuple(_KERNELS[isa]())


def _portable() -> Iterator[KernelId]:
    portable = InstructionSet.PORTABLE
    for op in PROFILED:
        for rounding in Rounding:
            yield KernelId(op, requantization=rounding)
    for op in SINGLE:
        yield KernelId(op)
    yield KernelId("average_pool", variant="divide")
    yield KernelId("channel_affine", variant="shift")
    for form in CAMERAS:
        yield KernelId("camera_picture", variant=form)
    yield KernelId("resize_bilinear", variant="lanes")
    yield KernelId("sub", requantization=Rounding.DOUBLE)
    for op in ("conv2d", "depthwise_conv2d", "fully_connected"):
        yield KernelId(op, requantization=Form.SHORT)
    for bits, form in product(BITS, (*Rounding, Form.SHORT)):
        yield KernelId("fully_connected", requantization=form, bits=bits)
    yield from _packed(_forms("conv2d", portable, "pairs"))
    yield from _forms("finish_sums", portable, "form")
    copies = [(size, stride) for size in columns.SQUARES for stride in columns.STRIDES]
    yield from _packed(_forms("depthwise_conv2d", portable, "columns", copies))
    yield from _portable_wide()


def _portable_wide() -> Iterator[KernelId]:
    """Those that read or write int16: one rounding."""
    single: Rounding = Rounding.SINGLE
    for types in PAIRS:
        for op in ("conv2d", "depthwise_conv2d", "fully_connected"):
            yield KernelId(op, requantization=single, types=types)
            yield KernelId(op, requantization=Form.SHORT, types=types)
        yield KernelId("average_pool", requantization=single, types=types)
        yield KernelId("global_average_pool", types=types)
        for rounding in Rounding:
            yield KernelId("rescale", requantization=rounding, types=types)
    for op in ("add", "mul"):
        for triple in TRIPLES:
            yield KernelId(op, requantization=single, types=triple)
    for op in ("max_pool", "pad", "transpose"):
        yield KernelId(op, types=(16, 16))
    yield KernelId("arg_max", types=(8, 16))
    yield KernelId("average_pool", variant="divide", types=(16, 16))
    yield from _portable_litert()


def _portable_litert() -> Iterator[KernelId]:
    """Those of LiteRT's 16x8 mode alone."""
    for op in ("add", "sub", "mul"):
        yield KernelId(op, requantization=Rounding.DOUBLE, types=(16, 16, 16))
    yield KernelId("add_shift", types=(16, 16, 16))
    yield KernelId("conv2d", requantization=Rounding.DOUBLE, types=(16, 16))
    yield KernelId("conv2d_long", types=(16, 16))
    yield KernelId("fully_connected_product", types=(16, 16))
    for op in ("softmax", "table_function"):
        yield KernelId(op, types=(16, 16))


def _armv7m() -> Iterator[KernelId]:
    yield from _packed(_forms("conv2d", InstructionSet.ARMV7M))


def _armv7em() -> Iterator[KernelId]:
    isa = InstructionSet.ARMV7EM
    yield KernelId("add", isa, requantization=Rounding.SINGLE)
    for op in ("attention", "layer_norm"):
        yield KernelId(op, isa)
    for square in ((), *max_pool.SQUARES):
        yield KernelId("max_pool", isa, copy=square)
    yield from _forms("mul", isa, forms=mul.FORMS)
    yield KernelId("average_pool", isa, requantization=Form.HIGH)
    yield KernelId("average_pool", isa, requantization=Rounding.DOUBLE)
    yield KernelId("average_pool", isa, "divide")
    yield KernelId("global_average_pool", isa)
    yield from _forms("conv2d_offset", isa)
    for rounding in Rounding:
        yield KernelId("mat_mul", isa, requantization=rounding)
    yield from _forms("conv_transpose2d", isa)
    yield from _forms("conv2d", isa, "grouped")
    yield from _packed([KernelId("partial_sums", isa), *_matrix(isa)])
    copies = [(size, stride) for size in armv7em.SQUARES for stride in armv7em.STRIDES]
    yield from _forms("depthwise_conv2d", isa, "planes", copies)
    yield from _packed(_forms("depthwise_conv2d", isa, "bytes", copies, armv7em.LAYER_FORMS))
    yield from _armv7em_wide(isa)


def _armv7em_wide(isa: InstructionSet) -> Iterator[KernelId]:
    """Those that read or write int16: what is rounded once."""
    for op, variant in (("conv2d", ""), ("conv2d", "pointwise"), ("fully_connected", "")):
        for types in PAIRS:
            for form in (Form.HIGH, Form.SHIFT):
                yield KernelId(op, isa, variant, requantization=form, types=types)
    for triple in TRIPLES:
        yield KernelId("add", isa, requantization=Rounding.SINGLE, types=triple)


def _mve() -> Iterator[KernelId]:
    isa = InstructionSet.MVE
    for op in ("add", "mul"):
        yield KernelId(op, isa, requantization=Rounding.SINGLE)
    for op in ("global_average_pool", "lookup", "max_pool"):
        yield KernelId(op, isa)
    yield from _packed(_matrix(isa))
    yield from _packed(_forms("depthwise_conv2d", isa, "gathers", mve.CORES))


def _matrix(isa: InstructionSet) -> Iterator[KernelId]:
    """Convolutions, those with a border of its own, 1x1 ones, and fully connected layers."""
    for variant in ("", "border", "pointwise"):
        yield from _forms("conv2d", isa, variant)
    yield from _forms("fully_connected", isa)


def _packed(keys: Iterable[KernelId]) -> Iterator[KernelId]:
    """Each with weights of a byte and packed ones."""
    for key in keys:
        yield from (replace(key, bits=bits) for bits in (8, *BITS))


def _forms(
    op: str,
    isa: InstructionSet,
    variant: str = "",
    copies: Iterable[tuple[int, ...]] = ((),),
    forms: Sequence[Form] = (),
) -> Iterator[KernelId]:
    """A function for every copy and every form, those of the instruction set by default."""
    for copy in copies:
        for form in forms or FORMS[isa]:
            yield KernelId(op, isa, variant, copy, form)


_KERNELS = {
    InstructionSet.PORTABLE: _portable,
    InstructionSet.ARMV7M: _armv7m,
    InstructionSet.ARMV7EM: _armv7em,
    InstructionSet.MVE: _mve,
}

# Ops whose sums are requantized in a proved form on some instruction set.
PROVED = frozenset(key.op for isa in InstructionSet for key in kernels_of(isa) if key.form)
