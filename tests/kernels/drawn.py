"""Drawn cases with the variant an instruction set computes them by, run on a core in QEMU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcucc.backends.calls.job import Job
from mcucc.backends.calls.qemu import QemuMachine
from mcucc.ir.kernel import Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.numerics.fixed_point import Int8Array, Rounding
from tests.kernels import driver
from tests.kernels.cases import ROUNDINGS, chosen, recording
from tests.ops.draw import SEEDS, Case


@dataclass(frozen=True, eq=False)
class Drawn:
    """A case in words, the variant chosen for it, its calls and the bytes they must give."""

    title: str
    choice: Variant
    calls: driver.Recording
    expected: Int8Array

    @property
    def job(self) -> Job:
        """What QEMU runs."""
        calls = self.calls
        return Job(calls.call, calls.granularity, calls.steps, calls.size, calls.scratch_bytes)

    @property
    def words(self) -> str:
        """What a failure says."""
        return f"{self.choice.name}: {self.title}"


def drawn(case: Case, rounding: Rounding, seed: int, isa: InstructionSet) -> Drawn:
    """A case as `isa` computes it."""
    choice, _ = chosen(case, rounding, seed, isa)
    expected = case.kernel(rounding).run(case.images)[0]
    title = f"{case.op}, {case.inputs[0].shape}"
    return Drawn(title, choice, recording(case, rounding, choice, seed), expected)


def draw_cases(
    strategy: st.SearchStrategy[Case], examples: int, isa: InstructionSet
) -> list[Drawn]:
    """All cases of one kind, the same in every run."""
    found: list[Drawn] = []

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, rounding=ROUNDINGS, seed=SEEDS)
    def collect(case: Case, rounding: Rounding, seed: int) -> None:
        found.append(drawn(case, rounding, seed, isa))

    collect()
    return found


def check(machine: QemuMachine, cases: list[Drawn]) -> None:
    """Run all cases in one start of QEMU, one row of each call at the end of memory."""
    done = machine.run_all([each.job for each in cases], fence=True)
    for each, result in zip(cases, done, strict=True):
        np.testing.assert_array_equal(
            each.calls.assemble(result.parts), each.expected, err_msg=each.words
        )
