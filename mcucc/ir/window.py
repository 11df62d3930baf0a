"""Which input positions an output position reads, and the axes of activations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """Which input rows (or columns) one output row reads.

    Output row r reads input rows [(r * stride + phase) // upsample - pad, ... + kernel), `kernel`
    being the effective extent d * (k - 1) + 1 and `dilation` the distance of its taps. `phase` is
    not negative.
    """

    kernel: int = 1
    stride: int = 1
    pad: int = 0
    dilation: int = 1
    upsample: int = 1
    phase: int = 0

    def first(self, output: int) -> int:
        """First input position (possibly negative) that output position `output` reads."""
        return (output * self.stride + self.phase) // self.upsample - self.pad

    def taps(self, output: int) -> range:
        """Input positions, padding included, that output position `output` reads."""
        first = self.first(output)
        return range(first, first + self.kernel, self.dilation)


def hwc(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(height, width, channels) of an activation shape: (1, H, W, C), (1, W, C) or (1, C)."""
    if len(shape) > 4 or not shape or shape[0] != 1:
        raise ValueError(f"shape {list(shape)} is not (1, H, W, C), (1, W, C) or (1, C)")
    padded = (1,) * (4 - len(shape)) + tuple(shape)
    return padded[1], padded[2], padded[3]
