"""Flash by layer: the sizes of the symbols of the linked image, attributed to nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel import Granularity
from mcucc.schedule.plan.program import Program
from mcucc.toolchain.elf import Image, Symbol

NETWORK, KERNELS, TABLES = "code of this network", "kernels and compiler's library", "other tables"
REST = "names of steps, alignment"


@dataclass(frozen=True)
class FlashFacts:
    """Bytes of flash of the library: weights with their tables, and code.

    `layers` are the bytes of weights, tables and parameters of each node; `shared` is everything
    else by what it is. Both together are `total`. `values` are the weights themselves, in the bits
    they are stored in: what `weights` has beyond them are biases, factors, tables, parameters,
    names and what alignment and the kernels' order of weights add.
    """

    total: int
    weights: int
    code: int
    layers: Mapping[str, int]
    shared: Mapping[str, int]
    values: int = 0


def flash_facts(
    owners: Mapping[str, str], model: str, image: Image, *, weights: int, code: int, values: int
) -> FlashFacts:
    """Attribute every byte of flash: a symbol of `owners` to its node.

    `model` is the C prefix, `weights` and `code` are measured, `values` counted.
    """
    layers: Counter[str] = Counter(dict.fromkeys(dict.fromkeys(owners.values()), 0))
    shared: Counter[str] = Counter()
    for symbol in _inside(image, ".library.weights", image.objects):
        owner = owners.get(symbol.name)
        if owner is not None:
            layers[owner] += symbol.size
        else:
            shared[TABLES] += symbol.size
    for symbol in _inside(image, ".library.text", image.functions):
        own = symbol.name.startswith(f"{model}_") or symbol.file.startswith(f"{model}.")
        shared[NETWORK if own else KERNELS] += symbol.size
    total = weights + code
    shared[REST] = total - layers.total() - shared.total()
    return FlashFacts(total, weights, code, dict(layers), dict(shared), values)


def table_facts(program: Program) -> FlashFacts:
    """What is known without an image: the bytes of every node's weights and tables, no code."""
    layers = {
        node.name: sum(array.data.nbytes for array in node.tables)
        for node in program.graph.nodes
        if node.kernel.granularity is not Granularity.ALIAS
    }
    total = sum(layers.values())
    return FlashFacts(total, total, 0, layers, {}, weight_bytes(program.graph))


def weight_bytes(graph: IntegerGraph) -> int:
    """The weights of all layers in the bits they are stored in."""
    coded = [node for node in graph.nodes if node.kernel.granularity is not Granularity.ALIAS]
    nodes = [node for node in coded if not node.again]
    return sum(node.kernel.weight_bytes(node.call().id.bits) for node in nodes)


def _inside(image: Image, section: str, symbols: tuple[Symbol, ...]) -> list[Symbol]:
    """The symbols of a section."""
    place = image.sections.get(section)
    if place is None:
        return []
    end = place.address + place.size
    return [symbol for symbol in symbols if place.address <= symbol.address < end]
