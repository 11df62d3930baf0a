"""Pictures and boxes of a packed set, and the variations of them that training sees.

A packed set is an .npz: JPEG bytes back to back (`jpeg`, `offsets`), `split` (0 train, 1
validation) and `boxes`, rows of picture, class, centre x and y, width and height, all as shares.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from network import HEIGHT, WIDTH
from PIL import Image
from torch.nn import functional

MOST = 40  # boxes of a picture
ABSENT = -1  # class of the rows of `boxes` that are none
LEAST_SIDE = 3.0  # pixels; what is smaller after a variation is no object any more
LEAST_SEEN = 0.5  # share of a box that must be inside


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pixels (N, 3, HEIGHT, WIDTH) uint8, boxes (N, MOST, 5): class, left, top, right, bottom."""

    pixels: torch.Tensor
    boxes: torch.Tensor

    def __len__(self) -> int:
        return len(self.pixels)


def packed(path: Path, split: int) -> Pictures:
    """The pictures of a split, at the network's size; boxes in pixels."""
    with np.load(path, allow_pickle=False) as data:
        jpeg, offsets, rows = data["jpeg"], data["offsets"], data["boxes"]
        chosen = np.flatnonzero(data["split"] == split)
    pixels = np.empty((len(chosen), HEIGHT, WIDTH, 3), np.uint8)
    boxes = np.full((len(chosen), MOST, 5), ABSENT, np.float32)
    for place, index in enumerate(chosen.tolist()):
        with Image.open(io.BytesIO(jpeg[offsets[index] : offsets[index + 1]].tobytes())) as image:
            small = image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
            pixels[place] = np.asarray(small)
        own = rows[rows[:, 0] == index][:MOST, 1:]
        centre, size = own[:, 1:3], own[:, 3:5]
        corners = np.concatenate([centre - size / 2, centre + size / 2], 1)
        boxes[place, : len(own), 0] = own[:, 0]
        boxes[place, : len(own), 1:] = corners * np.array([WIDTH, HEIGHT] * 2)
    return Pictures(torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(boxes))


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    """What helmets.toml says: (byte / 255 - 0.5) / 0.5."""
    return pixels.float() / 127.5 - 1


def varied(
    x: torch.Tensor, boxes: torch.Tensor, random: torch.Generator, *, is_calm: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch zoomed, moved, mirrored, recoloured and partly put together of quarters.

    Where `is_calm` they are only mirrored and moved and zoomed a little. Pictures of the set itself
    are upside down or in the dark, so that these are.
    """
    x, boxes = _moved(x, boxes, random, 0.2 if is_calm else 1.0)
    if is_calm:
        return x, boxes
    if torch.rand((), generator=random) < 0.5:
        x, boxes = _quartered(x, boxes, random)
    return _recoloured(x, random), boxes


def _moved(
    x: torch.Tensor, boxes: torch.Tensor, random: torch.Generator, reach: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each picture at its own size and place, half of them mirrored, half of them upside down."""
    count = len(x)
    together = torch.empty(count, 1).uniform_(-0.5, 0.7, generator=random)
    apart = torch.empty(count, 2).uniform_(-0.1, 0.1, generator=random)
    zoom = torch.exp(reach * (together + apart))
    mirror = torch.where(torch.rand(count, 2, generator=random) < 0.5, -1.0, 1.0)
    free = (zoom - 1).abs() + 0.1 * reach  # how far the middle may move
    shift = (torch.rand(count, 2, generator=random) * 2 - 1) * free
    inverse = torch.zeros(count, 2, 3)
    inverse[:, [0, 1], [0, 1]] = mirror / zoom
    inverse[:, :, 2] = -shift * mirror / zoom
    grid = functional.affine_grid(inverse, list(x.shape), align_corners=False)
    x = functional.grid_sample(x, grid, align_corners=False)
    half = torch.tensor([WIDTH / 2, HEIGHT / 2])
    corners = boxes[..., 1:].reshape(count, -1, 2, 2) / half - 1
    scale = (mirror * zoom)[:, None, None]
    corners = (corners * scale + shift[:, None, None] + 1) * half
    corners = torch.cat([corners.amin(2), corners.amax(2)], 2)
    whole = torch.tensor([0.0, 0.0, WIDTH, HEIGHT]).expand(count, 4)
    return x, _clipped(boxes[..., 0], corners, whole)


def _clipped(kinds: torch.Tensor, corners: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Boxes inside a window a picture (N, 4); those of which little is left are no more."""
    low, high = window[:, None, :2], window[:, None, 2:]
    inside = torch.cat([corners[..., :2].clamp(low, high), corners[..., 2:].clamp(low, high)], 2)
    before = (corners[..., 2:] - corners[..., :2]).clamp(min=1e-3)
    after = inside[..., 2:] - inside[..., :2]
    seen = after.prod(2) / before.prod(2) >= LEAST_SEEN
    kept = seen & (after.amin(2) >= LEAST_SIDE) & (kinds != ABSENT)
    return _first(torch.cat([torch.where(kept, kinds, float(ABSENT))[..., None], inside], 2))


def _first(boxes: torch.Tensor) -> torch.Tensor:
    """The boxes that are there before those that are not, MOST of them."""
    order = (boxes[..., 0] == ABSENT).to(torch.int8).argsort(dim=1, stable=True)[:, :MOST]
    return boxes.gather(1, order[..., None].expand(-1, -1, 5))


def _quartered(
    x: torch.Tensor, boxes: torch.Tensor, random: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """The four quarters around a random point are of four pictures (a mosaic without scaling)."""
    count = len(x)
    across = int(torch.randint(WIDTH // 4, WIDTH * 3 // 4, (), generator=random))
    down = int(torch.randint(HEIGHT // 4, HEIGHT * 3 // 4, (), generator=random))
    made, found = x.clone(), []
    for rows, columns in (
        ((0, down), (0, across)),
        ((0, down), (across, WIDTH)),
        ((down, HEIGHT), (0, across)),
        ((down, HEIGHT), (across, WIDTH)),
    ):
        of = torch.randperm(count, generator=random)
        part = (slice(None), slice(None), slice(*rows), slice(*columns))
        made[part] = x[of][part]
        window = torch.tensor([columns[0], rows[0], columns[1], rows[1]], dtype=torch.float32)
        found.append(_clipped(boxes[of][..., 0], boxes[of][..., 1:], window.expand(count, 4)))
    return made, _first(torch.cat(found, 1))


def _recoloured(x: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Other brightness, contrast, saturation and tint."""
    count = len(x)

    def each(reach: float, channels: int = 1) -> torch.Tensor:
        return torch.empty(count, channels, 1, 1).uniform_(-reach, reach, generator=random)

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (1 + each(0.5))
    x = x * (1 + each(0.3)) * (1 + each(0.08, 3)) + each(0.2)
    light = 0.65 + each(0.45)  # of black, which is -1
    x = torch.where(each(1.0) < 0, (x + 1) * light - 1, x)
    return x.clamp(-1, 1)
