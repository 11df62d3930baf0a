"""Drawn cases whose weights are of 4 or 2 bits, with the packed variant of an instruction set."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcucc.ir import Tensor
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.packing import bits_of, step_of
from mcucc.kernels.select import NodeContext, choose
from mcucc.numerics.fixed_point import Int8Array, Rounding
from tests.kernels.cases import (
    ROUNDINGS,
    depthwise_cases,
    pointwise_cases,
    recording,
    stem_cases,
    window_cases,
)
from tests.kernels.drawn import Drawn
from tests.ops import draw
from tests.ops.draw import SEEDS, Case

CASES: dict[str, st.SearchStrategy[Case]] = {
    "pointwise": pointwise_cases(),
    "conv2d": window_cases(),
    "stem": stem_cases(),
    "depthwise": depthwise_cases(),
    "fully_connected": draw.fully_connected_cases(),
}


def few_bits(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> Int8Array:
    """Weights of every value there is, the lowest of all too."""
    half = 1 << (bits - 1)
    return (rng.integers(-half, half, shape) * step_of(bits)).astype(np.int8)


def with_weights(case: Case, weights: Int8Array) -> Case:
    """The case with other weights."""
    x, w, *rest = case.inputs
    return dataclasses.replace(case, inputs=(x, Tensor.const("w", weights, w.quant), *rest))


def packed_case(
    case: Case, bits: int, rounding: Rounding, seed: int, isa: InstructionSet
) -> Drawn | None:
    """A case as `isa` computes it with weights in `bits`; None where nothing packed can."""
    kernel = case.kernel(rounding)
    assert bits_of(case.inputs[1].constant) <= bits
    expected = kernel.run(case.images)[0]
    intervals = ((-128, 127),) * len(case.images)
    height, width = expected.shape[:2]
    context = NodeContext(intervals, height, width, ("speed", "size")[seed % 2], bits=bits)
    choice = choose(kernel, context, isa)
    if choice.call.id.bits != bits:
        return None
    title = f"{case.op}, {case.inputs[0].shape}, {bits} bits"
    return Drawn(title, choice, recording(case, rounding, choice, seed), expected)


def draw_packed(name: str, examples: int, isa: InstructionSet) -> list[Drawn]:
    """Cases of one family, the same in every run; at least half of those drawn are packed."""
    found: list[Drawn | None] = []

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=CASES[name], bits=st.sampled_from([4, 2]), rounding=ROUNDINGS, seed=SEEDS)
    def collect(case: Case, bits: int, rounding: Rounding, seed: int) -> None:
        shape = case.inputs[1].shape
        low = with_weights(case, few_bits(np.random.default_rng(seed), shape, bits))
        found.append(packed_case(low, bits, rounding, seed, isa))

    collect()
    packed = [each for each in found if each is not None]
    assert len(packed) > len(found) // 2, "packed kernels are hardly drawn"
    assert {each.choice.call.id.bits for each in packed} == {4, 2}
    return packed
