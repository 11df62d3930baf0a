"""FullyConnected on Helium: four rows at a time (fully_connected_mve.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.mve.finish import finish_table, matrix_finish
from mcucc.kernels.mve.matrix import (
    matrix_instructions,
    unpacked_scratch,
    weight_table,
)
from mcucc.kernels.packing import storage_words
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.fully_connected import FullyConnectedKernel


@variant(FullyConnectedKernel, InstructionSet.MVE, packed=True)
@variant(FullyConnectedKernel, InstructionSet.MVE)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """A matrix times one vector, four rows at a time."""
    finish = matrix_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    bits = context.stored_bits
    call = KernelCall(
        KernelId("fully_connected", InstructionSet.MVE, requantization=finish.form, bits=bits),
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("weights", weight_table(kernel.weights, bits)),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
        scratch_bytes=unpacked_scratch(inputs, outputs, bits),
    )
    instructions = matrix_instructions(inputs, outputs, NodeContext(bits=context.bits))
    return Variant(call, f"mve{storage_words(bits)}, {finish.form.value}", instructions)
