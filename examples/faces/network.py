"""The face detector: MobileNet-like, fully convolutional, one grey picture in, two maps out.

Each cell of the maps stands for 8x8 pixels. `heat` (1 channel) is the probability that a face is
centred there; `box` (3 channels) its offset from the cell's centre, in cells, and log2(side / 28).
"""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = ((24, 2), (24, 1), (40, 2), (40, 1), (56, 1), (56, 1))  # channels, stride
FIRST = 8


class Separable(nn.Module):
    """Depthwise 3x3 and pointwise 1x1; a residual connection where shapes allow."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.residual = stride == 1 and before == after
        self.depthwise = nn.Sequential(
            nn.Conv2d(before, before, 3, stride, 1, groups=before, bias=False),
            nn.BatchNorm2d(before),
            nn.ReLU6(),
        )
        self.pointwise = nn.Sequential(
            nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, before, H, W) to (N, after, H / stride, W / stride)."""
        y = self.pointwise(self.depthwise(x))
        return torch.relu(x + y if self.residual else y)


class FaceDetector(nn.Module):
    """(N, 1, 128, 128) grey values in -1 .. 1 to heat (N, 1, 16, 16) and box (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(1, FIRST, 3, 2, 1, bias=False), nn.BatchNorm2d(FIRST), nn.ReLU6()
        )
        self.block = nn.ModuleList()
        before = FIRST
        for after, stride in WIDTHS:
            self.block.append(Separable(before, after, stride))
            before = after
        self.face = nn.Conv2d(before, 1, 1)
        self.place = nn.Conv2d(before, 3, 1)
        nn.init.constant_(self.face.bias, -4.0)  # faces are rare: start from "no face"

    def logits(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The heat before its sigmoid, and the boxes: what the losses are made of."""
        x = self.first(x)
        for block in self.block:
            x = block(x)
        return self.face(x), self.place(x)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is exported."""
        heat, box = self.logits(x)
        return torch.sigmoid(heat), box
