"""Weight scales snapped so that requantization is a short multiply and a shift.

M[c] = s_x * s_w[c] / s_y becomes exactly m * 2^-s with a short m and one s for the layer, as large
as the accumulators allow (docs/design/numerics.md, "Requantization by proof"). The scale is
data: choosing it costs no exactness, and it only ever grows, by less than one part in m.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcucc.numerics.fixed_point import INT32_MAX

DoubleArray = npt.NDArray[np.float64]
MULTIPLIER_BITS = 15
# As in mcucc/kernels/requantize.py: a zero point of 2^7 units shifted by s is below 2^30.
LARGEST_SHIFT = 22
# A channel with fewer steps takes a shift of its own: its scale would grow too much.
LEAST_MULTIPLIER = 32
# The high multiply of 32 bits holds m * 2^-s for any s up to 32.
LARGEST_OWN_SHIFT = 32


def snap_scales(
    scale: DoubleArray, reach: DoubleArray, input_scale: float, output_scale: float
) -> DoubleArray:
    """Scales at least as large as `scale` (C_out,) whose factors are short.

    `reach` is the largest magnitude of each channel's accumulator, its bias included. Scales whose
    factor is 0 or 1/2 and more stay as they are.
    """
    factor = scale * input_scale / output_scale
    usable = (factor > 0) & (factor < 0.5) & np.isfinite(factor)
    if not usable.any():
        return scale
    shift = layer_shift(factor[usable], reach[usable])
    multiplier = np.ceil(np.ldexp(factor, shift))
    exponents = np.frexp(np.where(usable, factor, 0.25))[1]
    own = np.minimum(MULTIPLIER_BITS - exponents, LARGEST_OWN_SHIFT)
    # Rounding up to 2^15 is 16 bits long and no less exact.
    alone = np.ldexp(np.ceil(np.ldexp(factor, own)), -own)
    together = np.ldexp(multiplier, -shift)
    snapped = np.where(multiplier < LEAST_MULTIPLIER, alone, together)
    result: DoubleArray = np.where(usable, snapped * output_scale / input_scale, scale)
    return result


def layer_shift(factor: DoubleArray, reach: DoubleArray) -> int:
    """The largest s for which every m = ceil(factor * 2^s) is short and m * reach fits int32."""
    for shift in range(LARGEST_SHIFT, 0, -1):
        multiplier = np.ceil(np.ldexp(factor, shift))
        short = multiplier.max() < 2**MULTIPLIER_BITS
        # The zero point and the rounding constant take up to 2^(s + 7) + 2^(s - 1).
        if short and (multiplier * reach).max() + 2.0 ** (shift + 8) < INT32_MAX:
            return shift
    return 1
