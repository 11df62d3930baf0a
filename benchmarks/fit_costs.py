"""Fits the constants of cores in mcucc/kernels/costs.json on emulated instruction counts.

    python -m benchmarks.fit_costs [--core cortex-m4 ...] [--dry] [--only KEY ...] MODEL...

Every network runs in QEMU with each node a stage of its own, in tiles of several widths: the count
of a stage is one equation in the constants of its C kernel. They are solved by least squares of
relative errors, none below 0. Copies are fitted on plans that differ in nothing else. The errors
that are printed and kept are those of fused plans, which no fit has seen. A kernel that no network
calls is entered as like another one; what is there already stays. With --only the kernels whose key
begins so get constants of their own, from their stages in these networks, which may be float ones
(noise calibrates them), and no other number moves.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.firmware import build, count, roomy
from mcucc.boards.board import Board
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.target import bind
from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.ir.kernel_id import KernelId
from mcucc.kernels import costs
from mcucc.kernels.catalogue import kernels_of
from mcucc.kernels.costs import ANY, Fit, KernelCost
from mcucc.kernels.select import isa_of, isas_of
from mcucc.quantize.pipeline import Mode
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.expand.work import work_of
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import EdgePlan, Form, ImagePolicy, Plan, StagePlan
from mcucc.schedule.plan.program import Compute, Copy, Program, Stage
from mcucc.schedule.search.costs import CostModel, stage_costs
from mcucc.schedule.search.front import SearchOptions, search
from mcucc.schedule.search.limits import SearchLimits

TABLE = Path(costs.__file__).with_name("costs.json")
LINE = 110  # of costs.json, at most
WIDTHS = (0, 2, 5)  # columns of a tile; 0: whole rows
SPLIT_KERNELS = ("partial_sums/", "finish_sums/")
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
# MACs, outputs, calls, calls times channels, pixels: what a KernelCost is the price of.
Features = tuple[float, float, float, float, float]


@dataclass(frozen=True)
class Row:
    """One stage of one node: what it does, and what it executed."""

    key: KernelId
    features: Features
    instructions: int


def counted(network: LoadedModel, program: Program, board: Board) -> list[int]:
    """Instructions of each working stage."""
    with tempfile.TemporaryDirectory() as folder:
        return count(network, program, build(network, program, board, Path(folder)))


def narrow(graph: IntegerGraph, width: int) -> Plan:
    """A node a stage, in tiles of one row and so many columns where the node allows."""
    plan = layers_plan(graph, ImagePolicy.ROWS)
    stages = [
        replace(stage, tile=(1, min(width, wide) if width < wide else 0))
        for stage in plan.stages
        for wide in (graph.activations[graph.node(stage.nodes[0]).output].width,)
    ]
    legal = [
        stage if fits(graph, plan, i, stage) else plan.stages[i] for i, stage in enumerate(stages)
    ]
    return replace(plan, stages=tuple(legal))


def fits(graph: IntegerGraph, plan: Plan, index: int, stage: StagePlan) -> bool:
    """Whether the tile fits the node's strides."""
    try:
        expand(
            graph, replace(plan, stages=(*plan.stages[:index], stage, *plan.stages[index + 1 :]))
        )
    except ModelError:
        return False
    return True


def rows_of(program: Program, counts: Sequence[int]) -> list[Row]:
    """An equation a stage of one node."""
    found = []
    for step, instructions in zip(program.steps, counts, strict=True):
        (stage,) = step.stages
        computes = [a for a in stage.actions if isinstance(a, Compute)]
        if len(computes) != 1 or any(isinstance(a, Copy) for a in stage.actions):
            continue
        (action,) = computes
        node = next(node for node in stage.nodes if node.name == action.node)
        work = work_of(node)
        rows = sum(end - begin for begin, end in action.rows)
        columns = sum(end - begin for begin, end in action.columns)
        calls = rows * sum(begin < end for begin, end in action.columns)
        sink = node.kernel.granularity is Granularity.SINK
        counted = node.inputs[0] if sink else node.output
        channels = program.graph.activations[counted].channels
        pixels = rows * columns
        features = (pixels * work.macs, pixels * channels, calls, calls * channels, pixels)
        assert work.key is not None, action.node
        found.append(Row(work.key, features, instructions))
    return found


