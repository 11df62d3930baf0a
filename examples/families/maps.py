"""Networks whose answer is a picture or a map: segmentation, super-resolution, autoencoders."""

from __future__ import annotations

import torch
from parts import InvertedResidual, conv, separable
from registry import family
from torch import Tensor, nn
from torch.nn import functional


class UNet(nn.Module):
    """Two scales down and up again; `up` makes the way up."""

    def __init__(self, up: str) -> None:
        super().__init__()
        self.one, self.two, self.three = conv(3, 8), conv(8, 16), conv(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.rise, self.raise_ = self._up(up, 32, 16), self._up(up, 16, 8)
        self.join_two, self.join_one = conv(32, 16), conv(16, 8)
        self.last = nn.Conv2d(8, 2, 1)

    @staticmethod
    def _up(up: str, i: int, o: int) -> nn.Module:
        if up == "transposed":
            return nn.ConvTranspose2d(i, o, 2, 2)
        scale = nn.Upsample(
            scale_factor=2, mode=up, align_corners=False if up == "bilinear" else None
        )
        return nn.Sequential(scale, nn.Conv2d(i, o, 1))

    def forward(self, x: Tensor) -> Tensor:
        one = self.one(x)
        two = self.two(self.pool(one))
        three = self.three(self.pool(two))
        two = self.join_two(torch.cat([self.rise(three), two], 1))
        return self.last(self.join_one(torch.cat([self.raise_(two), one], 1)))


for kind in ("nearest", "bilinear", "transposed"):
    family(f"unet_{kind}", 32)(lambda kind=kind: UNet(kind))


class DeepLab(nn.Module):
    """Dilated convolutions side by side with the mean of the picture, enlarged at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 16, stride=2, act=nn.ReLU6),
            InvertedResidual(16, 24, 2, 4),
            InvertedResidual(24, 32, 1, 4),
        )
        self.sides = nn.ModuleList(
            [conv(32, 16, 1), conv(32, 16, 3, dilation=2), conv(32, 16, 3, dilation=4)]
        )
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(32, 16, 1), nn.ReLU())
        self.join, self.last = conv(64, 24, 1), nn.Conv2d(24, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        mean = functional.interpolate(
            self.mean(y), size=y.shape[2:], mode="bilinear", align_corners=False
        )
        y = self.last(self.join(torch.cat([*(side(y) for side in self.sides), mean], 1)))
        return functional.interpolate(y, size=x.shape[2:], mode="bilinear", align_corners=False)


family("deeplab", 48)(DeepLab)


class FastScnn(nn.Module):
    """A shallow branch of detail and a deep one of context, added."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(conv(3, 8, stride=2), separable(8, 16, 2))
        self.deep = nn.Sequential(InvertedResidual(16, 24, 2, 4), InvertedResidual(24, 24, 1, 4))
        self.detail = nn.Conv2d(16, 32, 1)
        self.context = nn.Sequential(conv(24, 24, groups=24, dilation=2), nn.Conv2d(24, 32, 1))
        self.last = nn.Sequential(separable(32, 32), nn.Conv2d(32, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        deep = functional.interpolate(
            self.deep(x), size=x.shape[2:], mode="bilinear", align_corners=True
        )
        return self.last(torch.relu(self.detail(x) + self.context(deep)))


family("fast_scnn", 64)(FastScnn)


@family("espcn", 32, channels=1)
def espcn() -> nn.Module:
    """Twice the size by moving channels into pixels."""
    layers = [nn.Conv2d(1, 24, 5, padding=2), nn.Tanh(), nn.Conv2d(24, 16, 3, padding=1), nn.Tanh()]
    return nn.Sequential(*layers, nn.Conv2d(16, 4, 3, padding=1), nn.PixelShuffle(2))


@family("fsrcnn", 24, channels=1)
def fsrcnn() -> nn.Module:
    """Three times the size by a transposed convolution of 9x9."""
    layers: list[nn.Module] = [
        nn.Conv2d(1, 24, 5, padding=2),
        nn.PReLU(24),
        nn.Conv2d(24, 8, 1),
        nn.PReLU(8),
    ]
    for _ in range(2):
        layers += [nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8)]
    layers += [nn.Conv2d(8, 24, 1), nn.PReLU(24)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(24, 1, 9, 3, 4, 2))


class SearchedSr(nn.Module):
    """In the manner of QuantNAS: residual blocks within a long skip, pixels from channels."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 12, 3, padding=1)
        block = [nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 1)]
        self.body = nn.Sequential(*block, nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1))
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.shuffle(self.last(x + self.body(x)))


family("quantnas_sr", 24)(SearchedSr)


class Denoiser(nn.Module):
    """DnCNN: what is predicted is the noise."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(1, 16), conv(16, 16), conv(16, 16), nn.Conv2d(16, 1, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x - self.body(x)


family("denoiser", 32, channels=1)(Denoiser)


@family("autoencoder", 32, channels=1)
def autoencoder() -> nn.Module:
    """For anomalies: strided convolutions down, transposed ones of 2x2 and 4x4 up."""
    down = [conv(1, 8, stride=2), conv(8, 16, stride=2), conv(16, 8, stride=2)]
    up = [nn.ConvTranspose2d(8, 16, 2, 2), nn.ReLU(), nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU()]
    return nn.Sequential(*down, *up, nn.ConvTranspose2d(8, 1, 2, 2), nn.Sigmoid())
