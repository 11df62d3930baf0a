"""Detectors, keypoints and several tasks at once: raw heads, as firmware reads them."""

from __future__ import annotations

import torch
from parts import InvertedResidual, chain, conv, separable
from registry import family
from torch import Tensor, nn
from torch.nn import functional


def backbone(widths: tuple[int, int, int], act: type[nn.Module] = nn.ReLU6) -> nn.ModuleList:
    """Three stages, at an eighth, a sixteenth and a thirty-second of the picture."""
    a, b, c = widths
    first = nn.Sequential(
        conv(3, 8, stride=2, act=act),
        InvertedResidual(8, 16, 2, 3, act=act),
        InvertedResidual(16, a, 2, 3, act=act),
    )
    return nn.ModuleList(
        [first, InvertedResidual(a, b, 2, 3, act=act), InvertedResidual(b, c, 2, 3, act=act)]
    )


class Heads(nn.Module):
    """One layer a scale, of `channels` numbers a cell."""

    def __init__(self, widths: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(width, channels, 1) for width in widths])

    def forward(self, maps: list[Tensor]) -> tuple[Tensor, ...]:
        return tuple(head(x) for head, x in zip(self.heads, maps, strict=True))


def scales(stages: nn.ModuleList, x: Tensor) -> list[Tensor]:
    """What every stage makes."""
    maps = []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    return maps


