"""The helmet detector: a small MobileNetV2 with two heads as YOLOX has them, both anchor-free.

A cell of the heads stands for 8x8 or 16x16 pixels. Its box has the centre (x + column, y + row)
in cells and the size (exp w, exp h) in cells; its score is sigmoid(objectness) sigmoid(class).
"""

from __future__ import annotations

import torch
from torch import nn

CLASSES = ("helmet", "head")
WIDTH, HEIGHT = 192, 144  # pixels of the picture
STRIDES = (8, 16)

FIRST = 16
# channels, stride and expansion of the blocks down to 8x8 pixels a cell, and to 16x16
FINE = ((16, 1, 1), (24, 2, 2), (24, 1, 3), (40, 2, 3), (40, 1, 3), (40, 1, 3))
COARSE = ((48, 2, 3), (48, 1, 3), (48, 1, 3))
HEAD = 48

Maps = tuple[torch.Tensor, ...]  # boxes (N, 4, H, W), objectness (N, 1, H, W), scores (N, 2, H, W)


def convolution(before: int, after: int, side: int, stride: int = 1, groups: int = 1) -> nn.Module:
    """Convolution, batch normalization, ReLU6."""
    return nn.Sequential(
        nn.Conv2d(before, after, side, stride, side // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU6(),
    )


class Block(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; the input is added where shapes allow."""

    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside = before * expansion
        self.residual = stride == 1 and before == after
        self.expand = convolution(before, inside, 1) if expansion > 1 else nn.Identity()
        self.depthwise = convolution(inside, inside, 3, stride, inside)
        self.project = nn.Sequential(nn.Conv2d(inside, after, 1, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride)."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Head(nn.Module):
    """A separable convolution, then the three maps of a level."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.depthwise = convolution(before, before, 3, groups=before)
        self.mix = convolution(before, HEAD, 1)
        self.boxes = nn.Conv2d(HEAD, 4, 1)
        self.objectness = nn.Conv2d(HEAD, 1, 1)
        self.scores = nn.Conv2d(HEAD, len(CLASSES), 1)
        nn.init.constant_(self.objectness.bias, -4.0)  # objects are rare: start from "none"

    def forward(self, x: torch.Tensor) -> Maps:
        """Boxes, objectness and scores."""
        x = self.mix(self.depthwise(x))
        return self.boxes(x), self.objectness(x), self.scores(x)


def chain(before: int, rows: tuple[tuple[int, int, int], ...]) -> nn.Module:
    """Blocks one after another."""
    blocks = []
    for after, stride, expansion in rows:
        blocks.append(Block(before, after, stride, expansion))
        before = after
    return nn.Sequential(*blocks)


class HelmetDetector(nn.Module):
    """(N, 3, 144, 192) colours in -1 .. 1 to the maps of both levels, 18x24 and 9x12 cells."""

    def __init__(self) -> None:
        super().__init__()
        fine, coarse = FINE[-1][0], COARSE[-1][0]
        self.first = convolution(3, FIRST, 3, 2)
        self.fine = chain(FIRST, FINE)
        self.coarse = chain(fine, COARSE)
        self.lateral = convolution(coarse, fine, 1)
        self.head8 = Head(fine)
        self.head16 = Head(coarse)

    def forward(self, x: torch.Tensor) -> Maps:
        """Six maps: boxes, objectness, scores of stride 8, then of stride 16."""
        fine = self.fine(self.first(x))
        coarse = self.coarse(fine)
        above = nn.functional.interpolate(self.lateral(coarse), scale_factor=2.0, mode="nearest")
        return (*self.head8(fine + above), *self.head16(coarse))
