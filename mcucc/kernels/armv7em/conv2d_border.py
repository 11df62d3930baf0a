"""Conv2d on Armv7E-M where padding has a bias of its own (conv2d_border_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from mcucc.ir.kernel import ConstArray, KernelCall


def at_border(call: KernelCall, added: npt.NDArray[np.int32]) -> KernelCall:
    """The call for positions where padding adds to the sums."""
    layer = tuple((f"layer.{name}", value) for name, value in call.fields)
    return replace(
        call,
        id=replace(call.id, variant="border"),
        fields=(*layer, ("added", ConstArray("added", added))),
    )
