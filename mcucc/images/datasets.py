"""Datasets: labelled or bare pictures from a folder or an .npz, loaded one at a time.

Forms: a folder with one sub-folder a class (sorted names are labels 0, 1, ...), a folder with
`labels.csv` (first column the file, second an integer label), a folder of bare pictures (or one
with images/ and labels beside that), and an .npz with `images` / `labels` or `test_images` /
`test_labels`, and `calibration_images`.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mcucc.errors import DataError
from mcucc.images.arrays import check_unpacked
from mcucc.images.camera import CameraInput
from mcucc.images.labels_csv import read_labels_csv
from mcucc.images.labels_find import FOLDERS, pictures_folder
from mcucc.images.picture_file import Source
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import CalibrationSet, Picture, load_picture

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".gif", ".webp", ".tiff"})
LARGEST_NPZ = 8 * 2**30  # bytes, uncompressed
CALIBRATION_COUNT = 100

Warn = Callable[[str], None]


class DataWarning(UserWarning):
    """A picture was left out."""


def warn_user(message: str) -> None:
    """The default way to tell about a picture that is left out."""
    warnings.warn(message, DataWarning, stacklevel=2)


@dataclass(frozen=True, eq=False)
class Item:
    """One picture; `label` is None where there is none to evaluate against.

    `groups` are its values in the further columns of labels.csv, "" for none.
    """

    name: str
    label: int | None
    source: Source
    groups: Mapping[str, str] = field(default_factory=dict)

    def load(self, preprocess: Preprocess, camera: CameraInput | None = None) -> Picture:
        """As a sample; DataError when the picture cannot be decoded."""
        made = load_picture(self.source, preprocess, camera, self.name, self.label)
        return replace(made, groups=self.groups)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures in a fixed order: `items` to evaluate on, `calibration_items` to calibrate on."""

    path: Path
    kind: str  # "class folders", "labels.csv", "pictures" or "npz"
    items: tuple[Item, ...]
    calibration_items: tuple[Item, ...]
    class_names: tuple[str, ...] = ()

    @property
    def labelled(self) -> tuple[Item, ...]:
        """The items with a label; top-1 counts these."""
        return tuple(item for item in self.items if item.label is not None)

    def limit(self, count: int | None) -> Dataset:
        """The same with the first `count` labelled items (of bare pictures: the first items)."""
        if count is None:
            return self
        if count < 1:
            raise DataError(f"a limit of {count} pictures leaves nothing")
        return replace(self, items=(self.labelled or self.items)[:count])

    def calibration(
        self, preprocess: Preprocess, count: int = CALIBRATION_COUNT, warn: Warn = warn_user
    ) -> CalibrationSet:
        """The first `count` calibration pictures as camera bytes, unlabelled ones included."""
        if count < 1:
            raise DataError(f"cannot calibrate on {count} pictures")
        chosen = self.calibration_items[:count]
        loaded = pictures(chosen, preprocess, where=str(self.path), warn=warn)
        return CalibrationSet(self.path.resolve().name, tuple(loaded))


class Labelled(Protocol):
    """An item or a sample."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def label(self) -> int | None:
        """None where there is none to evaluate against."""


def check_labels(items: Iterable[Labelled], classes: int, where: str) -> None:
    """Raise DataError when a label is not one of the network's `classes` outputs."""
    for item in items:
        if item.label is not None and item.label >= classes:
            raise DataError(
                f"{item.name} has label {item.label}, the network has {classes} classes",
                where=where,
                hint="labels count from 0; class folders are numbered in sorted order",
            )


def load_dataset(path: str | Path, *, limit: int | None = None) -> Dataset:
    """Recognise the form of `path` and list its pictures, without decoding them.

    Raises DataError for a missing path, an empty folder, broken labels or a broken .npz.
    """
    path = Path(path)
    if path.is_dir():
        try:
            dataset = _folder(path)
        except OSError as error:
            raise DataError(f"cannot list the pictures: {error}", where=str(path)) from error
    elif path.suffix.lower() == ".npz" and path.is_file():
        dataset = _npz(path)
    elif path.exists():
        raise DataError("neither a folder nor an .npz file", where=str(path), hint=_HINT)
    else:
        raise DataError("does not exist", where=str(path), hint=_HINT)
    return dataset.limit(limit)


