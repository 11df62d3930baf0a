"""Mobile classifiers: MobileNets, MCUNet and those found by search."""

from __future__ import annotations

from typing import Any

import torch
from parts import InvertedResidual, SqueezeExcite, chain, classifier, conv, separable
from registry import family
from torch import Tensor, nn


@family("mobilenet_v1", 64)
def mobilenet_v1() -> nn.Module:
    """Width 0.25."""
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1)]
    layers, last = chain(8, blocks, separable)
    return nn.Sequential(conv(3, 8, stride=2), *layers, classifier(last))


def inverted(first: int, blocks: list[tuple[Any, ...]], **options: Any) -> nn.Module:
    """A stem, inverted residuals (channels, stride, expansion, kernel), a classifier."""
    act = options.get("act", nn.ReLU6)
    layers, last = chain(first, blocks, lambda *block: InvertedResidual(*block, **options))
    return nn.Sequential(conv(3, first, stride=2, act=act), *layers, classifier(last))


@family("mobilenet_v2", 64)
def mobilenet_v2() -> nn.Module:
    """Width 0.35."""
    plan = [(8, 1, 1), (8, 2, 6), (8, 1, 6), (16, 2, 6), (16, 1, 6), (24, 2, 6), (24, 1, 6)]
    return inverted(16, [*plan, (32, 1, 6), (56, 2, 6), (56, 1, 6), (112, 1, 6)])


