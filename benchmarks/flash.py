"""Flash of constants beside the weights themselves, by network, core and --optimize.

    python -m benchmarks.flash MODEL... [--core cortex-m4 ...] [--count] [--json FILE]

Counted is what the linker puts into flash for a network's kernels: their tables and parameter
structs (four bytes a field), not the code. `weights` are the int8 weights, a byte each; `over` is
what everything constant takes beyond them. With --count every layer also runs on the emulated core
(benchmarks/networks.py): instructions of the whole network, layer by layer.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.networks import count_network, total
from mcucc.backends.calls.choose import open_machine
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import select_all
from mcucc.ops.common.border import BorderedKernel
from mcucc.toolchain.firmware import OPTIMIZE

CORES = {
    "cortex-m4": InstructionSet.ARMV7EM,
    "cortex-m0plus": InstructionSet.PORTABLE,
    "cortex-m3": InstructionSet.ARMV7M,
    "cortex-m55": InstructionSet.MVE,
}
FIELD_BYTES = 4  # of a parameter struct


@dataclass(frozen=True)
class Row:
    """A network on a core; bytes. `instructions` are 0 where nothing ran."""

    network: str
    core: str
    optimize: str
    weights: int
    channels: int  # outputs that have a bias
    tables: int
    parameters: int
    instructions: int

    @property
    def over(self) -> int:
        """What all constants take beyond the weights."""
        return self.tables + self.parameters - self.weights

    @property
    def share(self) -> float:
        """The same as a share of the weights."""
        return self.over / self.weights


def weights_and_channels(graph: IntegerGraph) -> tuple[int, int]:
    """Weights of all layers and their biases."""
    kernels = [node.kernel for node in graph.nodes]
    layers = [k.layer if isinstance(k, BorderedKernel) else k for k in kernels]
    channels = sum(layer.sums.bias.size for layer in layers if hasattr(layer, "sums"))
    return sum(kernel.weight_bytes(8) for kernel in kernels), channels


def constants(graph: IntegerGraph) -> tuple[int, int]:
    """Bytes of the tables and of the parameter structs of the chosen kernels."""
    nodes = [node for node in graph.nodes if node.kernel.granularity is not Granularity.ALIAS]
    calls = [node.call() for node in nodes]
    tables = sum(array.data.nbytes for call in calls for array in call.arrays)
    fields = sum(len(each.fields) for call in calls for each in call.calls)
    return tables, FIELD_BYTES * fields


def rows(path: Path, cores: Sequence[str], count: bool) -> list[Row]:
    """All rows of a network; float ones are calibrated on noise."""
    graph = load_network(path, NetworkOptions(noise=path.suffix == ".onnx")).integer
    weights, channels = weights_and_channels(graph)
    found = []
    for core in cores:
        for optimize in OPTIMIZE:
            tables, parameters = constants(select_all(graph, CORES[core], optimize))
            executed = instructions(graph, core, optimize) if count else 0
            figures = (weights, channels, tables, parameters, executed)
            found.append(Row(path.stem, core, optimize, *figures))
    return found


def instructions(graph: IntegerGraph, core: str, optimize: str) -> int:
    """Of the network layer by layer; every byte is compared with the reference's."""
    with tempfile.TemporaryDirectory() as folder:
        machine, isa = open_machine(core, False, Path(folder), ["-O2"])
        return total(count_network(graph, machine, isa, optimize)).instructions


def show(found: Sequence[Row]) -> None:
    """A Markdown table."""
    print("| network | core | optimize | weights | constants | over | a channel | instructions |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in found:
        print(
            f"| {row.network} | {row.core} | {row.optimize} | {row.weights:,} | "
            f"{row.tables + row.parameters:,} | {row.share:.1%} | {row.over / row.channels:.1f} | "
            f"{row.instructions:,} |"
        )


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--core", action="append", choices=CORES)
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cores = options.core or list(CORES)
    found = [row for path in options.models for row in rows(path, cores, options.count)]
    show(found)
    if options.json:
        text = json.dumps([asdict(row) for row in found], indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
