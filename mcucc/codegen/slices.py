"""A run in slices: the rows of the camera that each of them reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.codegen.layout import Cells
from mcucc.codegen.model_names import Names
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Chain, Program, Receive, Stage


@dataclass(frozen=True)
class SliceRows:
    """A constant array: how many rows of each input have been read after each slice.

    It ends with the last slice that reads one; none reads more than `most` of an input.
    """

    name: str
    count: int
    most: int
    cells: Cells


def slice_rows(program: Program, names: Names, slices: Sequence[int]) -> SliceRows | None:
    """What the slices of every step read, `slices` of each; None where no camera sends rows."""
    if program.plan.image is not ImagePolicy.ROWS:
        return None
    reads = rows_by_slice(program, slices)
    used = int(np.flatnonzero(reads.any(axis=1)).max(initial=0)) + 1
    after = np.cumsum(reads[:used], axis=0)
    cells = tuple(f"{{{', '.join(map(str, row))}}}" for row in after.tolist())
    name = names.symbol("rows_after_slices", "slices")
    return SliceRows(name, used, int(reads.max(initial=0)), Cells(cells))


def rows_by_slice(program: Program, slices: Sequence[int]) -> npt.NDArray[np.int64]:
    """How many rows of each input (columns) each slice (lines) reads."""
    inputs = program.graph.inputs
    found = np.zeros((sum(slices), len(inputs)), np.int64)
    chains = [c for c in program.chains if any(program.stages[n].actions for n in c.stages)]
    at = 0
    for chain, count in zip(chains, slices, strict=True):
        for number, stage, turn in _turns(program, chain, count):
            for _, action, rows, _ in stage.performed(turn):
                if isinstance(action, Receive):
                    column = inputs.index(action.tensor)
                    found[at + number, column] += rows[1] - rows[0]
        at += count
    return found


def _turns(program: Program, chain: Chain, slices: int) -> Iterator[tuple[int, Stage, int]]:
    """(slice of the step, stage, turn of the stage) in order."""
    acting = [n for n in chain.stages if program.stages[n].actions]
    done: Counter[int] = Counter()
    order = chain.order if len(acting) > 1 else [n for n in chain.order if n in acting]
    for number, name in enumerate(order):
        stage = program.stages[name]
        if stage.actions:
            yield number * slices // len(order), stage, done[name]
        done[name] += 1
