"""Small float networks drawn at random, of every kind of op, and their channel statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.ir import Graph
from mcucc.ir.float_run import evaluate_graph
from mcucc.ir.op import Op
from mcucc.numerics.fixed_point import NO_CLAMP, RELU, RELU6, Clamp
from mcucc.ops.abs import Abs
from mcucc.ops.add import Add
from mcucc.ops.average_pool import AveragePool
from mcucc.ops.clip import Clip
from mcucc.ops.common.spatial import NO_PADS, Pads, Window2d
from mcucc.ops.concat import Concat
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.conv_transpose2d import ConvTranspose2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.extremum import Extremum
from mcucc.ops.fully_connected import FullyConnected
from mcucc.ops.global_average_pool import GlobalAveragePool
from mcucc.ops.hard_swish import HardSwish
from mcucc.ops.leaky_relu import LeakyRelu
from mcucc.ops.max_pool import MaxPool
from mcucc.ops.mul import Mul
from mcucc.ops.pad import Pad
from mcucc.ops.prelu import PRelu
from mcucc.ops.reshape import Reshape
from mcucc.ops.resize_bilinear import ResizeBilinear, Sampling
from mcucc.ops.resize_nearest import ResizeNearest
from mcucc.ops.sigmoid import Sigmoid
from mcucc.ops.slice import Slice
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.sub import Sub
from mcucc.ops.transpose import Transpose
from mcucc.quantize.calibrate import Ranges, measured_tensors
from mcucc.quantize.observers.base import Range
from mcucc.quantize.tally import Tally
from tests.passes.float_graphs import Floats

CLAMPS = (NO_CLAMP, NO_CLAMP, RELU, RELU6, Clamp(-1.0, 2.5), Clamp(0.5, 3.0))
PICTURES = 4
Pictures = Sequence[npt.NDArray[np.float32]]


class DrawnNet(Floats):
    """Tensors (1, 6, 6, 8), each made of drawn earlier ones, and a head."""

    def __init__(self, seed: int) -> None:
        super().__init__(1, 6, 6, 8)
        self.rng = np.random.default_rng(seed)
        self.usable = ["x"]

    def any_of(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def tensor(self) -> str:
        return self.usable[self.rng.integers(len(self.usable))]

    def step(self) -> None:
        """One more tensor of the common shape."""
        makers = (self.conv, self.depthwise, self.grouped, self.sum, self.moved, self.squeezed)
        makers += (self.conv, self.depthwise, self.sum, self.function, self.stretched)
        self.usable.append(makers[self.rng.integers(len(makers))](f"t{len(self.usable)}"))

    def weighted(self, name: str, op: Op, x: str, shape: tuple[int, ...], count: int) -> str:
        spread = np.exp2(self.rng.uniform(-3, 1, count))  # channels of different widths
        weights = self.rng.normal(0, 0.5, shape)
        weights = weights * (spread if shape[-1] == count and len(shape) == 3 else 1.0)
        if len(shape) != 3:
            weights = weights * spread.reshape(-1, *(1,) * (len(shape) - 1))
        w = self.const(f"{name}.w", weights)
        return self(name, op, x, w, self.const(f"{name}.b", self.rng.normal(0, 1, count) * spread))

    def conv(self, name: str) -> str:
        clamp = self.any_of(*CLAMPS)
        if self.rng.integers(2):
            window = Window2d((3, 3), pads=Pads(1, 1, 1, 1))
            return self.weighted(name, Conv2d(window, 1, clamp), self.tensor(), (8, 3, 3, 8), 8)
        op = Conv2d(Window2d((1, 1)), 1, clamp)
        return self.weighted(name, op, self.tensor(), (8, 1, 1, 8), 8)

    def grouped(self, name: str) -> str:
        op = Conv2d(Window2d((1, 1)), 2, self.any_of(*CLAMPS))
        return self.weighted(name, op, self.tensor(), (8, 1, 1, 4), 8)

    def depthwise(self, name: str) -> str:
        op = DepthwiseConv2d(Window2d((3, 3), pads=Pads(1, 1, 1, 1)), self.any_of(*CLAMPS))
        return self.weighted(name, op, self.tensor(), (3, 3, 8), 8)

    def sum(self, name: str) -> str:
        clamp = self.any_of(NO_CLAMP, NO_CLAMP, RELU, RELU6)
        op = self.any_of(Add(clamp), Add(clamp), Sub(clamp), Extremum(), Extremum(largest=False))
        return self(name, op, self.tensor(), self.tensor())

    def function(self, name: str) -> str:
        slopes = tuple(self.rng.uniform(-0.5, 0.5, 8).tolist())
        op = self.any_of(Clip(RELU), Clip(RELU6), LeakyRelu(0.1), PRelu(slopes), HardSwish(), Abs())
        return self(name, op, self.tensor())

    def moved(self, name: str) -> str:
        x = self.tensor()
        kind = self.rng.integers(6)
        if kind == 0:
            pooled = self(f"{name}.p", MaxPool(Window2d((2, 2), (2, 2), pads=NO_PADS)), x)
            return self(name, ResizeNearest(2), pooled)
        if kind == 1:
            deep = self(f"{name}.d", SpaceToDepth(2), x)
            wide = self.weighted(f"{name}.c", Conv2d(Window2d((1, 1))), deep, (32, 1, 1, 32), 32)
            return self(name, DepthToSpace(2), wide)
        if kind == 2:
            both = self(f"{name}.c", Concat(3), x, self.tensor())
            return self(name, Slice((0, 0, 4), (6, 6, 8)), both)
        if kind == 3:
            rows = self(f"{name}.r", Slice((0, 0, 0), (3, 6, 8)), x)
            other = self(f"{name}.s", Slice((3, 0, 0), (3, 6, 8)), self.tensor())
            return self(name, Concat(1), rows, other)
        if kind == 4:
            turned = self(f"{name}.t", Transpose((0, 2, 1, 3)), x)
            return self(name, Reshape((1, 6, 6, 8)), turned)
        value = self.any_of(0.0, 1.5, -np.inf)
        padded = self(f"{name}.p", Pad(Pads(1, 1, 0, 0), value=value), x)
        return self(name, MaxPool(Window2d((2, 2), pads=NO_PADS)), padded)

    def stretched(self, name: str) -> str:
        x = self.tensor()
        if self.rng.integers(2):
            half = self(f"{name}.h", AveragePool(Window2d((2, 2), (2, 2), pads=NO_PADS)), x)
            twice = Sampling.of(6, 1, 2)
            return self(name, ResizeBilinear(twice, twice), half)
        half = self(f"{name}.h", MaxPool(Window2d((2, 2), (2, 2), pads=NO_PADS)), x)
        op = ConvTranspose2d((2, 2), (2, 2), (0, 0), (6, 6), self.any_of(*CLAMPS))
        return self.weighted(name, op, half, (8, 2, 2, 8), 8)

    def squeezed(self, name: str) -> str:
        """Squeeze-and-excite."""
        x = self.tensor()
        mean = self(f"{name}.m", GlobalAveragePool(), x)
        gate = self.weighted(f"{name}.g", Conv2d(Window2d((1, 1))), mean, (8, 1, 1, 8), 8)
        return self(name, Mul(), x, self(f"{name}.s", Sigmoid(), gate))

    def head(self) -> Graph:
        """Unpadded pointwise convolutions with a residual, then a dense layer."""
        x = self.usable[-1]
        one = Conv2d(Window2d((1, 1)))
        a = self.weighted("a", one, x, (8, 1, 1, 8), 8)
        b = self.weighted("b", one, a, (8, 1, 1, 8), 8)
        total = self("total", self.any_of(Add(), Sub()), a, b)
        if self.rng.integers(2):
            flat = self("flat", Reshape((1, 8)), self("mean", GlobalAveragePool(), total))
        else:
            flat = self("flat", Reshape((1, 288)), total)
        size = self.tensors[flat].shape[1]
        end = self.weighted("end", FullyConnected(), flat, (3, size), 3)
        outputs = [end, self.tensor()] if self.rng.integers(2) else [end]
        return self.graph(*(name for name in dict.fromkeys(outputs) if name != "x"))


def drawn_net(seed: int) -> Graph:
    """A float network of a dozen ops; `x` is its input."""
    net = DrawnNet(seed)
    for _ in range(7):
        net.step()
    return net.head()


def drawn_pictures(graph: Graph, seed: int, count: int = PICTURES) -> Pictures:
    """What the input reads."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 2, graph.tensors["x"].shape).astype(np.float32) for _ in range(count)]


