"""Drawn .tflite networks of operators one behind the other: LiteRT's bytes, shapes, or refused.

What one operator leaves behind (a shape of another rank, a batch, values moved but not stored, a
scale noted on the way) is what the next one reads. Nothing here is compiled alone.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import UnsupportedError
from mcucc.ir import Quant
from tests.frontends.test_tflite_converter import Net
from tests.frontends.test_tflite_ops import agrees, lowered

Shape = tuple[int, ...]
LARGEST = 3000  # elements of one value


class Chain(Net):
    """A network that grows by drawn operators."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        super().__init__(1, *(int(n) for n in self.rng.integers(1, 8, 3)), quant=self.scale())
        self.shape: Shape = tuple(self.b.tensors[self.last].shape)
        self.values = [(self.last, self.shape, self.quant)]

    def scale(self) -> Quant:
        scale = float(np.float32(10.0 ** self.rng.uniform(-2.5, -0.5)))
        return Quant((scale,), int(self.rng.integers(-128, 128)))

    def pick(self, *choices: int) -> int:
        return int(self.rng.choice(choices))

    def perhaps(self, quant: Quant) -> Quant:
        """The scale of a mover's output: mostly that of its input."""
        return quant if self.rng.random() < 0.8 else self.scale()

    def add(
        self, code: str, shape: Shape, *more: int, quant: Quant | None = None, **f: int
    ) -> None:
        super().op(code, self.table(code), shape, *more, quant=quant or self.quant, **f)
        self.shape, self.quant = shape, quant or self.quant
        self.values.append((self.last, shape, self.quant))

    @staticmethod
    def table(code: str) -> str | None:
        names = {"REDUCE_MAX": "Reducer", "MEAN": "Reducer", "FULLY_CONNECTED": "FullyConnected"}
        plain = {"RESHAPE", "TRANSPOSE", "SLICE", "PAD", "TILE", "RELU", "QUANTIZE"}
        return None if code in plain else f"{names.get(code, code.title())}Options"


def reshape(net: Chain) -> None:
    left, shape = prod(net.shape), []
    for _ in range(net.pick(1, 2, 3, 4)):
        shape.append(net.pick(*(n for n in range(1, left + 1) if left % n == 0)))
        left //= shape[-1]
    made = (*([1] if net.rng.random() < 0.7 else []), *shape, left)
    net.add("RESHAPE", made, net.c(np.array(made)), quant=net.perhaps(net.quant))


def transpose(net: Chain) -> None:
    order = [0, *(1 + net.rng.permutation(len(net.shape) - 1))]
    if net.rng.random() < 0.2:
        order = list(net.rng.permutation(len(net.shape)))
    made = tuple(net.shape[axis] for axis in order)
    net.add("TRANSPOSE", made, net.c(np.array(order)), quant=net.perhaps(net.quant))


def tile(net: Chain) -> None:
    repeats = [net.pick(1, 1, 2, 3) for _ in net.shape]
    made = tuple(n * r for n, r in zip(net.shape, repeats, strict=True))
    if prod(made) <= LARGEST:
        net.add("TILE", made, net.c(np.array(repeats)))


def part(net: Chain) -> None:
    begin = [int(net.rng.integers(n)) for n in net.shape]
    made = tuple(int(net.rng.integers(1, n - b + 1)) for n, b in zip(net.shape, begin, strict=True))
    bounds = net.c(np.array(begin)), net.c(np.array(made))
    net.add("SLICE", made, *bounds, quant=net.perhaps(net.quant))


def border(net: Chain) -> None:
    if len(net.shape) <= 4:
        sides = [
            [net.pick(0, 1, 2), net.pick(0, 1)] if i else [0, 0] for i in range(len(net.shape))
        ]
        made = tuple(n + sum(pair) for n, pair in zip(net.shape, sides, strict=True))
        net.add("PAD", made, net.c(sides), quant=net.perhaps(net.quant))


