"""Transformers, mixers, modulators and what else normalises or attends."""

from __future__ import annotations

import torch
from parts import InvertedResidual, Residual, classifier, conv
from registry import family
from torch import Tensor, nn
from torch.nn import functional


class SelfAttention(nn.Module):
    """Queries, keys and values from one layer, heads side by side; written out or torch's own."""

    def __init__(self, width: int, heads: int, *, own: bool = True) -> None:
        super().__init__()
        self.heads, self.own = heads, own
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        parts = self.qkv(x).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        if self.own:
            scores = (q @ k.transpose(-2, -1)) * (width // self.heads) ** -0.5
            mixed = scores.softmax(-1) @ v
        else:
            mixed = functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(n, tokens, width))


def mlp(width: int, hidden: int, outputs: int | None = None) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, outputs or width))


def encoder(width: int, heads: int, ratio: int = 2, *, own: bool = True) -> nn.Sequential:
    """Norm, attention, norm, two layers; each added to what came in."""
    attention = SelfAttention(width, heads, own=own)
    return nn.Sequential(
        Residual(nn.LayerNorm(width), attention),
        Residual(nn.LayerNorm(width), mlp(width, ratio * width)),
    )


class Cct(nn.Module):
    """Compact convolutional transformer: convolutions make tokens, attention pools them."""

    def __init__(self, width: int = 64, first: int = 32, classes: int = 10) -> None:
        super().__init__()
        heads, layers, side = 2, 2, 8
        self.tokens = nn.Sequential(
            nn.Conv2d(3, first, 3, 1, 1, bias=False),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            nn.Conv2d(first, width, 3, 1, 1, bias=False),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.places = nn.Parameter(0.2 * torch.randn(1, side * side, width))
        self.body = nn.Sequential(
            *(encoder(width, heads, 1) for _ in range(layers)), nn.LayerNorm(width)
        )
        self.weigh, self.head = nn.Linear(width, 1), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(self.tokens(x).flatten(2).transpose(1, 2) + self.places)
        return self.head((self.weigh(x).softmax(1).transpose(1, 2) @ x).squeeze(1))


family("cct", 32)(Cct)


class Vit(nn.Module):
    """Patches and a class token."""

    def __init__(self, width: int = 48, heads: int = 3, patch: int = 8, side: int = 48) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(0.2 * torch.randn(1, 1, width))
        self.places = nn.Parameter(0.2 * torch.randn(1, (side // patch) ** 2 + 1, width))
        self.body = nn.Sequential(
            *(encoder(width, heads, own=False) for _ in range(2)), nn.LayerNorm(width)
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.body(x)[:, 0])


family("vit_tiny", 48)(Vit)


class Windows(nn.Module):
    """Attention within windows of a picture, shifted by half a window or not (Swin, TinyViT)."""

    def __init__(self, width: int, heads: int, window: int, shift: int = 0) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm, self.attention = nn.LayerNorm(width), SelfAttention(width, heads)

    def forward(self, x: Tensor) -> Tensor:
        n, h, w, c = x.shape
        s = self.window
        y = self.norm(x)
        if self.shift:
            y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = y.view(n, h // s, s, w // s, s, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, s * s, c)
        y = (
            self.attention(y)
            .view(n, h // s, w // s, s, s, c)
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(n, h, w, c)
        )
        if self.shift:
            y = torch.roll(y, (self.shift, self.shift), (1, 2))
        return x + y


class ChannelsLast(nn.Module):
    """A body that works on (N, H, W, C) within a network of (N, C, H, W)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@family("swin", 32)
def swin() -> nn.Module:
    width = 32
    block = [Windows(width, 2, 4), Residual(nn.LayerNorm(width), mlp(width, 64))]
    shifted = [Windows(width, 2, 4, 2), Residual(nn.LayerNorm(width), mlp(width, 64))]
    return nn.Sequential(
        nn.Conv2d(3, width, 4, 4), ChannelsLast(*block, *shifted), classifier(width)
    )


@family("tiny_vit", 64)
def tiny_vit() -> nn.Module:
    """Inverted residuals first, then windows with a depthwise convolution between."""
    first = [conv(3, 16, stride=2, act=nn.GELU), InvertedResidual(16, 32, 2, 3, act=nn.GELU)]
    block = [ChannelsLast(Windows(32, 2, 4)), conv(32, 32, groups=32, act=None)]
    return nn.Sequential(
        *first, *block, ChannelsLast(Residual(nn.LayerNorm(32), mlp(32, 64))), classifier(32)
    )


class MobileVitBlock(nn.Module):
    """A transformer over the pixels at one place of every 2x2 patch, joined with what came in."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.into = nn.Sequential(
            conv(channels, channels, act=nn.SiLU), nn.Conv2d(channels, width, 1)
        )
        self.body = nn.Sequential(encoder(width, 2), nn.LayerNorm(width))
        self.back, self.join = (
            conv(width, channels, 1, act=nn.SiLU),
            conv(2 * channels, channels, act=nn.SiLU),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.into(x)
        n, c, h, w = y.shape
        y = y.reshape(n * c * (h // 2), 2, w // 2, 2).transpose(1, 2)
        y = y.reshape(n, c, (h // 2) * (w // 2), 4).transpose(1, 3).reshape(4 * n, -1, c)
        y = self.body(y)
        y = y.view(n, 4, -1, c).transpose(1, 3).reshape(n * c * (h // 2), w // 2, 2, 2)
        y = y.transpose(1, 2).reshape(n, c, h, w)
        return self.join(torch.cat([x, self.back(y)], 1))


@family("mobilevit", 64)
def mobilevit() -> nn.Module:
    first = [conv(3, 8, stride=2, act=nn.SiLU), InvertedResidual(8, 16, 2, 3, act=nn.SiLU)]
    second = [InvertedResidual(16, 24, 2, 3, act=nn.SiLU), MobileVitBlock(24, 32)]
    return nn.Sequential(*first, *second, conv(24, 48, 1, act=nn.SiLU), classifier(48))


class Focal(nn.Module):
    """FocalNet's modulation: contexts of growing windows, gated, times the query."""

    def __init__(self, width: int, levels: int = 2) -> None:
        super().__init__()
        self.width, self.levels = width, levels
        self.first = nn.Conv2d(width, 2 * width + levels + 1, 1)
        sizes = [3 + 2 * level for level in range(levels)]
        self.focus = nn.ModuleList(
            [
                nn.Sequential(
                    nn.Conv2d(width, width, k, padding=k // 2, groups=width, bias=False), nn.GELU()
                )
                for k in sizes
            ]
        )
        self.mix, self.last = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        query, context, gates = torch.split(
            self.first(x), [self.width, self.width, self.levels + 1], 1
        )
        total = torch.zeros(())
        for level, layer in enumerate(self.focus):
            context = layer(context)
            total = total + context * gates[:, level : level + 1]
        mean = functional.gelu(context.mean((2, 3), keepdim=True))
        total = total + mean * gates[:, self.levels :]
        return self.last(query * self.mix(total))


@family("focalnet", 48)
def focalnet() -> nn.Module:
    block = [
        Residual(nn.BatchNorm2d(24), Focal(24)),
        Residual(nn.BatchNorm2d(24), conv(24, 48, 1, act=nn.GELU), nn.Conv2d(48, 24, 1)),
    ]
    return nn.Sequential(nn.Conv2d(3, 24, 4, 4), *block, nn.BatchNorm2d(24), classifier(24))


class T2t(nn.Module):
    """Tokens to tokens: overlapping patches unfolded, an encoder, unfolded again."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow, self.block = nn.Linear(27, 24), encoder(24, 1)
        self.last, self.head = nn.Linear(216, 48), nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.unfold(x, 3, stride=2, padding=1).transpose(1, 2)
        x = self.block(self.narrow(x))
        n, tokens, width = x.shape
        side = int(tokens**0.5)
        x = functional.unfold(
            x.transpose(1, 2).reshape(n, width, side, side), 3, stride=2, padding=1
        )
        return self.head(functional.gelu(self.last(x.transpose(1, 2))).mean(1))


family("t2t_vit", 24)(T2t)


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of every pixel of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNextBlock(nn.Module):
    """Depthwise 7x7, norm, two layers a pixel, a factor a channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm, self.layers = nn.LayerNorm(width), mlp(width, 4 * width)
        self.scale = nn.Parameter(0.5 + 0.1 * torch.randn(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(self.norm(self.filter(x).permute(0, 2, 3, 1)))
        return x + (self.scale * y).permute(0, 3, 1, 2)


@family("convnext", 48)
def convnext() -> nn.Module:
    first = [nn.Conv2d(3, 16, 4, 4), LayerNorm2d(16), ConvNextBlock(16)]
    second = [LayerNorm2d(16), nn.Conv2d(16, 32, 2, 2), ConvNextBlock(32)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 10)]
    return nn.Sequential(*first, *second, *head)


class CrossCovariance(nn.Module):
    """EdgeNeXt's and XCiT's attention: channels attend to channels, normalised over the tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.warmth = nn.Parameter(torch.ones(heads, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        q, k, v = (
            self.qkv(x)
            .reshape(n, tokens, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 4, 1)
        )
        q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
        mixed = ((q @ k.transpose(-2, -1)) * self.warmth).softmax(-1) @ v
        return self.out(mixed.permute(0, 3, 1, 2).reshape(n, tokens, width))


class Tokens(nn.Module):
    """A body that works on tokens (N, T, C) within a network of pictures."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return self.body(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(n, c, h, w)


@family("edgenext", 48)
def edgenext() -> nn.Module:
    attend = Tokens(
        Residual(nn.LayerNorm(32), CrossCovariance(32, 2)), Residual(nn.LayerNorm(32), mlp(32, 64))
    )
    first = [nn.Conv2d(3, 16, 4, 4), LayerNorm2d(16), ConvNextBlock(16)]
    return nn.Sequential(*first, nn.Conv2d(16, 32, 2, 2), attend, classifier(32))


class Mixer(nn.Module):
    """MLP-Mixer: across tokens, then along channels."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.across, self.along = mlp(tokens, 2 * tokens), mlp(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.across(self.first(x).transpose(1, 2)).transpose(1, 2)
        return x + self.along(self.second(x))


@family("mlp_mixer", 48)
def mlp_mixer() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 8, 8), Tokens(Mixer(36, 32), nn.LayerNorm(32)), classifier(32)
    )


class Cbam(nn.Module):
    """A gate a channel from mean and maximum of the picture, one a pixel from those of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Conv2d(channels, 8, 1), nn.ReLU(), nn.Conv2d(8, channels, 1))
        self.place = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.shared(functional.adaptive_avg_pool2d(x, 1))
        x = x * torch.sigmoid(mean + self.shared(functional.adaptive_max_pool2d(x, 1)))
        both = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.place(both))


@family("cbam", 48)
def cbam() -> nn.Module:
    return nn.Sequential(
        conv(3, 16, stride=2),
        conv(16, 24, stride=2),
        Cbam(24),
        conv(24, 32, stride=2),
        classifier(32),
    )


class Embedding(nn.Module):
    """A vector of length 1, as faces and things are compared by."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 16, stride=2),
            InvertedResidual(16, 24, 2, 3),
            InvertedResidual(24, 32, 2, 3),
            classifier(32, 48),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(self.body(x), dim=1)


family("embedding", 48)(Embedding)