@family("mobilenet_v3", 64)
def mobilenet_v3() -> nn.Module:
    """The small one's kinds of blocks: ReLU, then hard swish, gated, kernels of 5."""
    layers: list[nn.Module] = [
        InvertedResidual(16, 16, 2, 1, act=nn.ReLU, excite=True),
        InvertedResidual(16, 24, 2, 4.5, act=nn.ReLU),
        InvertedResidual(24, 24, 1, 3.7, act=nn.ReLU),
    ]
    plan = [(32, 2, 4, 5), (32, 1, 6, 5), (48, 2, 6, 5), (48, 1, 6, 5)]
    more, last = chain(24, plan, lambda *b: InvertedResidual(*b, act=nn.Hardswish, excite=True))
    head = [conv(last, 96, 1, act=nn.Hardswish), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    tail = [nn.Linear(96, 64), nn.Hardswish(), nn.Linear(64, 10)]
    return nn.Sequential(conv(3, 16, stride=2, act=nn.Hardswish), *layers, *more, *head, *tail)


class UniversalInverted(nn.Module):
    """MobileNetV4's block: depthwise before the expansion, within, both or neither."""

    def __init__(self, i: int, o: int, stride: int, expand: int, before: int, within: int) -> None:
        super().__init__()
        hidden = i * expand
        body: list[nn.Module] = []
        if before:
            body.append(conv(i, i, before, 1 if within else stride, act=None, groups=i))
        body.append(conv(i, hidden, 1))
        if within:
            body.append(conv(hidden, hidden, within, stride, groups=hidden))
        self.body = nn.Sequential(*body, conv(hidden, o, 1, act=None))
        self.is_residual = stride == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.is_residual else self.body(x)


@family("mobilenet_v4", 64)
def mobilenet_v4() -> nn.Module:
    plan = [
        (32, 2, 3, 5, 5),
        (32, 1, 2, 0, 3),
        (32, 1, 4, 3, 0),
        (48, 2, 6, 3, 3),
        (48, 1, 4, 0, 0),
    ]
    layers, last = chain(24, plan, UniversalInverted)
    stem = [conv(3, 16, stride=2), conv(16, 24, stride=2)]
    return nn.Sequential(*stem, *layers, conv(last, 96, 1), classifier(96))


@family("mcunet", 80)
def mcunet() -> nn.Module:
    """What a search for a microcontroller finds: kernels of 3, 5 and 7, uneven expansions."""
    plan = [(8, 1, 1, 3), (8, 2, 3, 7), (8, 1, 4, 3), (16, 2, 5, 5), (16, 1, 4, 7), (24, 2, 6, 5)]
    return inverted(16, [*plan, (24, 1, 4, 3), (40, 2, 5, 7), (48, 1, 6, 3)])


@family("proxylessnas", 64)
def proxylessnas() -> nn.Module:
    plan = [(8, 1, 1, 3), (16, 2, 3, 5), (16, 1, 3, 3), (24, 2, 3, 7), (24, 1, 3, 3)]
    return inverted(16, [*plan, (40, 2, 6, 7), (40, 1, 3, 5), (48, 1, 6, 5)])


@family("mnasnet", 64)
def mnasnet() -> nn.Module:
    """The one with gates, in ReLU."""
    plan = [(8, 1, 1, 3), (16, 2, 6, 3), (16, 1, 6, 3), (24, 2, 3, 5), (24, 1, 3, 5)]
    return inverted(16, [*plan, (40, 2, 6, 3), (40, 1, 6, 5)], act=nn.ReLU, excite=True)


@family("fbnet_c", 64)
def fbnet_c() -> nn.Module:
    plan = [(16, 1, 1, 3), (24, 2, 6, 3), (24, 1, 1, 3), (32, 2, 6, 5), (32, 1, 3, 5)]
    return inverted(16, [*plan, (64, 2, 6, 5), (64, 1, 6, 5)], act=nn.ReLU)


@family("fbnet_v3", 64)
def fbnet_v3() -> nn.Module:
    plan = [(16, 1, 1, 3), (24, 2, 4, 5), (24, 1, 2, 5), (40, 2, 5, 5), (40, 1, 3, 3)]
    return inverted(16, plan, act=nn.Hardswish, excite=True)


@family("efficientnet_lite", 64)
def efficientnet_lite() -> nn.Module:
    plan = [
        (16, 1, 1, 3),
        (24, 2, 6, 3),
        (24, 1, 6, 3),
        (40, 2, 6, 5),
        (40, 1, 6, 5),
        (80, 2, 6, 3),
    ]
    return inverted(32, [*plan, (80, 1, 6, 3)])


@family("efficientnet_b0", 64)
def efficientnet_b0() -> nn.Module:
    """SiLU and gates everywhere."""
    plan = [(16, 1, 1, 3), (24, 2, 6, 3), (24, 1, 6, 3), (40, 2, 6, 5), (40, 1, 6, 5)]
    return inverted(32, plan, act=nn.SiLU, excite=True)


@family("tinynet_e", 74)
def tinynet_e() -> nn.Module:
    """EfficientNet scaled down: an odd size of picture, narrow and flat."""
    plan = [(8, 1, 1, 3), (16, 2, 6, 3), (24, 2, 6, 5), (40, 2, 6, 3), (56, 1, 6, 5)]
    return inverted(16, plan, act=nn.SiLU, excite=True)


@family("lcnet", 64)
def lcnet() -> nn.Module:
    """Hard swish, large kernels late, gates last."""
    plan = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2, 5), (128, 1, 5)]
    layers, last = chain(8, plan, lambda *block: separable(*block, act=nn.Hardswish))
    layers.insert(-1, SqueezeExcite(last, last // 4))
    head = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(last, 160, 1), nn.Hardswish(), nn.Flatten()]
    return nn.Sequential(conv(3, 8, stride=2, act=nn.Hardswish), *layers, *head, nn.Linear(160, 10))


class Ghost(nn.Module):
    """Half of the channels by a convolution, the other half from them by a cheap depthwise one."""

    def __init__(self, i: int, o: int, act: bool) -> None:
        super().__init__()
        kind = nn.ReLU if act else None
        self.first = conv(i, o // 2, 1, act=kind)
        self.cheap = conv(o // 2, o // 2, groups=o // 2, act=kind)

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return torch.cat([first, self.cheap(first)], 1)


class GhostBlock(nn.Module):
    """GhostNet's bottleneck, with a shortcut of its own where sizes change."""

    def __init__(self, i: int, o: int, stride: int, hidden: int, excite: bool = False) -> None:
        super().__init__()
        body: list[nn.Module] = [Ghost(i, hidden, act=True)]
        if stride > 1:
            body.append(conv(hidden, hidden, stride=stride, groups=hidden, act=None))
        if excite:
            body.append(SqueezeExcite(hidden, hidden // 4))
        self.body = nn.Sequential(*body, Ghost(hidden, o, act=False))
        down = conv(i, i, stride=stride, groups=i, act=None)
        same = stride == 1 and i == o
        self.short = nn.Identity() if same else nn.Sequential(down, conv(i, o, 1, act=None))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.short(x)


@family("ghostnet", 64)
def ghostnet() -> nn.Module:
    plan = [(16, 1, 16), (24, 2, 48), (24, 1, 72), (40, 2, 72, True), (40, 1, 120, True)]
    layers, last = chain(16, plan, GhostBlock)
    return nn.Sequential(conv(3, 16, stride=2), *layers, conv(last, 96, 1), classifier(96))


class RepGhost(nn.Module):
    """As trained: the depthwise branch beside a batch norm of the input, added, then ReLU."""

    def __init__(self, i: int, o: int, act: bool) -> None:
        super().__init__()
        self.first = conv(i, o, 1, act=nn.ReLU if act else None)
        self.cheap, self.same = conv(o, o, groups=o, act=None), nn.BatchNorm2d(o)
        self.last = nn.ReLU() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(self.cheap(x) + self.same(x))


@family("repghost", 64)
def repghost() -> nn.Module:
    def block(i: int, o: int, stride: int, hidden: int) -> nn.Module:
        down = conv(hidden, hidden, stride=stride, groups=hidden, act=None)
        return nn.Sequential(RepGhost(i, hidden, act=True), down, RepGhost(hidden, o, act=False))

    layers, last = chain(16, [(24, 2, 24), (24, 1, 36), (40, 2, 36), (40, 1, 60)], block)
    return nn.Sequential(conv(3, 16, stride=2), *layers, conv(last, 96, 1), classifier(96))


class Shuffle(nn.Module):
    """ShuffleNetV2's unit: half of the channels go through, the halves are interleaved."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        half = o // 2
        self.stride = stride
        start = half if stride == 1 else i
        self.body = nn.Sequential(
            conv(start, half, 1),
            conv(half, half, stride=stride, groups=half, act=None),
            conv(half, half, 1),
        )
        down = conv(i, i, stride=stride, groups=i, act=None)
        self.short = nn.Identity() if stride == 1 else nn.Sequential(down, conv(i, half, 1))

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1) if self.stride == 1 else (x, x)
        x = torch.cat([self.short(left), self.body(right)], 1)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


@family("shufflenet_v2", 64)
def shufflenet_v2() -> nn.Module:
    layers, last = chain(24, [(48, 2), (48, 1), (48, 1), (96, 2), (96, 1)], Shuffle)
    stem = [conv(3, 24, stride=2), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *layers, conv(last, 128, 1), classifier(128))
