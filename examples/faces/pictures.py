"""Pictures that the scikit-image package ships, and scenes of faces composed from them.

Nothing is downloaded: `lfw_subset.npy` holds 100 faces and 100 other patches of 25x25 grey pixels
(from Labeled Faces in the Wild), beside it lie photographs. The last 30 of each kind and five
photographs are held out: training and calibration never see them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Pixels = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.float32]

SIDE = 128  # of a scene, in pixels
LEAST_FACE, LARGEST_FACE = 18, 32  # sides of the faces in scenes, in pixels
TRAINED = 70  # of each 100
PHOTOGRAPHS = (
    *("brick.png", "cell.png", "clock_motion.png", "coins.png", "color.png", "grass.png"),
    *("gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "microaneurysms.png"),
    *("moon.png", "motorcycle_left.png", "motorcycle_right.png", "page.png", "phantom.png"),
    *("retina.jpg", "text.png"),
)
HELD_OUT_PHOTOGRAPHS = ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "rocket.jpg")


class NoPicturesError(RuntimeError):
    """scikit-image, which ships the pictures, is not installed."""


@dataclass(frozen=True)
class Box:
    """A square around a face: centre and side in pixels."""

    x: float
    y: float
    side: float

    def overlap(self, other: Box) -> float:
        """Intersection over union."""
        reach = (self.side + other.side) / 2
        across = [
            max(0.0, min(reach - abs(a - b), self.side, other.side))
            for a, b in ((self.x, other.x), (self.y, other.y))
        ]
        common = across[0] * across[1]
        return common / (self.side**2 + other.side**2 - common)


@dataclass(frozen=True, eq=False)
class Scene:
    """A grey picture (SIDE, SIDE) and the faces in it."""

    pixels: Pixels
    faces: tuple[Box, ...]


@dataclass(frozen=True, eq=False)
class Material:
    """What scenes are made of: patches (N, 25, 25) and photographs (H, W), all grey."""

    faces: Pixels
    others: Pixels
    photographs: tuple[Pixels, ...]


def package_folder() -> Path:
    """The folder of pictures inside the installed scikit-image (which is not imported)."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        raise NoPicturesError("scikit-image ships the pictures: pip install scikit-image")
    return Path(found.origin).parent / "data"


def photograph(name: str) -> Image.Image:
    """A packaged photograph, as it is."""
    with Image.open(package_folder() / name) as image:
        return image.convert("RGB")


def material(*, held_out: bool) -> Material:
    """What training may see, or what it may not."""
    patches = np.load(package_folder() / "lfw_subset.npy")
    patches = np.rint(patches * 255).astype(np.uint8)
    part = slice(TRAINED, 100) if held_out else slice(0, TRAINED)
    names = HELD_OUT_PHOTOGRAPHS[1:] if held_out else PHOTOGRAPHS  # the astronaut has a face
    photographs = tuple(np.asarray(photograph(name).convert("L")) for name in names)
    return Material(patches[:100][part], patches[100:][part], photographs)


def scene(
    rng: np.random.Generator,
    source: Material,
    faces: Sequence[int],
    others: Sequence[int],
    clutter: float = 0.0,
) -> Scene:
    """A photograph's part with patches pasted into it: faces (the numbers say which), and others.

    Both kinds are blended in the same way, so that nothing but the face tells them apart.
    `clutter` is the probability that shapes are drawn first.
    """
    canvas = _background(rng, source.photographs)
    if rng.random() < clutter:
        canvas = _cluttered(rng, canvas)
    taken: list[Box] = []
    found: list[Box] = []
    for patches, numbers, is_face in ((source.faces, faces, True), (source.others, others, False)):
        for number in numbers:
            box = _free_place(rng, taken)
            if box is None:
                continue
            _paste(rng, canvas, _vary(rng, patches[number]), box)
            taken.append(box)
            if is_face:
                found.append(box)
    return Scene(np.clip(canvas, 0, 255).astype(np.uint8), tuple(found))


