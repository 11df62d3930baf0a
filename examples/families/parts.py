"""Layers that many families share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def conv(
    inputs: int,
    outputs: int,
    kernel: int = 3,
    stride: int = 1,
    *,
    act: type[nn.Module] | None = nn.ReLU,
    groups: int = 1,
    dilation: int = 1,
) -> nn.Sequential:
    """Convolution, batch norm and, unless None, an activation; only the stride changes the size."""
    pad = dilation * (kernel // 2)
    made: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, pad, dilation, groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*made, *([] if act is None else [act()]))


def separable(
    inputs: int,
    outputs: int,
    stride: int = 1,
    kernel: int = 3,
    act: type[nn.Module] = nn.ReLU,
    dilation: int = 1,
) -> nn.Sequential:
    """MobileNetV1's pair: depthwise, then pointwise."""
    depthwise = conv(inputs, inputs, kernel, stride, act=act, groups=inputs, dilation=dilation)
    return nn.Sequential(depthwise, conv(inputs, outputs, 1, act=act))


class SqueezeExcite(nn.Module):
    """A gate per channel, from the mean of the picture."""

    def __init__(self, channels: int, hidden: int, gate: type[nn.Module] = nn.Hardsigmoid) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * self.gate(self.up(torch.relu(self.down(mean))))


class InvertedResidual(nn.Module):
    """Expand, filter, squeeze and excite where asked, project; added to its input where it fits."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        expand: float,
        kernel: int = 3,
        *,
        act: type[nn.Module] = nn.ReLU6,
        excite: bool = False,
    ) -> None:
        super().__init__()
        hidden = round(inputs * expand)
        body: list[nn.Module] = [] if expand == 1 else [conv(inputs, hidden, 1, act=act)]
        body.append(conv(hidden, hidden, kernel, stride, act=act, groups=hidden))
        if excite:
            body.append(SqueezeExcite(hidden, max(hidden // 4, 4)))
        self.body = nn.Sequential(*body, conv(hidden, outputs, 1, act=None))
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.is_residual else self.body(x)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Parallel(nn.Module):
    """The sum, or along the channels the join, of several layers of one input."""

    def __init__(self, *branches: nn.Module, join: bool = False) -> None:
        super().__init__()
        self.branches, self.join = nn.ModuleList(branches), join

    def forward(self, x: Tensor) -> Tensor:
        made = [branch(x) for branch in self.branches]
        if self.join:
            return torch.cat(made, 1)
        total = made[0]
        for other in made[1:]:
            total = total + other
        return total


def classifier(channels: int, classes: int = 10) -> nn.Sequential:
    """The mean of the picture, and a layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def chain(first: int, blocks: Sequence[tuple[Any, ...]], make: Any) -> tuple[list[nn.Module], int]:
    """make(channels so far, *block) for every block, whose first number is its channels."""
    layers, channels = [], first
    for block in blocks:
        layers.append(make(channels, *block))
        channels = block[0]
    return layers, channels
