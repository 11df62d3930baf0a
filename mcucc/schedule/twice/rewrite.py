"""Nodes that a plan computes again: the network with a clone of each of them.

A tensor that is read early and then late (by a global pool, then by the product with what comes of
it) is made for its early readers, not kept, and made again for the late ones. A node that a stage
names in `again` becomes a clone: the same kernel, a tensor of its own. Readers later in the plan
read the latest one, other clones among them.

Nothing here asks whether an input is still there: as everywhere, a tensor that a later stage reads
is kept for it, and so are the rows of a camera, which come once.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import replace

from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.schedule.plan.plan import EdgePlan, Plan, StagePlan

HINT = "`again` names nodes of its stage that an earlier stage has computed for other readers"


def with_clones(graph: IntegerGraph, plan: Plan) -> tuple[IntegerGraph, Plan]:
    """Network and plan with a clone of every node that is computed again; the same where none is.

    Raises ModelError for a node that is not computed before, not in its stage, or whose result
    nothing reads.
    """
    if not any(stage.again for stage in plan.stages):
        return graph, plan
    originals = {node.name: node for node in graph.nodes}
    nodes, activations = dict(originals), dict(graph.activations)
    latest: dict[str, str] = {}  # what readers of a tensor read from here on
    stages = []
    for stage in plan.stages:
        _check(stage, originals, latest)
        names, tensors = [], {}
        for name in stage.nodes:
            node = originals.get(name)
            if node is None:  # for `expand` to refuse
                names.append(name)
                continue
            made = replace(node, inputs=tuple(latest.get(x, x) for x in node.inputs))
            if name in stage.again:
                made = replace(
                    made,
                    name=_fresh(f"{name}.again", nodes),
                    output=_fresh(f"{node.output}.again", activations),
                    again=name,
                )
                shape = graph.activations[node.output]
                activations[made.output] = replace(shape, name=made.output)
                tensors[node.output] = made.output
            nodes[made.name] = made
            names.append(made.name)
            latest[node.output] = made.output
        stages.append(_renamed(stage, names, tensors))
    _check_read(nodes.values(), graph.outputs)
    made_graph = replace(graph, nodes=tuple(nodes.values()), activations=activations)
    return made_graph, replace(plan, stages=tuple(stages))


def _check(stage: StagePlan, originals: dict[str, IntegerNode], made: dict[str, str]) -> None:
    """ModelError for a node that this stage cannot compute again, or does without saying so."""
    for name in stage.again:
        why = ""
        if name not in originals:
            why = "the network has no such node"
        elif stage.nodes.count(name) != 1 or stage.again.count(name) != 1:
            why = "it is not once among the nodes of its stage"
        elif originals[name].output not in made:
            why = "no stage before has computed it"
        if why:
            raise ModelError(why, where=f"again of {name}", hint=HINT)
    known = [name for name in stage.nodes if name in originals and name not in stage.again]
    unsaid = [name for name in known if originals[name].output in made]
    if unsaid:
        raise ModelError(
            "an earlier stage computes it too", where=f"again of {unsaid[0]}", hint=HINT
        )


def _fresh(name: str, taken: Container[str]) -> str:
    numbered = (f"{name}{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _renamed(stage: StagePlan, names: list[str], tensors: dict[str, str]) -> StagePlan:
    """The stage of the nodes and tensors that it has in the new network."""
    edges = tuple(
        EdgePlan(tensors.get(edge.tensor, edge.tensor), edge.form, edge.rows, edge.columns)
        for edge in stage.edges
    )
    return replace(stage, nodes=tuple(names), edges=edges, again=())


def _check_read(nodes: Iterable[IntegerNode], outputs: tuple[str, ...]) -> None:
    """ModelError where a tensor that is made several times is made once in vain."""
    found = list(nodes)
    times = Counter(node.again for node in found)
    read = {name for node in found for name in node.inputs}.union(outputs)
    for node in found:
        if (node.again or times[node.name]) and node.output not in read:
            which = "again " if node.again else ""
            name = node.again or node.name
            raise ModelError(
                f"nothing reads what is computed {which}there", where=f"again of {name}", hint=HINT
            )
