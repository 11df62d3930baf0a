"""FullyConnected on Helium: four rows at a time (fully_connected_mve.c)."""

from __future__ import annotations

from mcucc.ir.kernel import KernelCall, Variant
from mcucc.ir.kernel_id import InstructionSet, KernelId
from mcucc.kernels.armv7em.finish import output_fields
from mcucc.kernels.mve.finish import finish_table, matrix_finish, weight_table
from mcucc.kernels.mve.matrix import matrix_instructions
from mcucc.kernels.select import NodeContext, variant
from mcucc.ops.fully_connected import FullyConnectedKernel


@variant(FullyConnectedKernel, InstructionSet.MVE)
def fully_connected(kernel: FullyConnectedKernel, context: NodeContext) -> Variant | None:
    """A matrix times one vector, four rows at a time."""
    finish = matrix_finish(kernel.weights, kernel.sums, context)
    if finish is None:
        return None
    outputs, inputs = kernel.weights.shape
    call = KernelCall(
        KernelId("fully_connected", InstructionSet.MVE, requantization=finish.form),
        (
            ("inputs", inputs),
            ("outputs", outputs),
            ("weights", weight_table(kernel.weights)),
            ("finish", finish_table(kernel.sums, finish)),
            *output_fields(kernel.sums),
        ),
    )
    instructions = matrix_instructions(inputs, outputs, NodeContext())
    return Variant(call, f"mve, {finish.form.value}", instructions)
