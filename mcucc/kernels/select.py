"""From (kernel, its attributes, ISA) to the C variant that computes it: one table.

A variant is a function registered with `variant(kernel class, isa)`; it returns a Variant or None
where its limits or its proof do not hold. The cheapest choice wins; where there is none the next
instruction set that the core has as well is asked, at last the portable kernel.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from mcucc.ir.integer import IntegerGraph, IntegerNode, KernelTarget
from mcucc.ir.kernel import Granularity, Kernel, Variant
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.costs import general_cost
from mcucc.kernels.packing import storage_bits
from mcucc.kernels.requantize import Finish
from mcucc.numerics.fixed_point import INT16

# What a core with an instruction set has beside it, the next best kernels.
FALLBACK: Mapping[InstructionSet, InstructionSet] = {
    InstructionSet.MVE: InstructionSet.ARMV7EM,
    InstructionSet.ARMV7EM: InstructionSet.ARMV7M,
    InstructionSet.ARMV7M: InstructionSet.PORTABLE,
}


# How many times the instructions of the best variant with weights of a byte one with packed weights
# may cost: whoever has weights of few bits wants their flash, unless it is speed that is asked for.
SLOWEST: Mapping[str, float] = {"speed": 1.0, "balanced": 1.5, "size": math.inf}


@dataclass(frozen=True)
class NodeContext:
    """What is known of a node beyond its kernel: proven input intervals and the output's size.

    `optimize` steers flash against instructions: speed, balanced or size. `form` is the only form
    of requantization wanted, `bits` the only storage of weights (None: what their values allow):
    parts of a layer are to call the same function.
    """

    input_intervals: tuple[tuple[int, int], ...] = ((-128, 127),)
    height: int = 1
    width: int = 1
    optimize: str = "balanced"
    form: Form | None = None
    bits: int | None = None

    @property
    def stored_bits(self) -> int:
        """Bits that a weight is stored in: 8 where nothing else is wanted."""
        return self.bits or 8

    def wanted(self, finish: Finish | None) -> Finish | None:
        """`finish` where its form is wanted."""
        return finish if finish is None or self.form in (None, finish.form) else None


Maker = Callable[[Any, NodeContext], Variant | None]
MakerType = TypeVar("MakerType", bound=Maker)
_Table = dict[tuple[str, InstructionSet], list[Maker]]
_TABLE: _Table = {}
_PACKED: _Table = {}
_WIDE: _Table = {}
_LONG: _Table = {}


def variant(
    kernel: type[Kernel],
    isa: InstructionSet,
    *,
    packed: bool = False,
    wide: bool = False,
    long: bool = False,
) -> Callable[[MakerType], MakerType]:
    """Decorator: registers a variant of a kernel class for an ISA.

    It is asked for kernels of int8 activations, with `wide` for those that read or write int16. A
    `packed` one stores weights in `context.bits`, 4 or 2, and is asked only where they fit. A
    `long` one takes weights of 9 bits, as int16.
    """

    def add(function: MakerType) -> MakerType:
        table = _WIDE if wide else _PACKED if packed else _LONG if long else _TABLE
        table.setdefault((kernel.__name__, isa), []).append(function)
        return function

    return add


def isa_of(core: str, options: Sequence[str] = ()) -> InstructionSet:
    """The ISA whose kernels a core runs, from its name and options (dsp, mve)."""
    if "mve" in options:
        return InstructionSet.MVE
    if core in ("cortex-m4", "cortex-m7") or "dsp" in options:
        return InstructionSet.ARMV7EM
    return InstructionSet.ARMV7M if core in ("cortex-m3", "cortex-m33") else InstructionSet.PORTABLE


def isas_of(isa: InstructionSet) -> tuple[InstructionSet, ...]:
    """The instruction sets whose kernels a core of `isa` may run, its own first."""
    return (isa, *isas_of(FALLBACK[isa])) if isa in FALLBACK else (isa,)


def choose(kernel: Kernel, context: NodeContext, isa: InstructionSet) -> Variant:
    """The cheapest variant of `isa`, else of its FALLBACK, else the portable kernel.

    Where the weights fit in fewer bits it is one that stores them packed, within SLOWEST.
    """
    _load_variants()
    long = has_long_weights(kernel)
    if long:  # in 8 bits with an offset or in 16, as a variant has it
        context = replace(context, bits=None)
    table = _WIDE if kernel.wide else _LONG if long else _TABLE
    best = _cheapest(table, kernel, context, isa)
    if best is None:
        best = Variant(kernel.call(), "portable", _portable_instructions(kernel, context))
    if kernel.wide or long:
        return best
    bits = _storage_bits(kernel, context)
    if bits == 8:
        return best
    packed = _cheapest(_PACKED, kernel, replace(context, bits=bits), isa)
    wanted = context.bits is not None
    bearable = SLOWEST[context.optimize] * best.instructions
    return packed if packed and (wanted or packed.instructions <= bearable) else best


def has_long_weights(kernel: Kernel) -> bool:
    """Whether its weights are of 9 bits, as int16."""
    weights = getattr(kernel, "weights", None)
    return weights is not None and weights.dtype == INT16


def _cheapest(
    table: _Table, kernel: Kernel, context: NodeContext, isa: InstructionSet
) -> Variant | None:
    """Of the first instruction set that has any."""
    for each in isas_of(isa):
        found = [make(kernel, context) for make in table.get((type(kernel).__name__, each), ())]
        choices = [choice for choice in found if choice is not None]
        if choices:
            return min(choices, key=lambda choice: choice.instructions)
    return None


def _storage_bits(kernel: Kernel, context: NodeContext) -> int:
    """What the weights of a kernel that has packed variants are stored in."""
    if context.bits is not None:
        return context.bits
    weights = getattr(kernel, "weights", None)
    able = any(name == type(kernel).__name__ for name, _ in _PACKED)
    return storage_bits(weights) if able and weights is not None else 8


def _portable_instructions(kernel: Kernel, context: NodeContext) -> float:
    return general_cost().mac * kernel.macs_per_pixel * context.height * context.width


def select_all(
    graph: IntegerGraph, isa: InstructionSet, optimize: str = "balanced"
) -> IntegerGraph:
    """The graph with a variant for every node that has code."""
    target = KernelTarget(isa, optimize)
    nodes = tuple(
        node
        if node.kernel.granularity is Granularity.ALIAS
        else replace(node, variant=choose(node.kernel, context_of(graph, node, optimize), isa))
        for node in graph.nodes
    )
    return replace(graph, nodes=nodes, target=target)


def context_of(graph: IntegerGraph, node: IntegerNode, optimize: str = "balanced") -> NodeContext:
    """The context of a node: the size of its output, and what its inputs may hold."""
    output = graph.activations[node.output]
    intervals = tuple(graph.activations[name].interval for name in node.inputs)
    return NodeContext(intervals, output.height, output.width, optimize)


def choose_slice(
    whole: Variant, kernel: Kernel, context: NodeContext, isa: InstructionSet
) -> Variant:
    """The variant for some of the channels of a layer that `whole` computes.

    It has the bits and the form of the whole where there is such a variant, so that all slices
    call one function.
    """
    context = replace(context, bits=whole.call.id.bits)
    found = choose(kernel, replace(context, form=whole.form), isa)
    return found if found.form is whole.form else choose(kernel, context, isa)


@cache
def _load_variants() -> None:
    package = importlib.import_module("mcucc.kernels")
    for module in pkgutil.walk_packages(package.__path__, "mcucc.kernels."):
        importlib.import_module(module.name)
