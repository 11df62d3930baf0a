"""Classifiers of plain, residual, dense and searched cells, and keyword spotting."""

from __future__ import annotations

import torch
from parts import Parallel, Residual, chain, classifier, conv, separable
from registry import family
from torch import Tensor, nn
from torch.nn import functional


class Fire(nn.Module):
    """SqueezeNet: few channels, then 1x1 and 3x3 side by side."""

    def __init__(self, i: int, o: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(i, squeezed, 1)
        wide = nn.Conv2d(squeezed, o // 2, 3, padding=1)
        self.expand = Parallel(nn.Conv2d(squeezed, o // 2, 1), wide, join=True)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.expand(torch.relu(self.squeeze(x))))


@family("squeezenet", 64)
def squeezenet() -> nn.Module:
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    fires = [Fire(32, 64, 8), Fire(64, 64, 8), pool, Fire(64, 96, 12), Fire(96, 96, 12)]
    head = [nn.Conv2d(96, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(nn.Conv2d(3, 32, 3, 2), nn.ReLU(), pool, *fires, *head)


class Basic(nn.Module):
    """ResNet's basic block; where sizes change, the shortcut is a convolution or (paper: option A)
    every second pixel with zero channels around."""

    def __init__(self, i: int, o: int, stride: int, pads: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(i, o, 3, stride), conv(o, o, act=None))
        self.stride, self.more, self.pads = stride, o - i, pads
        changes = stride > 1 or i != o
        self.short = conv(i, o, 1, stride, act=None) if changes and not pads else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        if self.pads and self.more:
            zeros = (0, 0, 0, 0, self.more // 2, self.more - self.more // 2)
            x = functional.pad(x[:, :, :: self.stride, :: self.stride], zeros)
        return torch.relu(y + self.short(x))


def resnet(blocks: int, *, pads: bool) -> nn.Module:
    plan = [
        (w, 2 if n and not b else 1, pads)
        for n, w in enumerate((16, 32, 64))
        for b in range(blocks)
    ]
    layers, last = chain(16, plan, Basic)
    return nn.Sequential(conv(3, 16), *layers, classifier(last))


family("resnet8", 32)(lambda: resnet(1, pads=False))
family("resnet20", 32)(lambda: resnet(3, pads=True))


class Grouped(nn.Module):
    """RegNetX: a bottleneck whose middle convolution is of groups of 8 channels."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        middle = conv(o, o, 3, stride, groups=o // 8)
        self.body = nn.Sequential(conv(i, o, 1), middle, conv(o, o, 1, act=None))
        self.short = conv(i, o, 1, stride, act=None) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.short(x))


@family("regnet_x", 64)
def regnet_x() -> nn.Module:
    layers, last = chain(16, [(24, 2), (24, 1), (56, 2), (56, 1), (112, 2)], Grouped)
    return nn.Sequential(conv(3, 16, stride=2), *layers, classifier(last))


class RepVgg(nn.Module):
    """As trained: 3x3, 1x1 and the input itself, each with a batch norm, added, then ReLU."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        branches: list[nn.Module] = [
            conv(i, o, 3, stride, act=None),
            conv(i, o, 1, stride, act=None),
        ]
        if stride == 1 and i == o:
            branches.append(nn.BatchNorm2d(o))
        self.body = Parallel(*branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x))


@family("repvgg", 48)
def repvgg() -> nn.Module:
    layers, last = chain(3, [(16, 2), (24, 2), (24, 1), (48, 2), (48, 1), (96, 2)], RepVgg)
    return nn.Sequential(*layers, classifier(last))


class MobileOne(nn.Module):
    """As trained: several depthwise branches and several pointwise ones."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        deep = [conv(i, i, 3, stride, act=None, groups=i) for _ in range(3)]
        deep.append(conv(i, i, 1, stride, act=None, groups=i))
        wide: list[nn.Module] = [conv(i, o, 1, act=None) for _ in range(3)]
        same = [nn.BatchNorm2d(i)] if stride == 1 else []
        self.deep = Parallel(*deep, *same)
        self.wide = Parallel(*wide, *([nn.BatchNorm2d(i)] if i == o else []))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.wide(torch.relu(self.deep(x))))


@family("mobileone", 48)
def mobileone() -> nn.Module:
    layers, last = chain(16, [(24, 2), (24, 1), (48, 2), (48, 1), (64, 2)], MobileOne)
    return nn.Sequential(conv(3, 16, stride=2), *layers, classifier(last))


class Star(nn.Module):
    """StarNet: two projections, one through ReLU6, multiplied."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.before = conv(channels, channels, 7, groups=channels, act=None)
        self.left, self.right = (
            nn.Conv2d(channels, 3 * channels, 1),
            nn.Conv2d(channels, 3 * channels, 1),
        )
        self.back = conv(3 * channels, channels, 1, act=None)
        self.after = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        return x + self.after(self.back(functional.relu6(self.left(y)) * self.right(y)))


@family("starnet", 48)
def starnet() -> nn.Module:
    stages = [
        conv(16, 24, stride=2, act=None),
        Star(24),
        conv(24, 48, stride=2, act=None),
        Star(48),
    ]
    return nn.Sequential(
        conv(3, 16, stride=2, act=nn.ReLU6), *stages, nn.BatchNorm2d(48), classifier(48)
    )


@family("convmixer", 48)
def convmixer() -> nn.Module:
    """GELU before the batch norm: nothing linear beside it to fold the norm into."""

    def layer(i: int, o: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
        pad = 0 if stride > 1 else kernel // 2
        return nn.Sequential(
            nn.Conv2d(i, o, kernel, stride, pad, 1, groups), nn.GELU(), nn.BatchNorm2d(o)
        )

    blocks = [nn.Sequential(Residual(layer(32, 32, 5, 1, 32)), layer(32, 32, 1)) for _ in range(2)]
    return nn.Sequential(layer(3, 32, 4, 4), *blocks, classifier(32))


@family("simplenet", 32)
def simplenet() -> nn.Module:
    """Nothing but 3x3 convolutions and max pools."""
    layers: list[nn.Module] = [conv(3, 12), conv(12, 20), conv(20, 20), nn.MaxPool2d(2)]
    layers += [conv(20, 28), nn.MaxPool2d(2), conv(28, 32), nn.MaxPool2d(2), conv(32, 48, 1)]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(48, 10))


class DenseLayer(nn.Module):
    """Batch norm and ReLU first; what is new goes behind what was there."""

    def __init__(self, i: int, growth: int) -> None:
        super().__init__()
        narrow = [nn.BatchNorm2d(i), nn.ReLU(), conv(i, 4 * growth, 1)]
        self.body = nn.Sequential(*narrow, nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], 1)


@family("densenet", 32)
def densenet() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, 2, 1, bias=False)]
    channels = 16
    for stage in range(2):
        for _ in range(3):
            layers.append(DenseLayer(channels, 8))
            channels += 8
        if not stage:
            layers += [
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, 20, 1),
                nn.AvgPool2d(2),
            ]
            channels = 20
    return nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU(), classifier(channels))


