"""LiteRT's default path, operator by operator: where `single` differs, why, and how that grows.

    python -m benchmarks.litert [--limit 20] [--write docs/numerics-litert.md] MODEL...

Every operator runs on the tensors of LiteRT's own run, twice: our kernel, and the same kernel with
XNNPACK's arithmetic. Where the second has no difference, its arithmetic is the whole reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.accuracy import pictures_of, row
from benchmarks.document import write_section
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.tflite.read import read_tflite
from mcucc.images.preprocess import Bytes
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import IntegerNode
from mcucc.ir.kernel import Kernel
from mcucc.numerics.fixed_point import Int8Array, IntArray, Rounding
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel
from mcucc.ops.fully_connected import FullyConnectedKernel
from mcucc.oracles.litert import LitertSession
from mcucc.quantize.lower import lower

ACCUMULATING = (Conv2dKernel, DepthwiseConv2dKernel, FullyConnectedKernel)


@dataclass(frozen=True, eq=False)
class FloatProduct:
    """XNNPACK's requantization: everything in float32, ties to even."""

    factors: npt.NDArray[np.float32]  # (channels,) or ()

    def apply(self, acc: IntArray) -> IntArray:
        """Stands in for Requant.apply."""
        return np.rint(acc.astype(np.float32) * self.factors).astype(np.int64)


class DefaultPath:
    """A .tflite in LiteRT's default path, and the kernels that do as it does.

    `single` is the network with our rounding, all channels kept; `kernels` has one of each node.
    """

    def __init__(self, path: Path) -> None:
        options = NetworkOptions(keep_constant=True)
        network = load_network(path, options)
        (self.camera,) = network.cameras.values()
        self.single = network.integer
        self.session = LitertSession(path, Rounding.SINGLE)
        self.declined = declined(path, self.session.imported)
        double = lower(network.graph, Rounding.DOUBLE)
        self.kernels = {
            node.output: theirs.kernel
            if node.output in self.declined
            else with_float_product(network.graph, source, node.kernel)
            for source, node, theirs in zip(
                network.graph.nodes, self.single.nodes, double.nodes, strict=True
            )
        }

    def tensors(self, image: Bytes) -> dict[str, Int8Array]:
        """LiteRT's, (1, H, W, C) by name, the input's included."""
        q = self.camera.apply(image)
        theirs = self.session.tensors(self.session.fed([q]))
        found = {name: value.astype(np.int8)[None] for name, value in theirs.items()}
        return {**found, self.single.inputs[0]: q[None]}

    def comparable(self, values: dict[str, Int8Array]) -> list[tuple[IntegerNode, list[Int8Array]]]:
        """The nodes whose output LiteRT keeps, each with LiteRT's own inputs."""
        return [
            (node, [values[name] for name in node.inputs])
            for node in self.single.nodes
            if node.output in values and all(name in values for name in node.inputs)
        ]

    def counted(self, node: IntegerNode) -> Counted:
        """Nothing yet of a node."""
        kind, name = node.kernel.describe().split()[0], node.output
        return Counted(node.name, kind, name in self.declined, name in self.single.outputs)


def with_float_product(graph: Graph, node: Node, kernel: Kernel) -> Kernel:
    """A kernel of sums with XNNPACK's requantization; others as they are."""
    if not isinstance(kernel, ACCUMULATING):
        return kernel
    x, weights = (graph.tensors[name].quantization for name in node.inputs[:2])
    factors = np.float32(x.per_tensor_scale) * np.asarray(weights.scale, np.float32)
    factors = factors / np.float32(graph.tensors[node.output].quantization.per_tensor_scale)
    requant = FloatProduct(factors)
    return replace(kernel, sums=replace(kernel.sums, requant=requant))  # type: ignore[arg-type]


def declined(path: Path, imported: ImportedModel) -> set[str]:
    """Outputs of operators with a negative weight scale.

    XNNPACK does not take them: LiteRT's own kernels run, which round twice.
    """
    file = read_tflite(path)
    names = {source.index: name for name, source in imported.sources.items()}
    return {
        names[op.outputs[0]]
        for op in file.operators
        if op.outputs[0] in names
        and any(scale < 0 for i in op.inputs for scale in (file.tensors[i].scale if i >= 0 else ()))
    }


@dataclass
class Counted:
    """Bytes of one operator's outputs over all pictures.

    `alone` are those that differ on LiteRT's own inputs, `unexplained` those of them that differ
    with LiteRT's arithmetic too, `whole` those that differ in a run of the whole network.
    """

    node: str
    kind: str
    declined: bool
    end: bool  # an output of the network
    outputs: int = 0
    alone: int = 0
    alone_largest: int = 0
    unexplained: int = 0
    whole: int = 0
    whole_largest: int = 0


