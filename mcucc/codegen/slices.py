"""A run in slices: the rows of the camera that each of them reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.codegen.layout import Cells
from mcucc.codegen.model_names import Names
from mcucc.codegen.stages import StageCode
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Chain, Program, Receive, Stage


@dataclass(frozen=True)
class SliceRows:
    """A constant array: after each slice that reads rows, how many of each input have been read.

    Each line begins with the slice's number. No slice reads more than `most` of an input.
    """

    name: str
    count: int
    most: int
    cells: Cells


def slice_rows(program: Program, names: Names, codes: Sequence[StageCode]) -> SliceRows | None:
    """What the slices of the stages read; None where no camera sends rows."""
    if program.plan.image is not ImagePolicy.ROWS:
        return None
    reads = rows_by_slice(program, codes)
    used = np.flatnonzero(reads.any(axis=1))
    after = np.cumsum(reads, axis=0)[used]
    lines = ((slice_, *row) for slice_, row in zip(used.tolist(), after.tolist(), strict=True))
    cells = tuple(f"{{{', '.join(map(str, line))}}}" for line in lines)
    name = names.symbol("rows_after_slices", "slices")
    return SliceRows(name, len(cells), int(reads.max(initial=0)), Cells(cells))


def rows_by_slice(program: Program, codes: Sequence[StageCode]) -> npt.NDArray[np.int64]:
    """How many rows of each input (columns) each slice (lines) reads."""
    inputs = program.graph.inputs
    found = np.zeros((sum(code.slices for code in codes), len(inputs)), np.int64)
    chains = [c for c in program.chains if any(program.stages[n].actions for n in c.stages)]
    at = 0
    for chain, code in zip(chains, codes, strict=True):
        for number, stage, turn in _turns(program, chain, code):
            for column_step, action, rows, _ in stage.performed(turn):
                if isinstance(action, Receive):
                    member = _of(code, stage, program)
                    slice_ = at + number + column_step * member.parts
                    found[slice_, inputs.index(action.tensor)] += rows[1] - rows[0]
        at += code.slices
    return found


def _of(code: StageCode, stage: Stage, program: Program) -> StageCode:
    """The code of one of the stages of a chain."""
    number = program.stages.index(stage)
    return next((member for member in code.members if member.number == number), code)


def _turns(program: Program, chain: Chain, code: StageCode) -> Iterator[tuple[int, Stage, int]]:
    """(first slice of the step, stage, turn of the stage) in order."""
    done: Counter[int] = Counter()
    number = 0
    for name in chain.order:
        stage = program.stages[name]
        if stage.actions:
            yield number, stage, done[name]
            number += _of(code, stage, program).row_slices
        done[name] += 1
