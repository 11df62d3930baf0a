"""Drawn quantized ONNX: bytes and floats mixed as no quantizer would, or refused, never wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedError
from tests.frontends.qdq_nets import QuantNet, steps_off

SCALES = (0.01, 0.02, 0.05, 0.08)
# Three roundings in a row, each a tie of float32, as steps of scales that differ by eight at most.
MOST_OFF = 2.6
FEWEST_COMPARED = 0.5


@dataclass(frozen=True)
class Value:
    """A value of the network, of floats or of bytes."""

    name: str
    shape: tuple[int, int, int, int]


class Drawn:
    """A network under construction; every choice comes from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype: Any = (np.int8, np.uint8)[seed % 2]
        self.offset = 128 * (self.dtype is np.uint8)
        kind = np.float32 if self.rng.random() < 0.8 else self.dtype
        opset = int(self.rng.choice([17, 18, 21]))
        self.net = QuantNet((1, 4, 6, 6), opset, seed, kind)
        first = Value("image", (1, 4, 6, 6))
        self.bytes = [self.quantized(first) if kind is np.float32 else first]
        self.floats = [self.real(self.bytes[0])]
        for _ in range(self.rng.integers(1, 4)):
            x = self.one(self.floats)
            self.floats.append(Value(self.net.qconv(x.name, 4, 4), x.shape))
        for _ in range(self.rng.integers(2, 9)):
            self.step()

    def one(self, values: list[Value]) -> Value:
        return values[self.rng.integers(len(values))]

    def ends(self) -> tuple[str, ...]:
        zero = None
        # No zero point is one of uint8 where a QuantizeLinear leaves it out.
        if self.dtype is np.int8 or self.rng.random() < 0.9:
            zero = int(self.rng.integers(-30, 30)) + self.offset
        return self.net.ends(self.rng.choice(SCALES), zero, self.dtype)

    def quantized(self, x: Value) -> Value:
        return Value(self.net.q(x.name, self.ends()), x.shape)

    def real(self, x: Value) -> Value:
        return Value(self.net.dq(x.name, self.ends()), x.shape)

    def step(self) -> None:
        """One more value, of the floats or of the bytes."""
        kind = self.rng.integers(13)
        if kind < 3:
            self.bytes.append(self.quantized(self.one(self.floats)))
        elif kind < 5:
            self.floats.append(self.real(self.one(self.bytes)))
        else:
            values = self.bytes if self.rng.random() < 0.5 else self.floats
            make: Callable[[list[Value]], Value] = self.rng.choice(
                [
                    self.pool,
                    self.turned,
                    self.joined,
                    self.padded,
                    self.clipped,
                    self.compared,
                    self.computed,
                ]
            )
            values.append(make(values))

    def number(self, values: list[Value], integer: int, real: float) -> str:
        if values is self.bytes:
            return self.net.const(integer + self.offset, self.dtype)
        return self.net.const(real)

    def pool(self, values: list[Value]) -> Value:
        x = self.one(values)
        return Value(self.net("MaxPool", x.name, kernel_shape=[2, 2], pads=[0, 0, 1, 1]), x.shape)

    def turned(self, values: list[Value]) -> Value:
        x = self.one(values)
        n, c, h, w = x.shape
        return Value(self.net("Transpose", x.name, perm=[0, 1, 3, 2]), (n, c, w, h))

    def joined(self, values: list[Value]) -> Value:
        x = self.one(values)
        y = self.one([value for value in values if value.shape[2:] == x.shape[2:]])
        made = self.net("Concat", x.name, y.name, axis=-3)
        return Value(made, (1, x.shape[1] + y.shape[1], *x.shape[2:]))

    def padded(self, values: list[Value]) -> Value:
        x = self.one(values)
        border = [self.number(values, int(self.rng.integers(-100, 100)), self.rng.normal())]
        sides = self.net.ints(0, 0, 1, 0, 0, 0, 0, 1)
        made = self.net("Pad", x.name, sides, *(border if self.rng.random() < 0.7 else []))
        return Value(made, (1, x.shape[1], x.shape[2] + 1, x.shape[3] + 1))

    def clipped(self, values: list[Value]) -> Value:
        x = self.one(values)
        low = self.number(values, -20, -0.5) if self.rng.random() < 0.7 else ""
        return Value(self.net("Clip", x.name, low, self.number(values, 60, 0.6)), x.shape)

    def compared(self, values: list[Value]) -> Value:
        x = self.one(values)
        y = self.one([value for value in values if value.shape == x.shape])
        return Value(self.net(str(self.rng.choice(["Max", "Min"])), x.name, y.name), x.shape)

    def computed(self, values: list[Value]) -> Value:
        """Arithmetic on floats; bytes are only cut."""
        x = self.one(values)
        net, channels = self.net, x.shape[1]
        if values is self.bytes:
            begin = min(1, channels - 1)
            made = net("Slice", x.name, net.ints(begin), net.ints(3), net.ints(-3))
            return Value(made, (1, min(3, channels) - begin, *x.shape[2:]))
        if self.rng.random() < 0.5:
            factors = net.const(self.rng.normal(size=(1, channels, 1, 1)))
            return Value(net("Mul", x.name, factors), x.shape)
        y = self.one([value for value in values if value.shape == x.shape])
        return Value(net(str(self.rng.choice(["Add", "Sub"])), x.name, y.name), x.shape)

    def save(self, folder: Path) -> Path:
        """Bytes read with any scale as outputs, at times a float one beside them."""
        outputs = [self.real(self.one(self.bytes)).name for _ in range(self.rng.integers(1, 3))]
        if self.rng.random() < 0.4:
            outputs.append(self.one(self.floats).name)
        return self.net.qsave(folder, *dict.fromkeys(outputs))


def compared(folder: Path, seeds: range) -> float:
    """How many of the drawn networks are compiled; each of them is right."""
    right = 0
    for seed in seeds:
        path = Drawn(seed).save(folder)
        try:
            off = np.abs(steps_off(path, pictures=2)).max()
        except UnsupportedError as error:
            assert "has no quantization" in str(error) or "border of" in str(error), seed
            continue
        assert off <= MOST_OFF, seed
        right += 1
    return right / len(seeds)


def test_drawn_networks(tmp_path: Path) -> None:
    assert compared(tmp_path, range(30)) > FEWEST_COMPARED


@pytest.mark.slow
def test_many_drawn_networks(tmp_path: Path) -> None:
    assert compared(tmp_path, range(30, 1500)) > FEWEST_COMPARED