def pictures(
    items: Iterable[Item],
    preprocess: Preprocess,
    camera: CameraInput | None = None,
    *,
    where: str = "",
    warn: Warn = warn_user,
) -> Iterator[Picture]:
    """Decode `items` one by one; broken ones are named through `warn` and left out.

    Raises DataError when not a single one could be decoded.
    """
    decoded = False
    for item in items:
        try:
            picture = item.load(preprocess, camera)
        except DataError as error:
            warn(f"left out: {error.what} ({item.name})")
            continue
        decoded = True
        yield picture
    if not decoded:
        raise DataError("not one picture could be read", where=where, hint=_HINT)


_HINT = (
    "give a folder with class sub-folders, a folder with labels.csv, a folder of pictures,"
    " or an .npz with images and labels"
)


def _folder(path: Path) -> Dataset:
    path = pictures_folder(path)
    if (path / "labels.csv").is_file():
        return _labelled_folder(path)
    items = tuple(Item(file.name, None, file) for file in _picture_files(path))
    classes = sorted(
        entry
        for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
        # Beside pictures these are labels of theirs (labels_find.py).
        if not (items and entry.name in FOLDERS)
    )
    if classes:
        return _class_folders(path, classes)
    if not items:
        raise DataError("there are no pictures in this folder", where=str(path), hint=_HINT)
    return Dataset(path, "pictures", items, items)


def _class_folders(path: Path, classes: Sequence[Path]) -> Dataset:
    groups = [
        [Item(f"{folder.name}/{file.name}", label, file) for file in _picture_files(folder)]
        for label, folder in enumerate(classes)
    ]
    items = tuple(item for group in groups for item in group)
    if not items:
        raise DataError("there are no pictures in the sub-folders", where=str(path), hint=_HINT)
    # One of each class in turn: the first N of a sorted list would be a single class.
    longest = max(len(group) for group in groups)
    mixed = tuple(group[i] for i in range(longest) for group in groups if i < len(group))
    return Dataset(path, "class folders", mixed, mixed, tuple(folder.name for folder in classes))


def _labelled_folder(path: Path) -> Dataset:
    items = tuple(Item(*row) for row in read_labels_csv(path, SUFFIXES))
    return Dataset(path, "labels.csv", items, items)


def _picture_files(folder: Path) -> list[Path]:
    return sorted(
        file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file()
    )


def _npz(path: Path) -> Dataset:
    arrays = _npz_arrays(path)
    prefix = "test_" if "test_images" in arrays else ""
    images, labels = arrays.get(f"{prefix}images"), arrays.get(f"{prefix}labels")
    calibration = arrays.get("calibration_images")
    if images is not None and labels is not None:
        whole = labels.ndim == 1 and labels.dtype.kind in "iu"
        if not whole or len(labels) != len(images):
            raise DataError(
                f"{prefix}labels must be {len(images)} integers, not"
                f" {labels.dtype} {list(labels.shape)}",
                where=str(path),
            )
    items = _array_items(path, f"{prefix}images", images, labels)
    calibration_items = _array_items(path, "calibration_images", calibration, None)
    names = tuple(str(name) for name in arrays.get("class_names", np.array([])).ravel())
    return Dataset(path, "npz", items, calibration_items or items, names)


def _npz_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    wanted = ("images", "labels", "test_images", "test_labels", "calibration_images", "class_names")
    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(archive.infolist(), path, LARGEST_NPZ)
        with np.load(path, allow_pickle=False) as archive:
            if not {"images", "test_images", "calibration_images"} & set(archive.files):
                held = ", ".join(archive.files) or "nothing"
                raise DataError(f"it holds {held}, no images", where=str(path), hint=_HINT)
            return {name: archive[name] for name in wanted if name in archive.files}
    except DataError:
        raise
    # NumPy and zipfile raise many kinds of errors on broken archives.
    except Exception as error:
        raise DataError(f"cannot read this .npz: {error}", where=str(path)) from error


def _array_items(
    path: Path, name: str, images: npt.NDArray[Any] | None, labels: npt.NDArray[Any] | None
) -> tuple[Item, ...]:
    if images is None:
        return ()
    plain = images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3))
    if images.dtype != np.uint8 or not plain or 0 in images.shape:
        raise DataError(
            f"{name} is {images.dtype} {list(images.shape)}",
            where=str(path),
            hint="pictures are uint8 (N, H, W, 3), (N, H, W, 1) or (N, H, W)",
        )
    values = [None] * len(images) if labels is None else [int(label) for label in labels]
    return tuple(
        Item(f"{name}[{i}]", label if label is None or label >= 0 else None, images[i])
        for i, label in enumerate(values)
    )
