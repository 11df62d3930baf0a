"""A convolution whose border has biases of its own: the variant of the layer for every zone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.mve.conv2d_border import strips_of_zones
from mcucc.kernels.select import NodeContext, choose, variant
from mcucc.ops.common.border import BorderedKernel


def bordered(kernel: BorderedKernel, context: NodeContext, isa: InstructionSet) -> Variant:
    """The cheapest variant of the layer; zones of the border call one function, its own or not."""
    main, *others = kernel.kernels
    first = choose(main, context, isa)
    # The form of the inside is proved for all biases at once: what follows finds the same variant.
    alike = replace(context, form=first.form, bits=first.call.id.bits)
    calls = [choose(other, alike, isa).call for other in others]
    if len({call.id for call in calls}) > 1:
        calls = [other.call() for other in others]
    every = (first.call, *calls)
    return replace(first, call=strips_of_zones(kernel, every) or kernel.compose(every))


for _isa in InstructionSet:
    for _wide in (False, True):
        variant(BorderedKernel, _isa, wide=_wide)(partial(bordered, isa=_isa))