def reduction(net: Chain) -> None:
    axes = sorted({net.pick(*range(len(net.shape))) for _ in range(net.pick(1, 2, 3))})
    keep = bool(net.rng.random() < 0.5)
    kept = [1 if i in axes else n for i, n in enumerate(net.shape) if keep or i not in axes]
    if not kept:
        return
    if net.rng.random() < 0.5:
        net.add("REDUCE_MAX", tuple(kept), net.c(np.array(axes)), keepDims=keep)
    else:
        net.add("MEAN", tuple(kept), net.c(np.array(axes)), quant=net.scale(), keepDims=keep)


def dense(net: Chain) -> None:
    keep, depth, made = bool(net.rng.random() < 0.5), net.shape[-1], net.pick(1, 3, 6)
    w, bias, largest = net.case.weights((made, depth), 0, net.quant.per_tensor_scale)
    scale = float(np.float32(largest * net.quant.per_tensor_scale * 100 * depth**0.5))
    shape = (*net.shape[:-1], made) if keep else (prod(net.shape) // depth, made)
    net.add("FULLY_CONNECTED", shape, w, bias, quant=Quant((scale,), 3), keepNumDims=keep)


def convolution(net: Chain) -> None:
    if len(net.shape) == 4 and net.shape[0] == 1:
        w, bias, largest = net.case.weights((4, 3, 3, net.shape[3]), 0, net.quant.scale[0])
        scale = float(np.float32(largest * net.quant.scale[0] * 300 * net.shape[3] ** 0.5))
        step = {"strideW": 1, "strideH": 1, "quant": Quant((scale,), -7)}
        Net.op(net, "CONV_2D", "Conv2DOptions", (*net.shape[:3], 4), w, bias, **step)
        net.shape, net.quant = (*net.shape[:3], 4), Quant((scale,), -7)
        net.values.append((net.last, net.shape, net.quant))


def arithmetic(net: Chain) -> None:
    """Of this value and an earlier one that broadcasts with it."""

    def fits(shape: Shape) -> bool:
        try:
            return prod(np.broadcast_shapes(shape, net.shape)) <= LARGEST
        except ValueError:
            return False

    mates = [value for value in net.values if fits(value[1])]
    other, shape, quant = mates[net.pick(*range(len(mates)))]
    code = ("ADD", "SUB", "MUL")[net.pick(0, 1, 2)]
    scales = net.quant.per_tensor_scale, quant.per_tensor_scale
    real = max(scales) if code != "MUL" else scales[0] * scales[1] * 60
    made = tuple(int(n) for n in np.broadcast_shapes(shape, net.shape))
    net.add(code, made, other, quant=Quant((float(np.float32(real)),), net.pick(-20, 0, 9)))


def rescale(net: Chain) -> None:
    code = ("RELU", "QUANTIZE")[net.pick(0, 1)]
    net.add(code, net.shape, quant=net.scale())


STEPS: list[Callable[[Chain], None]] = [
    reshape,
    reshape,
    transpose,
    transpose,
    tile,
    part,
    border,
    reduction,
    dense,
    convolution,
    arithmetic,
    rescale,
]


def drawn(seed: int, steps: int) -> bool:
    """Check one network; False where it is refused."""
    net = Chain(seed)
    for _ in range(steps):
        STEPS[net.pick(*range(len(STEPS)))](net)
        if prod(net.shape) > LARGEST or len(net.shape) > 6:
            break
    data = net.b.build(net.case.inputs, [net.last])
    try:
        lowered(data)
    except UnsupportedError as error:
        assert "constant" not in str(error) and "not computed" not in str(error)
        return False
    agrees(data, net.case.data)
    return True


def test_drawn_networks_are_litert_s() -> None:
    """And most of them are compiled: a refusal is no way out."""
    compiled = sum(drawn(seed, steps=5) for seed in range(60))
    assert compiled > 45


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
@settings(deadline=None, max_examples=300)
def test_many_drawn_networks(seed: int, steps: int) -> None:
    drawn(seed, steps)
