"""Executed instructions of whole networks, kernel by kernel, on an emulated core.

    python -m benchmarks.networks MODEL... [--core cortex-m4] [--data DIR] [--layers] [--json FILE]

Every kernel runs on the activations of the int8 reference and must give its bytes. Counted are the
kernels; the generated code around them adds about 20 instructions a row.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np

from benchmarks.kernels import whole_rows
from mcucc.backends.calls.choose import open_machine
from mcucc.backends.calls.cycles import Counts
from mcucc.backends.calls.qemu import QemuMachine
from mcucc.backends.calls.unicorn import Machine
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity, Variant
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import choose, context_of
from mcucc.numerics.fixed_point import Int8Array


@dataclass(frozen=True)
class LayerCount:
    """What one node executed."""

    node: str
    kernel: str
    variant: str
    counts: Counts
    macs: int
    outputs: int
    scratch_bytes: int


def count_network(
    graph: IntegerGraph,
    machine: Machine | QemuMachine,
    isa: InstructionSet,
    optimize: str = "balanced",
) -> list[LayerCount]:
    """Every node in order; RuntimeError where the bytes differ from the reference's."""
    rng = np.random.default_rng(0)
    inputs = {}
    for name in graph.inputs:
        shape = graph.activations[name].shape
        inputs[name] = rng.integers(-128, 128, (1, *shape)).astype(np.int8)
    values = graph.run(inputs)
    counts = []
    for node in graph.nodes:
        if node.kernel.granularity is not Granularity.ALIAS:
            choice = choose(node.kernel, context_of(graph, node, optimize), isa)
            counts.append(count_node(graph, node, values, machine, choice))
    return counts


def count_node(
    graph: IntegerGraph,
    node: IntegerNode,
    values: dict[str, Int8Array],
    machine: Machine | QemuMachine,
    choice: Variant,
) -> LayerCount:
    """One node over its whole output."""
    y = graph.activations[node.output]
    kernel = node.kernel
    images = [values[name].reshape(graph.activations[name].shape) for name in node.inputs]
    steps = whole_rows(kernel, images, y.shape, y.dtype.itemsize)
    machine.reset()
    parts = machine.run(choice.call, kernel.granularity, steps, y.size, kernel.scratch_bytes)
    if b"".join(parts) != values[node.output].tobytes():
        raise RuntimeError(f"{node.name}: {choice.name} differs from the reference")
    return LayerCount(
        node.name,
        kernel.describe(),
        choice.name,
        machine.counts,
        graph.macs_of(node),
        y.size,
        choice.call.scratch_bytes,
    )


def total(layers: Sequence[LayerCount]) -> Counts:
    """What a network executes."""
    columns = zip(*((astuple(each.counts)) for each in layers), strict=True)
    return Counts(*(None if None in column else sum(column) for column in columns))


def show(name: str, layers: Sequence[LayerCount], each: bool) -> None:
    """One line a network, or one a layer before it; loads, taken branches, cycles per output."""
    for c in layers if each else ():
        n = c.counts
        per_mac = f"{n.instructions / c.macs:6.2f} /MAC" if c.macs else " " * 11
        rest = (n.loads, n.taken_branches, n.cycles)
        per_output = " ".join("" if k is None else f"{k / c.outputs:6.1f}" for k in rest)
        print(
            f"  {n.instructions:>10,} {per_mac} {n.instructions / c.outputs:7.1f} /out {per_output}"
            f"  {c.scratch_bytes:>5} B  {c.kernel:34.34} {c.variant:26} {c.node[-40:]}"
        )
    whole, macs = total(layers), sum(c.macs for c in layers)
    kinds: Counter[str] = Counter()
    for c in layers:
        kinds[c.kernel.split()[0]] += c.counts.instructions
    parts = ", ".join(f"{kind} {n / 1e6:.2f}" for kind, n in kinds.most_common(4))
    if whole.cycles is not None and whole.loads is not None and whole.taken_branches is not None:
        parts += (
            f"; {whole.loads / 1e6:.2f} loads, {whole.taken_branches / 1e6:.2f} taken branches, "
            f"about {whole.cycles / 1e6:.1f} cycles"
        )
    print(
        f"{name:34} {macs / 1e6:7.2f} M MACs {whole.instructions / 1e6:8.2f} M instructions  "
        f"({parts})"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--core", default="cortex-m4")
    parser.add_argument("--flags", default="-O2")
    parser.add_argument("--data", type=Path, help="pictures for float networks")
    parser.add_argument("--portable", action="store_true", help="the portable kernels")
    parser.add_argument("--remove-constant", action="store_true", help="constant channels")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        flags = options.flags.split()
        machine, isa = open_machine(options.core, options.portable, Path(folder), flags)
        for path in options.models:
            wanted = NetworkOptions(data=options.data, keep_constant=not options.remove_constant)
            network = load_network(path, wanted)
            integer = network.integer
            if network.removed is not None:
                print(f"{path.name}: {network.removed}")
            counts = count_network(integer, machine, isa)
            show(path.name, counts, options.layers)
            results[path.name] = [asdict(c) for c in counts]
    if options.json:
        options.json.write_text(json.dumps({"core": options.core, "networks": results}, indent=1))


if __name__ == "__main__":
    main()