class SsdLite(nn.Module):
    """Scores and boxes of 3 anchors a cell at two scales, joined as anchors are numbered."""

    def __init__(self, classes: int = 3, anchors: int = 3) -> None:
        super().__init__()
        self.stages, self.classes = backbone((24, 32, 48)), classes
        self.scores = nn.ModuleList(
            [nn.Sequential(separable(w, w), nn.Conv2d(w, anchors * classes, 1)) for w in (32, 48)]
        )
        self.boxes = nn.ModuleList(
            [nn.Sequential(separable(w, w), nn.Conv2d(w, anchors * 4, 1)) for w in (32, 48)]
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        maps = scales(self.stages, x)[1:]
        scores = [
            head(y).permute(0, 2, 3, 1).reshape(1, -1, self.classes)
            for head, y in zip(self.scores, maps, strict=True)
        ]
        boxes = [
            head(y).permute(0, 2, 3, 1).reshape(1, -1, 4)
            for head, y in zip(self.boxes, maps, strict=True)
        ]
        return torch.cat(scores, 1).softmax(-1), torch.cat(boxes, 1)


family("ssdlite", 96)(SsdLite)


class YoloV3Tiny(nn.Module):
    """Convolutions and max pools; the second scale joins what is enlarged with what was there."""

    def __init__(self) -> None:
        super().__init__()
        act, pool = nn.LeakyReLU, nn.MaxPool2d(2)
        layers, _ = chain(
            3, [(8,), (16,), (24,), (32,)], lambda i, o: nn.Sequential(conv(i, o, act=act), pool)
        )
        self.body, self.deep = (
            nn.Sequential(*layers),
            nn.Sequential(conv(32, 48, act=act), pool, conv(48, 64, act=act)),
        )
        self.side = conv(64, 16, 1, act=act)
        self.coarse, self.fine = (
            nn.Conv2d(64, 21, 1),
            nn.Sequential(conv(48, 32, act=act), nn.Conv2d(32, 21, 1)),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.body(x)
        deep = self.deep(x)
        up = functional.interpolate(self.side(deep), scale_factor=2.0, mode="nearest")
        return self.coarse(deep), self.fine(torch.cat([up, x], 1))


family("yolov3_tiny", 96)(YoloV3Tiny)


class SplitJoin(nn.Module):
    """YOLOv8's C2f: half goes through bottlenecks, everything on the way is joined."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.half = o // 2
        self.first, self.last = conv(i, o, 1, act=nn.SiLU), conv(o + self.half, o, 1, act=nn.SiLU)
        self.block = nn.Sequential(
            conv(self.half, self.half, act=nn.SiLU), conv(self.half, self.half, act=nn.SiLU)
        )

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.first(x).split(self.half, 1)
        return self.last(torch.cat([left, right, right + self.block(right)], 1))


class YoloV8(nn.Module):
    """C2f, pyramid pooling, and heads of class scores beside distributions of box sides."""

    def __init__(self, classes: int = 2, bins: int = 8) -> None:
        super().__init__()
        down = lambda i, o: conv(i, o, stride=2, act=nn.SiLU)  # noqa: E731
        self.one = nn.Sequential(
            down(3, 8), down(8, 16), SplitJoin(16, 16), down(16, 32), SplitJoin(32, 32)
        )
        self.two, self.narrow, self.wide = (
            down(32, 48),
            conv(48, 24, 1, act=nn.SiLU),
            conv(96, 48, 1, act=nn.SiLU),
        )
        self.pool, self.join = nn.MaxPool2d(5, 1, 2), SplitJoin(80, 32)
        self.heads = nn.ModuleList(
            [
                nn.ModuleList(
                    [
                        nn.Sequential(conv(w, 16, act=nn.SiLU), nn.Conv2d(16, n, 1))
                        for n in (4 * bins, classes)
                    ]
                )
                for w in (32, 48)
            ]
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        one = self.one(x)
        y = self.narrow(self.two(one))
        a, b = self.pool(y), self.pool(self.pool(y))
        two = self.wide(torch.cat([y, a, b, self.pool(b)], 1))
        one = self.join(torch.cat([functional.interpolate(two, scale_factor=2.0), one], 1))
        maps = zip(self.heads, (one, two), strict=True)
        return tuple(head(y) for pair, y in maps for head in pair)


family("yolov8", 96)(YoloV8)


class Pan(nn.Module):
    """Down, up and down again (NanoDet, PicoDet): bilinear up, `down` by what is given."""

    def __init__(self, act: type[nn.Module], outputs: int, *, strided: bool) -> None:
        super().__init__()
        self.stages, width = backbone((24, 32, 48), act), 24
        self.fit = nn.ModuleList([conv(w, width, 1, act=act) for w in (24, 32, 48)])
        self.down = (
            nn.ModuleList([separable(width, width, 2, act=act) for _ in range(2)])
            if strided
            else None
        )
        self.heads = nn.ModuleList(
            [
                nn.Sequential(separable(width, width, act=act), nn.Conv2d(width, outputs, 1))
                for _ in range(3)
            ]
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        one, two, three = (fit(y) for fit, y in zip(self.fit, scales(self.stages, x), strict=True))
        two = two + self._resized(three, 2.0)
        one = one + self._resized(two, 2.0)
        two = two + (self._resized(one, 0.5) if self.down is None else self.down[0](one))
        three = three + (self._resized(two, 0.5) if self.down is None else self.down[1](two))
        return tuple(head(y) for head, y in zip(self.heads, (one, two, three), strict=True))

    @staticmethod
    def _resized(x: Tensor, factor: float) -> Tensor:
        return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


family("nanodet", 96)(lambda: Pan(nn.LeakyReLU, 2 + 32, strided=False))
family("picodet", 96)(lambda: Pan(nn.Hardswish, 2 + 32, strided=True))


@family("fomo", 96)
def fomo() -> nn.Module:
    """A class a cell, at an eighth of the picture."""
    plan = [(8, 1, 1), (16, 2, 6), (16, 1, 6), (24, 2, 6), (24, 1, 6)]
    layers, last = chain(16, plan, InvertedResidual)
    head = [nn.Conv2d(last, 32, 1), nn.ReLU(), nn.Conv2d(32, 3, 1), nn.Softmax(1)]
    return nn.Sequential(conv(3, 16, stride=2, act=nn.ReLU6), *layers, *head)


class BlazeBlock(nn.Module):
    """Depthwise 5x5 and pointwise beside a shortcut whose missing channels are zeros."""

    def __init__(self, i: int, o: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(i, i, 5, stride, 2, groups=i), nn.Conv2d(i, o, 1))
        self.more, self.pool = o - i, nn.MaxPool2d(2) if stride == 2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        short = self.pool(x)
        if self.more:
            short = functional.pad(short, (0, 0, 0, 0, 0, self.more))
        return torch.relu(self.body(x) + short)


class BlazeFace(nn.Module):
    """Two maps of anchors, 16 numbers and a score each."""

    def __init__(self) -> None:
        super().__init__()
        layers, _ = chain(12, [(12, 1), (16, 1), (24, 2), (28, 1), (32, 2)], BlazeBlock)
        self.fine = nn.Sequential(nn.Conv2d(3, 12, 5, 2, 2), nn.ReLU(), *layers)
        self.coarse = nn.Sequential(BlazeBlock(32, 48, 2), BlazeBlock(48, 48, 1))
        self.heads = Heads((32, 48), 2 * 17)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        fine = self.fine(x)
        return self.heads([fine, self.coarse(fine)])


family("blazeface", 96)(BlazeFace)


class Upward(nn.Module):
    """A backbone and transposed convolutions of 4x4 up to a quarter of the picture."""

    def __init__(self, outputs: tuple[int, ...]) -> None:
        super().__init__()
        self.stages = backbone((24, 32, 48))
        layers: list[nn.Module] = []
        for i, o in ((48, 32), (32, 24), (24, 16)):
            layers += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.up = nn.Sequential(*layers)
        self.heads = nn.ModuleList(
            [nn.Sequential(conv(16, 16), nn.Conv2d(16, n, 1)) for n in outputs]
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = self.up(scales(self.stages, x)[-1])
        return tuple(head(x) for head in self.heads)


family("centernet", 64)(lambda: Upward((2, 2, 2)))  # heat, size, offset
family("keypoints", 64)(lambda: Upward((17,)))


class MultiTask(nn.Module):
    """One body, a class, a mask and a depth (FBNetV5's kind)."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = backbone((24, 32, 48), nn.Hardswish)
        self.label = nn.Linear(48, 10)
        self.mask, self.depth = nn.Conv2d(24, 4, 1), nn.Conv2d(24, 1, 3, padding=1)
        self.fit = nn.Conv2d(48, 24, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        one, _, three = scales(self.stages, x)
        y = one + functional.interpolate(
            self.fit(three), scale_factor=4.0, mode="bilinear", align_corners=False
        )
        mask = functional.interpolate(
            self.mask(y), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        return self.label(three.mean((2, 3))), mask, torch.sigmoid(self.depth(y))


family("multi_task", 96)(MultiTask)


class TwoScales(nn.Module):
    """The picture and half of it through one body, the features joined (S2)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv(3, 16, stride=2), separable(16, 24, 2), separable(24, 32, 2))
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        half = functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)
        return self.head(torch.cat([self.body(y).mean((2, 3)) for y in (x, half)], 1))


family("two_scales", 64)(TwoScales)
