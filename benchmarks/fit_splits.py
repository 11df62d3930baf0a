"""Fits the costs of the kernels that only channel splits use, without a network.

    python -m benchmarks.fit_splits [--core cortex-m4 ...]

Sums of a group and their end run in QEMU, a row a call, over groups, outputs and widths as blocks
have them; the constants go into mcucc/kernels/costs.json beside those of benchmarks.fit_costs.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.firmware import roomy
from benchmarks.fit_costs import Row, constants, fit_kernels, read_table, stand_ins, write_table
from mcucc.backends.calls.job import Job, Step
from mcucc.backends.calls.qemu import GUESTS, QemuMachine, build_calls
from mcucc.ir.kernel import Granularity, Kernel
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.costs import ANY, KernelCost
from mcucc.kernels.select import NodeContext, choose, isa_of, isas_of
from mcucc.numerics.fixed_point import Requant, Rounding
from mcucc.ops.common.matrix import Accumulation
from mcucc.ops.common.partial_sums import SUM_BYTES, FinishSumsKernel, PartialSumsKernel, as_bytes

GUEST = {
    # Cortex-M0+ code on a Cortex-M3, whose machine has a timer.
    InstructionSet.PORTABLE: replace(GUESTS["cortex-m3"], flags=("-mcpu=cortex-m0plus",)),
    InstructionSet.ARMV7M: GUESTS["cortex-m3"],
    InstructionSet.ARMV7EM: GUESTS["cortex-m4"],
    InstructionSet.MVE: GUESTS["cortex-m55"],
}
GROUPS, OUTPUTS, WIDTHS = (4, 8, 16, 32), (8, 16, 40), (3, 10, 22)
FACTORS = (2**-9, 1 / 391)  # with a short multiplier, and without


def kernels() -> Iterator[tuple[Kernel, np.ndarray]]:
    """Kernels and a row of their input."""
    rng = np.random.default_rng(0)
    for inputs, outputs, width in itertools.product(GROUPS, OUTPUTS, WIDTHS):
        weights = rng.integers(-127, 128, (outputs, inputs)).astype(np.int8)
        x = rng.integers(-128, 128, (1, width, inputs)).astype(np.int8)
        yield PartialSumsKernel(weights, first=False), x
        for factor, rounding in itertools.product(FACTORS, Rounding):
            requant = Requant.from_real([factor] * outputs, rounding)
            bias = np.zeros(outputs, np.int32)
            sums = Accumulation(bias, requant, 0, 0, -128, 127, (-(2**20), 2**20))
            yield FinishSumsKernel(weights, sums), as_bytes(x.astype(np.int64) @ weights.T)


def kernel_costs(core: str) -> dict[str, KernelCost]:
    """The constants of a core by the text of the key."""
    board = roomy(core)
    isa = isa_of(core, sorted(option.value for option in board.isa))
    guest = GUEST[isa]
    rows, jobs, features = [], [], []
    for kernel, x in kernels():
        expected = kernel.run([x[None]])[0]
        _, width, channels = expected.shape
        choice = choose(kernel, NodeContext(((-128, 127),), 10, 20), isa)
        step = Step((0, 0, width, 0), (x[0].tobytes(),), width * channels, SUM_BYTES)
        scratch = choice.call.scratch_bytes
        jobs.append(Job(choice.call, Granularity.ROW, (step,), width * channels, scratch))
        outputs = channels // SUM_BYTES if isinstance(kernel, PartialSumsKernel) else channels
        macs = width * kernel.macs_per_pixel
        features.append((macs, width * outputs, 1, outputs, width))
    with tempfile.TemporaryDirectory() as folder:
        machine = QemuMachine(build_calls(isas_of(isa), guest, Path(folder)), guest)
        done = machine.run_all(jobs)
    for job, each, made in zip(jobs, features, done, strict=True):
        rows.append(Row(job.call.id, each, made.instructions))
    found = fit_kernels(rows)
    del found[ANY]
    return found


def main() -> None:
    """Fit, print, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    table = read_table()
    cores = table["cores"]
    parser.add_argument("--core", action="append", choices=sorted(cores))
    for core in parser.parse_args().core or sorted(cores):
        kernels = cores[core]["kernels"]
        for key, cost in kernel_costs(core).items():
            kernels[key] = constants(cost)
            print(core, key, kernels[key])
        cores[core]["kernels"] = dict(sorted(kernels.items()))
        cores[core]["like"] = stand_ins(core, kernels)
    write_table(table)


if __name__ == "__main__":
    main()
