"""BayerBin: a sensor's mosaic at half its size, the four sites of a square as one pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.ir.kernel import Kernel, KernelCall
from mcucc.ir.kernel_id import KernelId
from mcucc.ir.op import FloatArray, Op, register
from mcucc.ir.tensor import Tensor, TensorType
from mcucc.ir.window import Window
from mcucc.numerics.fixed_point import Int8Array, IntegerArray, Rounding

PATTERNS = ("bggr", "gbrg", "grbg", "rggb")  # the first two sites of the first two rows


@register
@dataclass(frozen=True)
class BayerBin(Op):
    """y = red, the mean of both greens (halves up) and blue of each square of 2x2 sites.

    Camera bytes in and out, as they are (scale 1, zero point 0, two's complement).
    """

    pattern: str

    FORMULA: ClassVar[str] = "red, (green + green + 1) / 2, blue of 2x2 sites, bytes"
    LARGEST_ERROR: ClassVar[str] = "0"
    LIMITS: ClassVar[str] = "even height and width"

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise ValueError(f"no mosaic {self.pattern}")

    def infer(self, inputs: Sequence[TensorType]) -> TensorType:
        """(1, H / 2, W / 2, 3)."""
        batch, height, width, sites = inputs[0].shape
        if height % 2 or width % 2 or sites != 1:
            raise ValueError(f"{list(inputs[0].shape)} is no mosaic of even height and width")
        return TensorType((batch, height // 2, width // 2, 3), inputs[0].dtype)

    def binned(self, q: IntegerArray) -> Int8Array:
        """Bytes (N, H, W, 1) as (N, H / 2, W / 2, 3)."""
        x = q[..., 0].astype(np.int64) & 255
        sites = [x[:, i // 2 :: 2, i % 2 :: 2] for i in range(4)]
        red, blue = self.pattern.index("r"), self.pattern.index("b")
        green, other = (sites[i] for i in range(4) if i not in (red, blue))
        parts = (sites[red], (green + other + 1) >> 1, sites[blue])
        return np.stack(parts, axis=-1).astype(np.uint8).view(np.int8)

    def evaluate(self, inputs: Sequence[FloatArray]) -> FloatArray:
        """The integers: what follows reads bytes."""
        return self.binned(np.rint(inputs[0]).astype(np.int64)).astype(np.float32)

    def pullback(
        self, inputs: Sequence[FloatArray], output: FloatArray, gradient: FloatArray
    ) -> tuple[FloatArray, ...]:
        """0: bytes move in steps. A network is quantized without its camera."""
        return (np.zeros_like(inputs[0]),)

    def windows(self, index: int, inputs: Sequence[TensorType]) -> tuple[Window, Window]:
        """A square of 2x2."""
        return Window(2, 2), Window(2, 2)

    def lower(self, inputs: Sequence[Tensor], output: Tensor, rounding: Rounding) -> Kernel:
        """The same in both profiles."""
        return BayerBinKernel(self)


@dataclass(frozen=True, eq=False)
class BayerBinKernel(Kernel):
    """BayerBin on bytes."""

    op: BayerBin

    def run(self, inputs: Sequence[IntegerArray]) -> Int8Array:
        return self.op.binned(inputs[0])

    def windows(self, index: int) -> tuple[Window, Window]:
        """A square of 2x2."""
        return Window(2, 2), Window(2, 2)

    def call(self) -> KernelCall:
        """Sites by number: 2 * row + column."""
        pattern = self.op.pattern
        return KernelCall(
            KernelId("bayer_bin"), (("red", pattern.index("r")), ("blue", pattern.index("b")))
        )

    def describe(self) -> str:
        return f"BayerBin {self.op.pattern}"