def count(path: Path, images: Sequence[Bytes]) -> list[Counted]:
    """Each operator of a file on all pictures, in the order of execution."""
    run = DefaultPath(path)
    found: dict[str, Counted] = {}
    for image in images:
        values = run.tensors(image)
        ours = run.single.run({run.single.inputs[0]: values[run.single.inputs[0]]})
        for node, inputs in run.comparable(values):
            each = found.setdefault(node.output, run.counted(node))
            theirs = values[node.output]
            alone = distance(node.kernel.run(inputs), theirs)
            whole = distance(ours[node.output], theirs)
            each.outputs += theirs.size
            each.alone += int((alone > 0).sum())
            each.alone_largest = max(each.alone_largest, int(alone.max()))
            each.unexplained += int((run.kernels[node.output].run(inputs) != theirs).sum())
            each.whole += int((whole > 0).sum())
            each.whole_largest = max(each.whole_largest, int(whole.max()))
    return list(found.values())


def distance(ours: Int8Array, theirs: Int8Array) -> IntArray:
    """Absolute differences in units of the scale."""
    return np.abs(ours.astype(np.int64) - theirs)


NETWORKS = (
    "network",
    "sums",
    "of them different",
    "different by LiteRT's own kernels (negative scales)",
    "other outputs",
    "of them different",
    "left with its arithmetic",
    "largest, any operator",
    "whole network: largest at the ends",
)
STEPS = (
    "operator",
    "of",
    "outputs",
    "different alone",
    "different in the whole run",
    "largest there",
)
INTRODUCTION = """### Measured, operator by operator

Written by `python -m benchmarks.litert --write docs/numerics-litert.md MODEL...`: {limit} labelled
pictures each, every operator on LiteRT's own tensors. Sums are outputs of CONV_2D,
DEPTHWISE_CONV_2D and FULLY_CONNECTED. *Left with its arithmetic*: what still differs when their
products are float32 rounded to even (XNNPACK), and rounded twice where a weight scale is negative
(LiteRT's own kernel). 0 of all: by induction whole networks are equal too, so these products are
the only reason for any difference of `single`.
"""
GROWTH = """### How single differences grow: {network}

A difference of 1 in an early operator is an input of hundreds of sums behind it, and each of these
that it moves over a rounding boundary is another. All labelled pictures; every {every}th operator
and the ends.
"""


def network_row(name: str, found: Sequence[Counted]) -> str:
    """All operators of a network in one line."""
    kinds = {"Conv2d", "DepthwiseConv2d", "FullyConnected"}
    sums = [each for each in found if each.kind in kinds]
    kept = [each for each in sums if not each.declined]
    others = [each for each in found if each.kind not in kinds]
    cells = (
        sum(each.outputs for each in sums),
        sum(each.alone for each in kept),
        sum(each.alone for each in sums) - sum(each.alone for each in kept),
        sum(each.outputs for each in others),
        sum(each.alone for each in others),
        sum(each.unexplained for each in found),
        max(each.alone_largest for each in found),
        max(each.whole_largest for each in found if each.end),
    )
    return row([name, *(f"{cell:,}" for cell in cells)])


def growth_rows(found: Sequence[Counted], every: int) -> list[str]:
    """Operators in the order of execution: alone, and in the whole run."""
    return [
        row(
            (
                f"{number}{' (an end)' if each.end else ''}",
                each.kind,
                f"{each.outputs:,}",
                str(each.alone),
                f"{each.whole:,} = {100 * each.whole / each.outputs:.3f} %",
                str(each.whole_largest),
            )
        )
        for number, each in enumerate(found)
        if number % every == 0 or each.end
    ]


def table(columns: Sequence[str], rows: Sequence[str]) -> str:
    """A Markdown table."""
    return "\n".join([row(columns), row(["---"] * len(columns)), *rows, ""])


def main() -> None:
    """Print the lines of the networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, help="default: `data` beside the zoo")
    parser.add_argument("--limit", type=int, default=20, help="pictures")
    parser.add_argument("--growth", default="person-det", help="the network shown in depth")
    parser.add_argument("--every", type=int, default=8, help="operators between two lines of it")
    parser.add_argument("--write", type=Path, help="a Markdown file whose section is replaced")
    options = parser.parse_args()
    rows, growth = [], []
    for path in options.models:
        data = options.data or path.resolve().parents[2] / "data"
        found = count(path, pictures_of(path, data, options.limit).images)
        rows.append(network_row(path.stem, found))
        print(rows[-1], flush=True)
        if path.stem == options.growth:
            head = GROWTH.format(network=path.stem, every=options.every)
            found = count(path, pictures_of(path, data, None).images)
            growth = [head, table(STEPS, growth_rows(found, options.every))]
    text = [INTRODUCTION.format(limit=options.limit), table(NETWORKS, rows), *growth]
    print("\n".join(text))
    if options.write:
        write_section(options.write, "litert", "\n".join(text))


if __name__ == "__main__":
    main()