def training_scene(rng: np.random.Generator, source: Material) -> Scene:
    """A random scene; some of the other patches are faces turned upside down or torn apart.

    Half of the faces are blends of two, which look like a third: the package has few.
    """
    torn = np.stack([_tear(rng, source.faces[i]) for i in rng.integers(0, len(source.faces), 6)])
    photos = np.stack([_patch(rng, source.photographs) for _ in range(6)])
    pool = np.concatenate([source.others[rng.integers(0, len(source.others), 6)], torn, photos])
    count = int(rng.integers(0, 7))
    blends = np.stack([_blend(rng, source.faces) for _ in range(count + 1)])
    others = rng.permutation(len(pool))[: rng.integers(0, 5)].tolist()
    made = scene(rng, Material(blends, pool, source.photographs), range(count), others, 0.6)
    pixels = _sharpened(made.pixels.astype(np.float32), rng.uniform(-0.5, 0.5))
    curved = 255 * (np.clip(pixels, 0, 255) / 255) ** rng.uniform(0.7, 1.4)
    noisy = curved + rng.normal(0, rng.uniform(0, 5), pixels.shape)
    return Scene(np.clip(noisy, 0, 255).astype(np.uint8), made.faces)


def held_out_scenes(seed: int = 0) -> list[Scene]:
    """Scenes in which every held-out face and every held-out other patch occurs once."""
    rng, source = np.random.default_rng(seed), material(held_out=True)
    faces = rng.permutation(len(source.faces)).tolist()
    others = rng.permutation(len(source.others)).tolist()
    return [scene(rng, source, faces[i : i + 2], others[i : i + 2]) for i in range(0, 30, 2)]


