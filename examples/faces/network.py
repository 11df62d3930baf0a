"""The face detector: MobileNet-like, fully convolutional, one grey picture in, two maps out.

Each cell of the maps stands for 8x8 pixels. `heat` (1 channel) is the probability that a face is
centred there; `box` (4 channels) says where, as YOLOX does: its centre from the cell's corner, in
cells, and the natural logarithms of its width and height, in cells.
"""

from __future__ import annotations

import math

import torch
from torch import nn

STRIDE = 8  # pixels a cell
USUAL_SIDE = 28  # pixels; the side of a face whose size is learned as 0

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
    """(N, 1, 128, 128) grey values in -1 .. 1 to heat (N, 1, 16, 16) and box (N, 4, 16, 16)."""

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
        """The heat before its sigmoid, and the boxes: what the losses are made of.

        Learned is (N, 3, 16, 16): the offset from the cell's centre, log2(side / USUAL_SIDE).
        """
        x = self.first(x)
        for block in self.block:
            x = block(x)
        return self.face(x), self.place(x)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is exported."""
        heat, box = self.logits(x)
        return torch.sigmoid(heat), box

    def as_exported(self) -> FaceDetector:
        """The same detector with the four numbers of a box: its last convolution says them."""
        learned = self.place
        self.place = nn.Conv2d(learned.in_channels, 4, 1)
        half, least = 0.5, math.log(USUAL_SIDE / STRIDE)
        factors = torch.tensor([1.0, 1.0, math.log(2), math.log(2)])
        rows = [0, 1, 2, 2]
        with torch.no_grad():
            self.place.weight.copy_(learned.weight[rows] * factors[:, None, None, None])
            self.place.bias.copy_(
                learned.bias[rows] * factors + torch.tensor([half, half, least, least])
            )
        return self