def observed(graph: Graph, pictures: Pictures, held_back: Pictures = ()) -> Ranges:
    """Ranges and channel statistics by the graph's own float reference, on all pictures."""
    runs = [evaluate_graph(graph, {"x": picture}) for picture in (*pictures, *held_back)]
    names = measured_tensors(graph)
    tallies = {name: Tally(name, graph.tensors[name].shape[-1], 64) for name in names}
    for name, tally in tallies.items():
        for run in runs:
            tally.extend(run[name])
    judged = {name: tally.beside() for name, tally in tallies.items()} if held_back else {}
    for name, tally in tallies.items():
        for index, run in enumerate(runs):
            (tally if index < len(pictures) else judged[name]).count(run[name])
    ranges = {name: _range(name, runs) for name in names}
    channels = {name: tally.channels() for name, tally in tallies.items()}
    whole = frozenset(name for name in graph.outputs if name in ranges)
    apart = {name: tally.channels() for name, tally in judged.items()}
    return Ranges("min-max", len(runs), ranges, {}, whole, channels, apart)


def _range(name: str, runs: Sequence[Mapping[str, npt.NDArray[np.float32]]]) -> Range:
    low = min(float(run[name].min()) for run in runs)
    high = max(float(run[name].max()) for run in runs)
    return Range(min(low, 0.0), max(high, 0.0))
