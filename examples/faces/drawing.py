"""The picture the demo draws: photographs and scenes with heat maps and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from boxes import Map, score
from pictures import SIDE, Box
from PIL import Image, ImageDraw

LARGE, SMALL, GAP = 320, 196, 8  # pixels
FOUND, FALSE, MISSED = "#39d353", "#ff5555", "#ffd33d"
BACKGROUND, TEXT = "#0d1117", "#e6edf3"
COLUMNS = 5  # large tiles in a row


@dataclass(frozen=True, eq=False)
class Detection:
    """A picture, its heat map (H, W, 1), the boxes found and the faces that are there."""

    name: str
    image: Image.Image
    heat: Map
    found: Sequence[Box]
    faces: Sequence[Box]


def sheet(large: Sequence[Detection], small: Sequence[Detection], title: str) -> Image.Image:
    """Each large picture above its heat map, then the small ones with the heat laid over."""
    rows = [
        [(tile(d, LARGE), heat_map(d, LARGE)) for d in large[i : i + COLUMNS]]
        for i in range(0, len(large), COLUMNS)
    ]
    per_row = COLUMNS * (LARGE + GAP) // (SMALL + GAP)
    head, width = 28, COLUMNS * (LARGE + GAP) + GAP
    small_rows = -(-len(small) // per_row)
    height = head + len(rows) * 2 * (LARGE + GAP) + small_rows * (SMALL + GAP) + GAP
    canvas = Image.new("RGB", (width, height), BACKGROUND)
    ImageDraw.Draw(canvas).text((GAP, GAP), title, TEXT)
    for row, pairs in enumerate(rows):
        for column, pair in enumerate(pairs):
            for below, image in enumerate(pair):
                x, y = GAP + column * (LARGE + GAP), head + (2 * row + below) * (LARGE + GAP)
                canvas.paste(image, (x, y))
    top = head + len(rows) * 2 * (LARGE + GAP)
    for index, detection in enumerate(small):
        row, column = divmod(index, per_row)
        place = (GAP + column * (SMALL + GAP), top + row * (SMALL + GAP))
        canvas.paste(tile(detection, SMALL), place)
    return canvas


def tile(detection: Detection, side: int) -> Image.Image:
    """The picture with boxes: green where a face is, red where none is, yellow faces missed."""
    image = detection.image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    width = max(2, side // 128)
    for box in detection.found:
        right = score([box], detection.faces).found > 0
        draw.rectangle(_corners(box, side), outline=FOUND if right else FALSE, width=width)
    for face in detection.faces:
        if not score(detection.found, [face]).found:
            draw.rectangle(_corners(face, side), outline=MISSED, width=width)
    return image


def heat_map(detection: Detection, side: int) -> Image.Image:
    """The heat laid over the grey picture: dark where there is no face, yellow where one is."""
    grey = np.asarray(detection.image.convert("L").resize((side, side)), np.float32)[..., None]
    heat = Image.fromarray(np.rint(detection.heat[..., 0] * 255).astype(np.uint8))
    warm = np.asarray(heat.resize((side, side), Image.Resampling.BICUBIC), np.float32)[..., None]
    warm /= 255
    colour = np.array([255, 40, 0]) + warm * np.array([0, 200, 60])
    pixels = 0.45 * grey * (1 - warm) + colour * warm * (0.55 + 0.45 * grey / 255)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    ImageDraw.Draw(image).text((6, 4), detection.name, TEXT)
    return image


def _corners(box: Box, side: int) -> tuple[float, float, float, float]:
    unit, half = side / SIDE, box.side / 2
    left, top = unit * (box.x - half), unit * (box.y - half)
    return left, top, left + unit * box.side, top + unit * box.side
