"""Networks of the tables that the zoo does not have: their shapes, with random weights.

    python -m benchmarks.shapes FOLDER

Memory and instructions of a network hardly depend on what its weights are; accuracy is nothing to
speak of. Files are float ONNX, named as in the tables; the MACs say that the shape is right.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


@dataclass(frozen=True)
class Block:
    """An inverted residual: kernel, expanded and output channels, stride."""

    kernel: int
    expanded: int
    channels: int
    stride: int = 1


@dataclass(frozen=True)
class Shape:
    """Input side, channels of the first convolution and its depthwise block, blocks, classes."""

    side: int
    first: int
    second: int
    blocks: tuple[Block, ...]
    classes: int
    macs: int


SHAPES = {
    # MIT HAN Lab's MCUNet zoo; settings as retrained for the Wake Vision challenge.
    "mcunet-320kb-1mb_vww": Shape(
        side=144,
        first=16,
        second=8,
        blocks=(
            Block(3, 24, 16, 2),
            Block(3, 80, 16),
            Block(5, 96, 16),
            Block(3, 48, 16),
            Block(7, 80, 24, 2),
            Block(5, 96, 24),
            Block(3, 96, 24),
            Block(7, 144, 24),
            Block(3, 144, 40, 2),
            Block(7, 240, 40),
            Block(5, 160, 40),
            Block(3, 200, 40),
            Block(5, 200, 48),
            Block(5, 144, 48),
            Block(3, 192, 48),
            Block(5, 144, 48),
            Block(3, 192, 96, 2),
            Block(5, 480, 96),
            Block(5, 384, 96),
            Block(3, 384, 96),
            Block(3, 480, 160),
        ),
        classes=2,
        macs=55_771_280,
    ),
}


class _Writer:
    """Adds ONNX nodes one after the other."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def constant(self, data: np.ndarray) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(data.astype(np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def random(self, *shape: int) -> str:
        """Weights that keep the variance of what they are applied to."""
        spread = np.sqrt(2.0 / np.prod(shape[1:]))
        return self.constant(self.rng.normal(0.0, spread, shape))

    def conv(
        self, x: str, channels: tuple[int, int], kernel: int = 1, stride: int = 1, group: int = 1
    ) -> str:
        weights = self.random(channels[1], channels[0] // group, kernel, kernel)
        bias = self.constant(self.rng.normal(0.0, 0.1, channels[1]))
        pads, strides = [kernel // 2] * 4, [stride] * 2
        return self.node("Conv", [x, weights, bias], pads=pads, strides=strides, group=group)

    def relu6(self, x: str) -> str:
        return self.node("Clip", [x, self.constant(np.array(0.0)), self.constant(np.array(6.0))])

    def block(self, x: str, channels: int, block: Block) -> str:
        wide = block.expanded
        y = self.relu6(self.conv(x, (channels, wide)))
        y = self.relu6(self.conv(y, (wide, wide), block.kernel, block.stride, wide))
        y = self.conv(y, (wide, block.channels))
        same = block.stride == 1 and channels == block.channels
        return self.node("Add", [x, y]) if same else y


def model(shape: Shape, name: str) -> onnx.ModelProto:
    """The network as float ONNX, weights from a fixed seed."""
    w = _Writer()
    x = w.relu6(w.conv("image", (3, shape.first), 3, 2))
    x = w.relu6(w.conv(x, (shape.first, shape.first), 3, 1, shape.first))
    x, channels = w.conv(x, (shape.first, shape.second)), shape.second
    for block in shape.blocks:
        x, channels = w.block(x, channels, block), block.channels
    x = w.node("Flatten", [w.node("GlobalAveragePool", [x])])
    x = w.node("Gemm", [x, w.random(channels, shape.classes), w.random(shape.classes)])
    image = helper.make_tensor_value_info("image", 1, [1, 3, shape.side, shape.side])
    logits = helper.make_tensor_value_info(x, 1, [1, shape.classes])
    graph = helper.make_graph(w.nodes, name, [image], [logits], w.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def main() -> None:
    """Write every shape into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, shape in SHAPES.items():
        onnx.save(model(shape, name), folder / f"{name}.onnx")
        print(folder / f"{name}.onnx")


if __name__ == "__main__":
    main()
