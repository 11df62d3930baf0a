"""The key of a C kernel, and every C name that follows from it: the one place that knows them.

A kernel is one C function beside its parameter struct. Costs, reports and generated code know it by
its KernelId; nothing else spells `mcucc_...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from mcucc.numerics.fixed_point import Rounding


class InstructionSet(Enum):
    """Whose instructions a kernel uses; the folder of its C, `kernels/<value>/`."""

    PORTABLE = "portable"
    ARMV7M = "armv7m"
    ARMV7EM = "armv7em"
    MVE = "mve"


class Form(Enum):
    """An instruction sequence of requantization; `acc` includes the bias. Sources: the headers."""

    SHORT = "short"  # (acc * m + c) >> s in 32 bits, one s and c per layer: mcucc/requantize.h
    HIGH = "high"  # round(acc * m * 2^-32): mcucc/finish_armv7em.h
    DOUBLING = "doubling"  # round(acc * m * 2^-31): mcucc/finish_mve.h
    COMMON = "common"  # SHIFT with one s for all channels: mcucc/finish_armv7em.h
    SHIFT = "shift"  # round(acc * m * 2^-(33 + s)): mcucc/finish_{armv7em,mve}.h
    WIDE = "wide"  # SHIFT of acc * 2^8, m * 2^-(24 + s), for large factors: mcucc/finish_mve.h
    DOUBLE = "double"  # LiteRT's two roundings, m * 2^-(32 + s): mcucc/finish_{armv7em,mve}.h


# C units that are not called <op>_<variant>_<instruction set>.
_UNITS = {
    ("conv2d", InstructionSet.ARMV7EM, "pointwise"): "pointwise_armv7em",
    ("conv2d", InstructionSet.MVE, "pointwise"): "pointwise_mve",
    ("conv2d", InstructionSet.MVE, "border"): "conv2d_mve_border",
    ("depthwise_conv2d", InstructionSet.PORTABLE, "columns"): "depthwise_columns",
    ("depthwise_conv2d", InstructionSet.ARMV7EM, "planes"): "depthwise_armv7em",
    ("depthwise_conv2d", InstructionSet.ARMV7EM, "bytes"): "depthwise_bytes_armv7em",
    ("depthwise_conv2d", InstructionSet.MVE, "gathers"): "depthwise_mve",
}
# Functions that stand in the unit of another, with its parameters; the rest have their own unit.
_SHARED = {
    "average_pool_divide": "average_pool",
    "average_pool_divide_armv7em": "average_pool_armv7em",
    "camera_picture_gray": "camera_picture",
    "camera_picture_rgb565": "camera_picture",
    "camera_picture_rgb565be": "camera_picture",
    "camera_picture_rgb888": "camera_picture",
    "camera_picture_yuv422": "camera_picture",
    "channel_affine_shift": "channel_affine",
    "depthwise_bytes_armv7em": "depthwise_armv7em",
    "resize_bilinear_lanes": "resize_bilinear",
    "sub_double": "add_double",
}
# Ops whose double rounding takes other parameters than their single one.
_OWN_DOUBLE = ("add", "sub", "softmax")


@dataclass(frozen=True)
class KernelId:
    """Which C kernel: op, instruction set, variant, types, specialised copy, requantization.

    `variant` is the way of computing where the op has several on one instruction set; `copy` the
    numbers that a specialised copy of the code is compiled for (kernel size and stride, or gathers
    and bytes of a step). `bits` are those its weights are stored in (mcucc/kernels/packing.py).
    `requantization` is the profile that a general kernel follows, the proved form of a specialised
    one, None where the kernel does not rescale or does both. `types` are the bits of the values of
    each activation, the output's last; none where all are int8. What reads or writes int16 stands
    in a unit of its own, `<unit>_wide`.
    """

    op: str
    isa: InstructionSet = InstructionSet.PORTABLE
    variant: str = ""
    copy: tuple[int, ...] = ()
    requantization: Rounding | Form | None = None
    bits: int = 8
    types: tuple[int, ...] = ()

    @property
    def form(self) -> Form | None:
        """The proved form of requantization; None: the general one of 64 bits, or none at all."""
        return self.requantization if isinstance(self.requantization, Form) else None

    @property
    def function(self) -> str:
        """The C function; of a SINK kernel what `_begin`, `_row` and `_finish` are added to."""
        copy = ("x" if self.isa is InstructionSet.MVE else "_").join(map(str, self.copy))
        types = "_".join(f"s{bits}" for bits in self.types)
        parts = ("mcucc", self._base, types, copy, self._storage, self._ending)
        return "_".join(filter(None, parts))

    @property
    def unit(self) -> str:
        """The C unit: `mcucc/<unit>.h` and `kernels/<isa>/<unit>.c`."""
        base = self._base
        if self.op in _OWN_DOUBLE and self.requantization is Rounding.DOUBLE:
            base = f"{base}_double"
        unit = _SHARED.get(base, base)
        return f"{unit}_wide" if self.types else unit

    @property
    def params(self) -> str:
        """The C type of the parameters."""
        return f"mcucc_{self.unit}_params"

    @property
    def source(self) -> str:
        """The C file, within `runtime_c/`."""
        return f"kernels/{self.isa.value}/{self.unit}.c"

    @property
    def _base(self) -> str:
        """The function without copy and ending."""
        special = _UNITS.get((self.op, self.isa, self.variant))
        isa = "" if self.isa is InstructionSet.PORTABLE else self.isa.value
        return special or "_".join(filter(None, (self.op, self.variant, isa)))

    @property
    def _storage(self) -> str:
        """Weights of a byte each have no word for it."""
        return "" if self.bits == 8 else f"int{self.bits}"

    @property
    def _ending(self) -> str:
        """C functions of single rounding have no ending."""
        requantization = self.requantization
        if requantization is None or requantization is Rounding.SINGLE:
            return ""
        ending: str = requantization.value
        return ending

    @cached_property
    def text(self) -> str:
        """The key as text, as tables have it: conv2d/armv7em/pointwise/int4/shift."""
        requantization = "" if self.requantization is None else self.requantization.value
        copy = "x".join(map(str, self.copy))
        types = "".join(f"s{bits}" for bits in self.types)
        where = (self.op, self.isa.value, self.variant, types)
        parts = (*where, copy, self._storage, requantization)
        return "/".join(filter(None, parts))

    def __str__(self) -> str:
        return self.text
