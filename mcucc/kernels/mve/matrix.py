"""What the matrix kernels of Helium execute: pixels in fours (mcucc/matrix_mve.h)."""

from __future__ import annotations

from mcucc.kernels.mve.finish import VECTOR
from mcucc.kernels.select import NodeContext

PIXELS = 4  # computed together


def matrix_instructions(taps: int, channels: int, context: NodeContext) -> float:
    """Modelled instructions of a whole output: pixels in fours, those that are left alone."""
    vectors = (taps + VECTOR - 1) // VECTOR
    rest = context.width % PIXELS
    together = rest == 3 or (rest == 2 and vectors <= 2)
    fours = context.width // PIXELS + together
    four = 45 + channels * (18 if vectors == 1 else 15 + 9.5 * vectors)
    single = 75 + -(-channels // 4) * (28 if vectors == 1 else 29 + 10 * vectors)
    return context.height * (110 + fours * four + (0 if together else rest) * single)