def _background(rng: np.random.Generator, photographs: tuple[Pixels, ...]) -> Grey:
    """A square part of a photograph, SIDE wide, mirrored and lit at random."""
    photo = photographs[rng.integers(len(photographs))]
    least = min(photo.shape)
    side = int(rng.integers(min(SIDE // 2, least), least + 1))
    return _lit(rng, _part(rng, photo, side, SIDE)).astype(np.float32)


def _patch(rng: np.random.Generator, photographs: tuple[Pixels, ...]) -> Pixels:
    """A small part of a photograph, as large as a face."""
    photo = photographs[rng.integers(len(photographs))]
    side = int(rng.integers(25, min(200, *photo.shape)))
    return np.asarray(_part(rng, photo, side, 25), np.uint8)


def _part(rng: np.random.Generator, photo: Pixels, side: int, wanted: int) -> Grey:
    top, left = (int(rng.integers(0, size - side + 1)) for size in photo.shape)
    part = Image.fromarray(photo[top : top + side, left : left + side])
    pixels = np.asarray(part.resize((wanted, wanted), Image.Resampling.BILINEAR), np.float32)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def _lit(rng: np.random.Generator, pixels: Grey) -> Grey:
    """Other contrast and brightness."""
    middle = pixels.mean()
    lit = (pixels - middle) * rng.uniform(0.6, 1.25) + middle + rng.uniform(-30, 30)
    return np.asarray(lit, np.float32)


def _vary(rng: np.random.Generator, patch: Pixels) -> Grey:
    """Mirrored, lit, sharpened or blurred at random: the patches come from small pictures."""
    pixels = _sharpened(patch.astype(np.float32), rng.uniform(-0.5, 0.8))
    return _lit(rng, pixels[:, ::-1] if rng.random() < 0.5 else pixels)


def _sharpened(pixels: Grey, amount: float) -> Grey:
    """Unsharp mask of 3x3 pixels; a negative amount blurs."""
    padded = np.pad(pixels, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    mean = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return np.asarray(pixels + amount * (pixels - mean), np.float32)


def _tear(rng: np.random.Generator, face: Pixels) -> Pixels:
    """What has the greys of a face and is none: turned, in halves, or without its features."""
    kind = rng.integers(5)
    if kind == 0:
        return face[::-1]
    if kind == 1:
        return np.rot90(face, int(rng.choice([1, 3])))
    if kind == 2:
        coarse = Image.fromarray(face).resize((4, 4), Image.Resampling.BOX)
        return np.asarray(coarse.resize(face.shape, Image.Resampling.BICUBIC), np.uint8)
    return np.roll(face, int(rng.integers(9, 17)), axis=int(kind - 3))


def _blend(rng: np.random.Generator, faces: Pixels) -> Pixels:
    """One face, or two of them (all are aligned) laid over each other."""
    one, other = faces[rng.integers(0, len(faces), 2)].astype(np.float32)
    share = rng.uniform(0.3, 0.7) if rng.random() < 0.5 else 1.0
    return np.asarray(share * one + (1 - share) * other, np.uint8)


def _cluttered(rng: np.random.Generator, canvas: Grey) -> Grey:
    """Ovals, boxes, arcs and lines of any grey over the canvas: what photographs here lack."""
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(1, 16))):
        grey, width = int(rng.integers(0, 256)), int(rng.integers(1, 7))
        corner, size = rng.uniform(-20, SIDE, 2), rng.uniform(4, 60, 2)
        box = (*corner.tolist(), *(corner + size).tolist())
        kind = rng.integers(5)
        if kind == 0:
            draw.ellipse(box, fill=grey)
        elif kind == 1:
            draw.rectangle(box, fill=grey)
        elif kind == 2:
            draw.ellipse(box, outline=grey, width=width)
        elif kind == 3:
            begin, end = sorted(rng.uniform(0, 360, 2).tolist())
            draw.arc(box, begin, end, fill=grey, width=width)
        else:
            draw.line(box, fill=grey, width=width)
    return np.asarray(image, np.float32).copy()


def _free_place(rng: np.random.Generator, taken: Sequence[Box]) -> Box | None:
    for _ in range(30):
        side = float(np.exp(rng.uniform(np.log(LEAST_FACE), np.log(LARGEST_FACE))))
        x, y = rng.uniform(side / 2, SIDE - side / 2, 2)
        reach = [(side + other.side) / 2 for other in taken]
        if all(max(abs(x - b.x), abs(y - b.y)) > r for b, r in zip(taken, reach, strict=True)):
            return Box(float(x), float(y), side)
    return None


def _paste(
    rng: np.random.Generator,
    canvas: Grey,
    patch: Grey,
    box: Box,
) -> None:
    """Blend a patch into the canvas: turned a little, through an oval or a square with soft rim."""
    half = box.side / 2
    left, top = int(box.x - half), int(box.y - half)
    width = min(int(box.side) + 2, SIDE - left)
    height = min(int(box.side) + 2, SIDE - top)
    turn, stretch = np.deg2rad(rng.normal(0, 6)), rng.uniform(0.92, 1.08)
    y, x = np.mgrid[0:height, 0:width] + 0.5
    x, y = (x + left - box.x) / half, (y + top - box.y) / half  # -1 .. 1 inside the box
    across = (np.cos(turn) * x + np.sin(turn) * y) * stretch
    down = np.cos(turn) * y - np.sin(turn) * x
    size = patch.shape[0]
    pixels = _bilinear(patch, (down + 1) / 2 * size - 0.5, (across + 1) / 2 * size - 0.5)
    power = float(rng.choice([2.2, 3, 5, 12]))
    radius = (np.abs(across) ** power + np.abs(down) ** power) ** (1 / power)
    rim = rng.uniform(0.04, 0.5)
    weight = np.clip((1 - radius) / rim, 0, 1)
    area = canvas[top : top + height, left : left + width]
    # As bright as what is around it, or not: brightness tells nothing.
    pixels = pixels + rng.uniform(0, 1) * (area.mean() - patch.mean())
    area += weight * (pixels - area)


def _bilinear(patch: Grey, rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]) -> Grey:
    last = patch.shape[0] - 1
    rows, columns = np.clip(rows, 0, last), np.clip(columns, 0, last)
    r, c = np.minimum(rows.astype(int), last - 1), np.minimum(columns.astype(int), last - 1)
    down, right = rows - r, columns - c
    upper = patch[r, c] * (1 - right) + patch[r, c + 1] * right
    lower = patch[r + 1, c] * (1 - right) + patch[r + 1, c + 1] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
