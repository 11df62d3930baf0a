"""FullyConnected on Armv7E-M (fully_connected_armv7em.c)."""

from __future__ import annotations

from dataclasses import replace

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import matrix_finish, output_fields
from mcucc.kernels.armv7em.matrix import (
    matrix_stream,
    pack_runs,
    stored_bits,
)
from mcucc.kernels.costs import variant_cost
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.fully_connected import FullyConnectedKernel


@variant(FullyConnectedKernel, InstructionSet.ARMV7EM, packed=True)
@variant(FullyConnectedKernel, InstructionSet.ARMV7EM)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """A matrix times one widened vector."""
    finish = matrix_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    bits = stored_bits(context)
    packed, chunks = pack_runs(kernel.weights.reshape(outputs, 1, inputs), bits)
    key = KernelId("fully_connected", InstructionSet.ARMV7EM, bits=min(bits, 8))
    call = KernelCall(
        replace(key, requantization=finish.form),
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("chunks", chunks),
            ("wide", int(bits == 16)),
            ("stream", matrix_stream(packed, kernel.sums, finish, bits)),
            *output_fields(kernel.sums, finish),
        ),
        scratch_bytes=16 * chunks,
    )
    cost = variant_cost(key)
    instructions = outputs * (cost.mac * inputs + cost.output)
    return Variant(call, f"armv7em smlad{storage_words(bits)}, {finish.form.value}", instructions)
