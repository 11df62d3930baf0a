"""Which rounding an op beside int16 has: our own int16 one, LiteRT's files two."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.ir.tensor import Tensor
from mcucc.numerics.fixed_point import INT16, Rounding


def rounding_of(rounding: Rounding, tensors: Sequence[Tensor], *, mixed: bool = False) -> Rounding:
    """The rounding for activations, inputs and output: `rounding` where all are int8.

    Our own int16 tensors have a limit and are rounded once in both profiles. Those without one are
    of LiteRT's 16x8 mode, which rounds twice on all of its paths: where all are int16, with `mixed`
    also where some are.
    """
    wide = [tensor for tensor in tensors if tensor.dtype == INT16]
    if not wide:
        return rounding
    of_file = all(tensor.quantization.limit is None for tensor in wide)
    alike = mixed or len(wide) == len(tensors)
    return Rounding.DOUBLE if of_file and alike else Rounding.SINGLE
