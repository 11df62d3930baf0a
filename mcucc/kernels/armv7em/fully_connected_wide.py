"""FullyConnected of int16 on Armv7E-M (fully_connected_armv7em_wide.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.armv7em.matrix import pack_runs, stored_bits
from mcucc.kernels.armv7em.matrix_wide import unpacked, wide_finish, wide_stream
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.fully_connected import FullyConnectedKernel


@variant(FullyConnectedKernel, InstructionSet.ARMV7EM, wide=True)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """A matrix times one vector."""
    finish = wide_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    context = unpacked(context)
    bits = stored_bits(context)
    packed, chunks = pack_runs(kernel.weights.reshape(outputs, 1, inputs), bits)
    stream = wide_stream(packed, kernel.sums, finish, bits)
    key = KernelId(
        "fully_connected", InstructionSet.ARMV7EM, requantization=finish.form, types=kernel.wide
    )
    call = KernelCall(
        key,
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", stream),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=16 * chunks,
    )
    cost = variant_cost(key)
    instructions = outputs * (cost.mac * inputs + cost.output)
    return Variant(call, f"armv7em smlad int16, {finish.form.value}", instructions)
