"""Which labels belong to pictures: those that are named, or those that lie beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mcucc.errors import DataError
from mcucc.images.labels import Labels
from mcucc.images.labels_coco import is_coco, read_coco
from mcucc.images.labels_masks import read_masks
from mcucc.images.labels_voc import read_voc
from mcucc.images.labels_yolo import NAMES, read_yolo

PICTURES = ("images", "JPEGImages")  # folders of pictures, beside which the folders of labels lie
FOLDERS = {
    "labels": "txt",
    "Annotations": "xml",
    "masks": "png",
    "SegmentationClass": "png",
    "annotations": "",  # of any form
}
OWN = ("manifest.json", "report.json", "validate.json")
HINT = (
    "labels are a COCO JSON, a folder of VOC .xml, of YOLO .txt (labels/ beside images/) or of "
    "masks .png; --labels PATH names them"
)


@dataclass(frozen=True)
class Place:
    """A file or folder of labels, and the suffix of what is read there."""

    path: Path
    suffix: str


def pictures_folder(data: Path) -> Path:
    """Where the pictures are: `data`, or its images/ where labels lie beside that."""
    for name in PICTURES:
        if (data / name).is_dir() and any((data / folder).is_dir() for folder in FOLDERS):
            return data / name
    return data


def find_labels(
    data: Path, names: Sequence[str], given: Path | None = None, *, masks: bool = False
) -> Labels | None:
    """The labels of pictures in `data` called `names`; `masks`, or boxes and points.

    None where there are none beside and none are `given`. DataError for labels that are broken, of
    none of the pictures, or where several lie beside.
    """
    folder = pictures_folder(data)
    stems = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    if given is not None:
        places = [Place(given, _suffix(given, stems, masks))]
    else:
        places = _beside(folder, data, stems, masks)
    if len(places) > 1:
        raise DataError(
            f"there are several labels: {', '.join(str(place.path) for place in places[:4])}",
            where=str(data),
            hint="name those that count with --labels PATH",
        )
    if not places:
        return None
    labels = _read(places[0], stems, folder, data)
    if all(labels.of(name) is None for name in names):
        first = next(iter(names), "")
        raise DataError(
            f"this {labels.form} says nothing of the pictures ({first} ..)",
            where=str(labels.path),
            hint=HINT,
        )
    return labels


def holds_masks(given: Path, names: Sequence[str]) -> bool:
    """Whether labels that a user names are masks. DataError where nothing is there."""
    if not given.exists():
        raise DataError("does not exist", where=str(given), hint=HINT)
    stems = {name: str(PurePosixPath(name).with_suffix("")) for name in names}
    return (
        given.is_dir()
        and bool(_held(given, stems, masks=True))
        and not _held(given, stems, masks=False)
    )


def _read(place: Place, stems: dict[str, str], folder: Path, data: Path) -> Labels:
    if place.suffix == "json":
        return read_coco(place.path)
    if place.suffix == "xml":
        return read_voc(place.path, stems)
    if place.suffix == "png":
        return read_masks(place.path, stems)
    beside = dict.fromkeys((place.path, folder, data, place.path.parent, data.parent))
    return read_yolo(place.path, stems, tuple(beside))


def _suffix(path: Path, stems: dict[str, str], masks: bool) -> str:
    """The form of labels that a user names."""
    if path.is_file():
        if path.suffix.lower() != ".json":
            raise DataError("no labels that are known", where=str(path), hint=HINT)
        return "json"
    suffix = _held(path, stems, masks)
    if not suffix:
        raise DataError("there are no labels of these pictures in it", where=str(path), hint=HINT)
    return suffix


def _held(folder: Path, stems: dict[str, str], masks: bool) -> str:
    """What a folder holds of the pictures: the form of the first that has a file."""
    for suffix in ("png",) if masks else ("xml", "txt"):
        for stem in stems.values():
            file = folder / f"{stem}.{suffix}"
            if file.is_file() and file.name not in NAMES:
                return suffix
    return ""


def _beside(folder: Path, data: Path, stems: dict[str, str], masks: bool) -> list[Place]:
    """Every set of labels in the usual places."""
    found: dict[Path, Place] = {}
    roots, part = _roots(folder, data)
    for root in roots:
        for name, suffix in FOLDERS.items():
            for place in dict.fromkeys((root / name, root / name / part)):
                own = _held(place, stems, masks)
                if own and suffix in ("", own):
                    found[place.resolve()] = Place(place, own)
    own = _held(folder, stems, masks=False)
    if own and not masks:
        found[folder.resolve()] = Place(folder, own)
    if not masks:
        for root in (*roots, *(root / "annotations" for root in roots)):
            for file in sorted(root.glob("*.json")) if root.is_dir() else ():
                if file.name not in OWN and is_coco(file):
                    found[file.resolve()] = Place(file, "json")
    return list(found.values())


def _roots(folder: Path, data: Path) -> tuple[list[Path], str]:
    """Folders that may have folders of labels, and the part (train, val) that pictures are of."""
    if folder.name in PICTURES:
        return list(dict.fromkeys((folder, data, folder.parent))), ""
    if folder.parent.name in PICTURES:  # images/train beside labels/train
        return [folder, folder.parent, folder.parent.parent], folder.name
    return [folder], ""