def non_negative(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least squares with no coefficient below 0: active columns are dropped one by one."""
    active = list(range(matrix.shape[1]))
    while active:
        solved, *_ = np.linalg.lstsq(matrix[:, active], target, rcond=None)
        if solved.min() >= 0:
            found = np.zeros(matrix.shape[1])
            found[active] = solved
            return found
        active.pop(int(np.argmin(solved)))
    return np.zeros(matrix.shape[1])


def fit_kernels(rows: Sequence[Row]) -> dict[str, KernelCost]:
    """The constants of every kernel by the text of its key, and those over all."""
    found = {}
    for key in (ANY, *sorted({row.key.text for row in rows})):
        mine = [row for row in rows if key in (ANY, row.key.text)]
        target = np.array([row.instructions for row in mine], float)
        matrix = np.array([row.features for row in mine]) / target[:, None]
        solved = non_negative(matrix, np.ones(len(mine)))
        found[key] = KernelCost(*(float(f"{value:.4g}") for value in solved))
    return found


def copied(stage: Stage, program: Program) -> tuple[float, float]:
    """Bytes and rows that a stage copies."""
    total = lines = 0
    for action in stage.actions:
        if isinstance(action, Copy):
            rows = sum(end - begin for begin, end in action.rows)
            columns = sum(end - begin for begin, end in action.columns)
            total += rows * columns * program.buffers[action.source].pixel_bytes
            lines += rows * sum(begin < end for begin, end in action.columns)
    return float(total), float(lines)


def stages(core: str, models: Sequence[Path]) -> list[Row]:
    """An equation for every node of networks, which may be float ones, in tiles of WIDTHS."""
    board = roomy(core)
    rows: list[Row] = []
    for path in models:
        network = load_network(path, NetworkOptions(mode=Mode.FAST, noise=True))
        graph = bind(network.integer, board, "balanced")
        for width in WIDTHS:
            program = expand(graph, narrow(graph, width))
            rows += rows_of(program, counted(network, program, board))
    return rows


def fit_some(core: str, models: Sequence[Path], only: tuple[str, ...]) -> dict[str, Any]:
    """What the table has of a core, with constants of the kernels whose key begins so."""
    wanted = [row for row in stages(core, models) if row.key.text.startswith(only)]
    found = {key: constants(cost) for key, cost in fit_kernels(wanted).items() if key != ANY}
    for key in found:
        print(core, key, found[key], sum(row.key.text == key for row in wanted), "stages")
    known: dict[str, Any] = read_table()["cores"][core]
    like = {key: other for key, other in known["like"].items() if key not in found}
    return {**known, "kernels": dict(sorted({**known["kernels"], **found}.items())), "like": like}


def fit_core(core: str, models: Sequence[Path]) -> dict[str, object]:
    """Constants and errors of a core."""
    board = roomy(core)
    rows: list[Row] = []
    fused: list[tuple[Program, list[int]]] = []
    pairs: list[tuple[Program, int]] = []
    for path in models:
        network = load_network(path, NetworkOptions())
        graph = bind(network.integer, board, "balanced")
        for width in WIDTHS:
            program = expand(graph, narrow(graph, width))
            rows += rows_of(program, counted(network, program, board))
        options = SearchOptions(limits=SearchLimits.of("normal"))
        points = search(graph, options).points
        for program in {points[i].program for i in (0, len(points) // 2, -1)}:
            fused.append((program, counted(network, program, board)))
        for form in (Form.TILE, Form.RING):  # with copies, without
            program = expand(graph, held(points[0].program.plan, points[0].program, form))
            pairs.append((program, sum(counted(network, program, board))))
        print(f"  {core} {path.stem}: {len(rows)} stages, {len(fused)} fused plans", flush=True)
    kernels = {**fit_kernels(rows), **split_kernels(core)}
    anything = kernels[ANY]
    model = CostModel(core, kernels, anything)
    per_byte, per_row = fit_copies(pairs)
    model = replace(model, per_copied_byte=per_byte, per_copied_row=per_row)
    return {
        "fit": asdict(errors(rows, fused, model)),
        "per_copied_byte": per_byte,
        "per_copied_row": per_row,
        "kernels": {key: constants(cost) for key, cost in sorted(kernels.items())},
        "like": stand_ins(core, kernels),
    }


def constants(cost: KernelCost) -> list[float]:
    """As the table has them."""
    return list(astuple(cost))


def stand_ins(core: str, fitted: Container[str]) -> dict[str, str]:
    """Whose constants the other kernels of a core have: as it was, else those of all."""
    board = roomy(core)
    old = read_table()["cores"].get(core, {}).get("like", {})
    isas = isas_of(isa_of(core, sorted(option.value for option in board.isa)))
    others = {key.text for isa in isas for key in kernels_of(isa) if key.bits == 8}
    found = {key: old.get(key, ANY) for key in sorted(others) if key not in fitted}
    return {key: other if other in fitted else ANY for key, other in found.items()}


def read_table() -> dict[str, Any]:
    """costs.json."""
    table: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return table


def write_table(table: Mapping[str, Any]) -> None:
    """costs.json again, a kernel a line."""
    text = json.dumps({**table, "cores": dict(sorted(table["cores"].items()))}, indent=1)
    text = re.sub(r"[\[{][^\[\]{}]*[\]}]", lambda found: shortened(found[0]), text)
    TABLE.write_text(text + "\n", encoding="utf-8")


def shortened(text: str) -> str:
    """A list or an object on one line where that is short."""
    line = " ".join(text.split()).replace("[ ", "[").replace(" ]", "]")
    line = line.replace("{ ", "{").replace(" }", "}")
    return line if len(line) <= LINE else text


def split_kernels(core: str) -> dict[str, KernelCost]:
    """The constants of benchmarks.fit_splits, which this fit keeps."""
    known = read_table()["cores"].get(core, {}).get("kernels", {})
    return {name: KernelCost(*k) for name, k in known.items() if name.startswith(SPLIT_KERNELS)}


def fit_copies(pairs: Sequence[tuple[Program, int]]) -> tuple[float, float]:
    """From pairs of programs that differ in copies alone: (with, without), (with, without) ..."""
    matrix, target = [], []
    for (copying, more), (_, less) in zip(pairs[::2], pairs[1::2], strict=True):
        size, lines = np.sum([copied(stage, copying) for stage in copying.stages], axis=0)
        matrix.append((size / (more - less), lines / (more - less)))
        target.append(1.0)
    per_byte, per_row = non_negative(np.array(matrix), np.array(target))
    return float(f"{per_byte:.4g}"), float(f"{per_row:.4g}")


def held(plan: Plan, program: Program, form: Form) -> Plan:
    """The plan with every tensor inside a stage cached in one form."""
    stages = tuple(
        replace(stage, edges=tuple(EdgePlan(node.output, form) for node in tiled.nodes))
        for stage, tiled in zip(plan.stages, program.stages, strict=True)
    )
    return replace(plan, stages=stages)


def errors(
    rows: Sequence[Row], fused: Sequence[tuple[Program, list[int]]], model: CostModel
) -> Fit:
    """Relative errors of single stages, and of whole networks under fused plans."""
    single = []
    for row in rows:
        k = model.kernel(row.key)
        figure = np.dot(row.features, constants(k))
        single.append(abs(figure / row.instructions - 1))
    plans = [abs(sum(stage_costs(program, model)) / sum(counts) - 1) for program, counts in fused]
    return Fit(
        stages=len(single),
        median_stage=round(float(np.median(single)), 4),
        worst_stage=round(max(single), 4),
        plans=len(plans),
        mean_plan=round(float(np.mean(plans)), 4),
        worst_plan=round(max(plans), 4),
    )


def main() -> None:
    """Fit, print the errors, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--core", action="append", choices=CORES)
    parser.add_argument("--dry", action="store_true", help="print only")
    parser.add_argument("--only", action="append", metavar="KEY", help="fit these kernels alone")
    options = parser.parse_args()
    table = read_table()
    for core in options.core or CORES:
        if options.only:
            table["cores"][core] = fit_some(core, options.models, tuple(options.only))
        else:
            fitted = table["cores"][core] = fit_core(core, options.models)
            print(core, json.dumps(fitted["fit"]))
        if not options.dry:
            write_table(table)


if __name__ == "__main__":
    main()
