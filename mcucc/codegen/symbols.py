"""Which node a symbol of the generated C belongs to."""

from __future__ import annotations

from mcucc.codegen.block import params_name
from mcucc.codegen.border import table_names
from mcucc.codegen.model_names import Names
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.program import Program


def symbol_owners(program: Program, model: str) -> dict[str, str]:
    """The node of each table and parameter struct; `model` is the C prefix."""
    names = Names(model, program)
    owners = {}
    for node in program.graph.nodes:
        if node.kernel.granularity is Granularity.ALIAS:
            continue
        owners[f"{names.nodes[node.name]}_params"] = node.name
        call = node.call()
        if call.block is not None:
            for number in range(len(call.block.groups)):
                for what in call.block.STEPS:
                    owners[params_name(names, node.name, what, number)] = node.name
        if call.border is not None:
            owners |= dict.fromkeys(table_names(names, node.name), node.name)
        for array in call.arrays:
            owners.setdefault(names.table(node.name, array.name), node.name)
    return owners
