"""Prices kernels of packed weights: what bytes cost, times what they execute more in single layers.

    python -m benchmarks.fit_packed [--core cortex-m4 ...]

Layers as networks have them run in QEMU with weights of 8, 4 and 2 bits; a key's factor is the
geometric mean over its layers. The constants go into mcucc/kernels/costs.json beside those of
benchmarks.fit_costs, which has to run first.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.firmware import roomy
from benchmarks.fit_costs import constants, read_table, write_table
from benchmarks.fit_splits import GUEST
from benchmarks.kernels import conv, dense, depthwise, whole_rows
from mcucc.backends.calls.job import Job
from mcucc.backends.calls.qemu import QemuMachine, build_calls
from mcucc.ir.kernel_id import KernelId
from mcucc.kernels.costs import core_costs
from mcucc.kernels.packing import BITS, step_of
from mcucc.kernels.select import NodeContext, choose, isa_of, isas_of

LAYERS = (
    *(conv(*shape) for shape in ((20, 16, 48), (10, 24, 96), (5, 144, 40), (3, 240, 96))),
    *(conv(*shape) for shape in ((16, 3, 16, 3, 2), (8, 16, 16, 3))),
    *(dense(*shape) for shape in ((160, 10), (256, 64))),
    *(
        depthwise(size, 48, kernel, stride)
        for size in (20, 6)
        for kernel in (3, 5, 7)
        for stride in (1, 2)
    ),
)


def factors(core: str) -> dict[KernelId, float]:
    """By key, instructions of packed weights in those of bytes on the same calls."""
    isa = isa_of(core, sorted(option.value for option in roomy(core).isa))
    guest, jobs, keys = GUEST[isa], [], []
    for layer, short in ((layer, short) for layer in LAYERS for short in (True, False)):
        kernel, x_shape, y_shape = layer(short, (8, 8))
        x = np.random.default_rng(2).integers(-128, 128, x_shape).astype(np.int8)
        for bits in (8, *BITS):
            few = replace(kernel, weights=kernel.weights & np.int8(-step_of(bits)))
            context = NodeContext(((-128, 127),), *y_shape[:2], bits=bits)
            call = choose(few, context, isa).call
            steps, total = whole_rows(few, [x], y_shape, 1), int(np.prod(y_shape))
            jobs.append(Job(call, few.granularity, steps, total, call.scratch_bytes))
            keys.append(call.id)
    with tempfile.TemporaryDirectory() as folder:
        machine = QemuMachine(build_calls(isas_of(isa), guest, Path(folder)), guest)
        counts = [made.instructions for made in machine.run_all(jobs)]
    more = defaultdict(list)
    for index, key in enumerate(keys):
        whole = index - index % (1 + len(BITS))  # the same layer of bytes
        if key.bits < 8 and key.isa is isa:
            more[key].append(np.log(counts[index] / counts[whole]))
    return {key: float(np.exp(np.mean(logs))) for key, logs in more.items()}


def main() -> None:
    """Measure, print, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    table = read_table()
    cores = table["cores"]
    parser.add_argument("--core", action="append", choices=sorted(cores))
    for core in parser.parse_args().core or sorted(cores):
        kernels = cores[core]["kernels"]
        for key, factor in factors(core).items():
            whole = core_costs(core).kernels[replace(key, bits=8).text]
            kernels[key.text] = [float(f"{factor * each:.4g}") for each in constants(whole)]
            print(core, key, f"{factor:.3f}", kernels[key.text])
        cores[core]["kernels"] = dict(sorted(kernels.items()))
    write_table(table)


if __name__ == "__main__":
    main()
