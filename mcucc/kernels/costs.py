"""What C kernels cost in instructions: one table, `costs.json`, looked up by their keys.

A kernel has two prices there, side by side:

* `variants`, by instruction set: what chooses among the variants of a node. Measured by hand on
  single layers (benchmarks/kernels.py). Kernels on Helium whose loops go in fours and sixteens have
  a model of those loops instead, beside their variant.
* `cores`, by core: what chooses among plans. A linear model of calls of any size, fitted on whole
  networks by `python -m benchmarks.fit_costs` and `benchmarks.fit_splits`, which write that part.

They cannot be one number yet: a variant pays for what it reads and pads, where the linear model
pays for calls and rows; and few variants of an instruction set have been fitted on every core.
`like` says whose constants a kernel has that was never fitted, "*" those of all kernels together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from mcucc.ir.kernel_id import KernelId

ANY = "*"  # all kernels of a core together; general kernels among the variants
DEFAULT_CORE = "cortex-m3"  # whose constants a core has that was never fitted


@dataclass(frozen=True)
class VariantCost:
    """Instructions of a variant on any core of its instruction set.

    A multiply-accumulate, with weights of 8 and of 16 bits, an output, and an input of a window,
    which all output channels share.
    """

    mac: float = 0.0
    wide_mac: float = 0.0
    output: float = 0.0
    input: float = 0.0


@dataclass(frozen=True)
class KernelCost:
    """Instructions of a C kernel on a core: a constant times each thing it does.

    A call makes some pixels of one row; `per_call_channel` is paid for every output channel of
    every call (its weights are read again), `per_output` for the requantization of an int8 value,
    `per_pixel` for what all channels of a pixel share (its window is found, its bytes widened).
    """

    per_mac: float
    per_output: float
    per_call: float
    per_call_channel: float
    per_pixel: float = 0.0


@dataclass(frozen=True)
class Fit:
    """How well the constants of a core foresee emulated counts, relative errors.

    Of single stages of one node, and of whole networks under fused plans the fit has not seen.
    """

    stages: int
    median_stage: float
    worst_stage: float
    plans: int
    mean_plan: float
    worst_plan: float

    @property
    def words(self) -> str:
        """The error as a person reads it."""
        if not self.stages:
            return "not fitted: constants of another core"
        return (
            f"off by {self.mean_plan:.1%} on average and {self.worst_plan:.1%} at worst "
            f"on {self.plans} fused plans"
        )


@dataclass(frozen=True)
class CoreCosts:
    """The constants of a core: of every kernel it can run by the text of its key, and of copies.

    `anything` are those of all kernels together, also of a node that calls none.
    """

    kernels: Mapping[str, KernelCost]
    anything: KernelCost
    per_copied_byte: float
    per_copied_row: float


def variant_cost(key: KernelId) -> VariantCost:
    """What a variant costs in whatever form of requantization; KeyError where it has no price.

    Packed weights cost what bytes do where nobody measured them.
    """
    found = _variants().get(replace(key, requantization=None).text)
    return found or _variants()[replace(key, requantization=None, bits=8).text]


def general_cost() -> VariantCost:
    """What a kernel without a variant costs."""
    return _variants()[ANY]


@cache
def core_costs(core: str) -> CoreCosts:
    """The constants of a core, by the name gcc knows."""
    cores = _table()["cores"]
    data = cores.get(core) or cores[DEFAULT_CORE]
    fitted = {key: KernelCost(*values) for key, values in data["kernels"].items()}
    kernels = fitted | {key: fitted[other] for key, other in data["like"].items()}
    anything = kernels.pop(ANY)
    return CoreCosts(kernels, anything, data["per_copied_byte"], data["per_copied_row"])


@cache
def fit_of(core: str) -> Fit:
    """The errors of a core's constants."""
    data = _table()["cores"].get(core)
    return Fit(**data["fit"]) if data else Fit(0, 0.0, 0.0, 0, 0.0, 0.0)


@cache
def _variants() -> Mapping[str, VariantCost]:
    return {key: VariantCost(**values) for key, values in _table()["variants"].items()}


@cache
def _table() -> Mapping[str, Any]:
    text = resources.files("mcucc.kernels").joinpath("costs.json").read_text(encoding="utf-8")
    table: Mapping[str, Any] = json.loads(text)
    return table