class Cell(nn.Module):
    """A cell in the manner of NASNet-A: separable convolutions, pools and skips of two inputs."""

    def __init__(self, before: int, now: int, width: int) -> None:
        super().__init__()
        self.fit_before, self.fit_now = (
            conv(before, width, 1, act=None),
            conv(now, width, 1, act=None),
        )
        self.a, self.b = separable(width, width, kernel=5), separable(width, width)
        self.c = separable(width, width, kernel=5)
        self.pool = nn.AvgPool2d(3, 1, 1)

    def forward(self, before: Tensor, now: Tensor) -> Tensor:
        p, h = self.fit_before(torch.relu(before)), self.fit_now(torch.relu(now))
        parts = [
            h + self.a(h),
            self.pool(h) + p,
            self.pool(p) + self.pool(h),
            self.b(p) + self.c(h),
        ]
        return torch.cat([p, *parts], 1)


class Nasnet(nn.Module):
    """Two cells, a reduction by pooling at two offsets, one more cell."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 16, stride=2, act=None)
        self.one, self.two, self.three = Cell(16, 16, 12), Cell(16, 60, 12), Cell(60, 60, 16)
        self.thin = nn.AvgPool2d(1, 2)
        self.head = classifier(80)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.one(x, x)
        z = self.two(x, y)
        return self.head(torch.relu(self.three(self.thin(y), self.thin(z))))


family("nasnet_a", 32)(Nasnet)


@family("ds_cnn", 49, channels=1)
def ds_cnn() -> nn.Module:
    """Keyword spotting on a map of 49 moments (here as many coefficients)."""
    first = nn.Sequential(
        nn.Conv2d(1, 32, (10, 4), 2, (4, 1), bias=False), nn.BatchNorm2d(32), nn.ReLU()
    )
    return nn.Sequential(first, *(separable(32, 32) for _ in range(3)), classifier(32, 12))
