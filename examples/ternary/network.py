"""A digit reader whose weights are -1, 0 and 1, trained so: one grey 28x28 picture in, 10 logits.

Convolutions but the first have ternary weights with a scale an output channel, as in BitNet b1.58
("The Era of 1-bit LLMs", Ma et al. 2024): the scale is the mean of |w|, a weight becomes the
nearest of -1, 0, 1 times it. Gradients pass through the rounding as if it were not there
(straight-through estimator, Bengio et al. 2013). The first layer has 144 weights and the last 640:
they keep their bits, as is usual.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

FIRST = 16
WIDTHS = ((32, 2), (64, 2), (64, 1))  # channels, stride
CLASSES = 10


def ternary(weights: torch.Tensor) -> torch.Tensor:
    """The nearest of -1, 0, 1 times the mean magnitude of each output channel."""
    scale = weights.abs().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-8)
    return (weights / scale).round().clamp(-1, 1) * scale


class TernaryConv2d(nn.Conv2d):
    """A convolution that computes with the ternary form of its weights."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C_in, H, W) to (N, C_out, H / stride, W / stride)."""
        used = self.weight + (ternary(self.weight) - self.weight).detach()
        return functional.conv2d(x, used, self.bias, self.stride, self.padding)


def layer(before: int, after: int, stride: int, convolution: type[nn.Conv2d]) -> nn.Sequential:
    """Convolution 3x3, batch norm, ReLU6."""
    return nn.Sequential(
        convolution(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU6()
    )


class DigitReader(nn.Module):
    """(N, 1, 28, 28) grey values in -1 .. 1 to logits (N, 10)."""

    def __init__(self, *, is_ternary: bool) -> None:
        super().__init__()
        self.first = layer(1, FIRST, 1, nn.Conv2d)
        self.block = nn.ModuleList()
        before = FIRST
        for after, stride in WIDTHS:
            kind = TernaryConv2d if is_ternary else nn.Conv2d
            self.block.append(layer(before, after, stride, kind))
            before = after
        self.digit = nn.Linear(before, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits."""
        x = self.first(x)
        for block in self.block:
            x = block(x)
        return self.digit(x.mean(dim=(2, 3)))

    @torch.no_grad()
    def fold(self) -> DigitReader:
        """The same for inference: rounded weights, batch norms folded into them.

        A batch norm scales whole channels, so that ternary weights stay three values a channel.
        """
        for block in (self.first, *self.block):
            if isinstance(block[0], TernaryConv2d):
                block[0].weight.copy_(ternary(block[0].weight))
                block[0].__class__ = nn.Conv2d
            block[0] = nn.utils.fuse_conv_bn_eval(block[0].eval(), block[1].eval())
            block[1] = nn.Identity()
        return self.eval()
