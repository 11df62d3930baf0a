"""From (kernel, its attributes, ISA) to the C variant that computes it: one table.

A variant is a function registered with `variant(kernel class, isa)`; it returns a Choice or None
where its limits or its proof do not hold. The cheapest choice wins; where there is none the next
instruction set that the core has as well is asked, at last the portable kernel.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from mcucc.ir.integer import IntegerGraph, IntegerNode
from mcucc.ir.kernel import Granularity, Kernel, KernelCall
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.ir.window import Window
from mcucc.kernels.requantize import Finish
from mcucc.numerics.fixed_point import Int8Array

# What a core with an instruction set has beside it, the next best kernels.
FALLBACK: Mapping[InstructionSet, InstructionSet] = {
    InstructionSet.MVE: InstructionSet.ARMV7EM,
    InstructionSet.ARMV7EM: InstructionSet.ARMV7M,
    InstructionSet.ARMV7M: InstructionSet.PORTABLE,
}


@dataclass(frozen=True)
class NodeContext:
    """What is known of a node beyond its kernel: proven input intervals and the output's size.

    `optimize` steers flash against instructions: speed, balanced or size. `form` is the only form
    of requantization wanted: parts of a layer are to call the same function.
    """

    input_intervals: tuple[tuple[int, int], ...] = ((-128, 127),)
    height: int = 1
    width: int = 1
    optimize: str = "balanced"
    form: Form | None = None

    def wanted(self, finish: Finish | None) -> Finish | None:
        """`finish` where its form is wanted."""
        return finish if finish is None or self.form in (None, finish.form) else None


@dataclass(frozen=True)
class Choice:
    """A variant for one node; `instructions` is the modelled count for the whole output."""

    call: KernelCall
    variant: str
    instructions: float

    @property
    def form(self) -> Form | None:
        """The proved form of requantization, if there is one."""
        return self.call.id.form


Variant = Callable[[Any, NodeContext], Choice | None]
VariantFunction = TypeVar("VariantFunction", bound=Variant)
_TABLE: dict[tuple[str, InstructionSet], list[Variant]] = {}


def variant(
    kernel: type[Kernel], isa: InstructionSet
) -> Callable[[VariantFunction], VariantFunction]:
    """Decorator: registers a variant of a kernel class for an ISA."""

    def add(function: VariantFunction) -> VariantFunction:
        _TABLE.setdefault((kernel.__name__, isa), []).append(function)
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


def choose(kernel: Kernel, context: NodeContext, isa: InstructionSet) -> Choice:
    """The cheapest variant of `isa`, else of its FALLBACK, else the portable kernel."""
    _load_variants()
    found = [make(kernel, context) for make in _TABLE.get((type(kernel).__name__, isa), ())]
    choices = [choice for choice in found if choice is not None]
    if not choices and isa in FALLBACK:
        return choose(kernel, context, FALLBACK[isa])
    if not choices:
        return Choice(kernel.call(), "portable", _portable_instructions(kernel, context))
    return min(choices, key=lambda choice: choice.instructions)


def _portable_instructions(kernel: Kernel, context: NodeContext) -> float:
    return 9.0 * kernel.macs_per_pixel * context.height * context.width


def select(kernel: Kernel, context: NodeContext, isa: InstructionSet) -> KernelCall:
    """The C call of the cheapest variant."""
    return choose(kernel, context, isa).call


def select_all(
    graph: IntegerGraph, isa: InstructionSet, optimize: str = "balanced"
) -> tuple[IntegerGraph, dict[str, Choice]]:
    """The graph with every kernel bound to its variant, and the choices by node name.

    Planner and code generator see the variants through `Kernel.call` and `Kernel.scratch_bytes`.
    """
    choices: dict[str, Choice] = {}
    nodes = []
    for node in graph.nodes:
        if node.kernel.granularity is Granularity.ALIAS:
            nodes.append(node)
            continue
        bound = bind_kernel(node.kernel, context_of(graph, node, optimize), isa)
        choices[node.name] = bound.choice
        nodes.append(replace(node, kernel=bound))
    return replace(graph, nodes=tuple(nodes)), choices


def context_of(graph: IntegerGraph, node: IntegerNode, optimize: str = "balanced") -> NodeContext:
    """The context of a node: the size of its output; inputs may hold any int8 value."""
    output = graph.activations[node.output]
    return NodeContext(((-128, 127),) * len(node.inputs), output.height, output.width, optimize)


def bind_kernel(kernel: Kernel, context: NodeContext, isa: InstructionSet) -> BoundKernel:
    """The kernel with its cheapest variant."""
    return BoundKernel(kernel, choose(kernel, context, isa), isa, context)


def plain(kernel: Kernel) -> Kernel:
    """The kernel without its variant."""
    return kernel.kernel if isinstance(kernel, BoundKernel) else kernel


def bound_like(model: Kernel, kernel: Kernel, form: Form | None = None) -> Kernel:
    """`kernel` for the instruction set that `model` is bound to, plain where that is plain."""
    if not isinstance(model, BoundKernel):
        return kernel
    return bind_kernel(kernel, replace(model.context, form=form), model.isa)


def bound_slice(model: Kernel, kernel: Kernel) -> Kernel:
    """The same for some of the channels of `model`: with its form where there is such a variant."""
    form = model.choice.form if isinstance(model, BoundKernel) else None
    found = bound_like(model, kernel, form)
    same = isinstance(found, BoundKernel) and found.choice.form is form
    return found if same else bound_like(model, kernel)


@dataclass(frozen=True, eq=False)
class BoundKernel(Kernel):
    """A kernel whose C call is a chosen variant; everything else is the kernel's own."""

    kernel: Kernel
    choice: Choice
    isa: InstructionSet
    context: NodeContext

    @property
    def granularity(self) -> Granularity:
        """The kernel's."""
        return self.kernel.granularity

    def run(self, inputs: Sequence[Int8Array]) -> Int8Array:
        """The kernel's int8 reference."""
        return self.kernel.run(inputs)

    def call(self) -> KernelCall:
        """The variant's."""
        return self.choice.call

    def windows(self, index: int) -> tuple[Window, Window]:
        """The kernel's."""
        return self.kernel.windows(index)

    def padding(self) -> int | None:
        """The kernel's."""
        return self.kernel.padding()

    @property
    def macs_per_pixel(self) -> int:
        """The kernel's."""
        return self.kernel.macs_per_pixel

    @property
    def scratch_bytes(self) -> int:
        """What kernel or variant needs."""
        return max(self.kernel.scratch_bytes, self.choice.call.scratch_bytes)

    def narrowed(self, columns: int, rows: int = 1) -> Kernel:
        """The same variant for at most so many columns at a time."""
        del rows
        call = self.choice.call
        if call.narrow is None:
            return self
        return replace(self, choice=replace(self.choice, call=call.narrow(columns)))

    def in_place(self, index: int) -> bool:
        """The kernel's."""
        return self.kernel.in_place(index)

    def describe(self) -> str:
        """Op, attributes and variant."""
        return f"{self.kernel.describe()} ({self.choice.variant})"


@cache
def _load_variants() -> None:
    package = importlib.import_module("mcucc.kernels")
    for module in pkgutil.walk_packages(package.__path__, "mcucc.kernels."):
        importlib.import_module(module.name)
