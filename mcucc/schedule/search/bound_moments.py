"""What a stage is looked at by: ways to hold a tensor, moments, the row steps that are sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mcucc.ir.window import Window

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Way:
    """A way to hold a tensor, in bytes: at the moments of nodes in front, at those behind its last
    reader, while its tile is there, as a result in place; scratch of its node; an image by rows
    that it is made of, before and after its node. What it costs. (rows, columns, steps)"""

    before: Floats
    after: Floats
    live: Floats
    in_place: Floats
    scratch: Floats
    image: Floats
    image_after: Floats
    cost: Floats


@dataclass(eq=False)
class Moments:
    """Bytes at the actions of nodes `first` .. `last`, the largest of them: (prices, rows,
    columns, steps)."""

    first: int
    last: int
    bytes: Floats


def reach(count: Ints, window: Window, size: int, outputs: int) -> Ints:
    """Positions at least that so many outputs in a row read, of a tensor of `size`."""
    after = max(0, window.first(outputs - 1) + window.kernel - size)
    found = (count - 1) * window.stride // window.upsample - (window.upsample > 1)
    found = found + window.kernel - max(0, window.pad, after)
    return np.asarray(np.clip(found, 1, size))


def samples(steps: Ints) -> Ints:
    """Row steps that are looked at, of tiles with so many: the first, the middle, the last ones."""
    found = [np.full_like(steps, t) for t in (-16, -12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 4)]
    found += [steps // 3, steps // 2, steps - 3, steps - 1]
    return np.minimum(np.stack(found, axis=1), steps[:, None] - 1)
