"""COCO's labels: one JSON with `images`, `annotations` and `categories`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mcucc.base.typed import text_of, wrong
from mcucc.errors import DataError
from mcucc.images.labels import (
    MOST_BOXES,
    MOST_NAMES,
    Empty,
    Labels,
    TrueBox,
    TruePoint,
    Truth,
    check_box,
    left_out,
)

FORM = "COCO JSON"
LARGEST = 2**28  # bytes of the file
MOST_IMAGES = 2**20
LARGEST_SIDE = 2**16
TABLES = ("images", "annotations", "categories")
HINT = "the file has images (id, file_name), annotations (image_id, category_id, bbox), categories"


def read_coco(file: Path) -> Labels:
    """The labels of a file; classes are numbered in the order of the categories' ids.

    DataError names what is wrong and where in the file.
    """
    try:
        document = json.loads(text_of(file, LARGEST), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"{file}, line {error.lineno}"
        raise DataError(f"not JSON: {error.msg}", where=where) from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read it: {error}", where=str(file)) from error
    try:
        return _labels(file, document)
    except ValueError as error:
        raise DataError(str(error), where=str(file), hint=HINT) from error


def is_coco(file: Path) -> bool:
    """Whether a JSON has COCO's tables, by its beginning and end: it may be large."""
    try:
        with file.open("rb") as stream:
            begin = stream.read(2**16)
            stream.seek(max(0, file.stat().st_size - 2**16))
            text = begin + stream.read(2**16)
    except OSError:
        return False
    return any(f'"{table}"'.encode() in text for table in TABLES[:2])


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _labels(file: Path, document: Any) -> Labels:
    if not isinstance(document, dict):
        raise wrong("the file", "a table", document)
    images, annotations, categories = (_list(document, table) for table in TABLES)
    if len(images) > MOST_IMAGES or len(categories) > MOST_NAMES:
        raise ValueError(f"more than {MOST_IMAGES} images or {MOST_NAMES} categories")
    kinds, names, points = _categories(categories)
    files = _images(images)
    boxes: dict[int, list[TrueBox]] = {image: [] for image in files}
    empty = 0
    for i, row in enumerate(annotations):
        at = f"annotations[{i}]"
        image, kind = _whole(row, "image_id", at), _whole(row, "category_id", at)
        if image not in boxes:
            raise ValueError(f"{at}: there is no image {image}")
        if kind not in kinds:
            raise ValueError(f"{at}: there is no category {kind}")
        box = _box(row, kinds[kind], at)
        if box is None:
            empty += 1
            continue
        boxes[image].append(box)
        if len(boxes[image]) > MOST_BOXES:
            raise ValueError(f"{at}: image {image} has more than {MOST_BOXES} annotations")
    truths = {name: Truth(tuple(boxes[i]), size) for i, (name, size) in files.items()}
    if len(truths) < len(files):
        raise ValueError("two images have the same file_name")
    return Labels(file, FORM, truths, names, points, left_out(empty))


def _categories(rows: Sequence[Any]) -> tuple[dict[int, int], tuple[str, ...], tuple[str, ...]]:
    """Class numbers by id, names in the order of ids, and the names of points."""
    found: dict[int, str] = {}
    points: tuple[str, ...] = ()
    for i, row in enumerate(rows):
        at = f"categories[{i}]"
        number = _whole(row, "id", at)
        if number in found:
            raise ValueError(f"{at}: id {number} is there twice")
        found[number] = _text(row, "name", at)
        own = row.get("keypoints", [])
        if not isinstance(own, list) or not all(isinstance(name, str) for name in own):
            raise wrong(f"{at}.keypoints", "a list of names", own)
        points = points or tuple(own[:MOST_NAMES])
    order = sorted(found)
    return {number: i for i, number in enumerate(order)}, tuple(found[n] for n in order), points


def _images(rows: Sequence[Any]) -> dict[int, tuple[str, tuple[int, int] | tuple[()]]]:
    files: dict[int, tuple[str, tuple[int, int] | tuple[()]]] = {}
    for i, row in enumerate(rows):
        at = f"images[{i}]"
        number, name = _whole(row, "id", at), _text(row, "file_name", at)
        if number in files:
            raise ValueError(f"{at}: id {number} is there twice")
        files[number] = name.removeprefix("./"), _size(row, at)
    return files


def _size(row: Mapping[str, Any], at: str) -> tuple[int, int] | tuple[()]:
    if "width" not in row or "height" not in row:
        return ()
    width, height = _whole(row, "width", at), _whole(row, "height", at)
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise ValueError(f"{at}: {width}x{height} pixels")
    return width, height


def _box(row: Mapping[str, Any], kind: int, at: str) -> TrueBox | None:
    """None for one without a surface, of which COCO itself has some."""
    points = _points(row, at)
    x, y, width, height = _numbers(row, "bbox", at, 4)
    crowd, area = row.get("iscrowd", 0), row.get("area")
    if crowd not in (0, 1):
        raise wrong(f"{at}.iscrowd", "0 or 1", crowd)
    if area is not None and not (_is_number(area) and 0 <= area < 2**40):
        raise wrong(f"{at}.area", "a number of pixels", area)
    surface = None if area is None else float(area)
    try:
        return check_box(
            TrueBox(x, y, x + width, y + height, kind, bool(crowd), area=surface, points=points)
        )
    except Empty:
        return None
    except ValueError as error:
        raise ValueError(f"{at}.bbox: {error}") from error


def _points(row: Mapping[str, Any], at: str) -> tuple[TruePoint, ...]:
    if "keypoints" not in row:
        return ()
    numbers = _numbers(row, "keypoints", at, None)
    if len(numbers) % 3:
        raise ValueError(f"{at}.keypoints: {len(numbers)} numbers are no triples x, y, v")
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return tuple(TruePoint(x, y, v > 0) for x, y, v in triples)


def _list(document: Mapping[str, Any], table: str) -> list[Any]:
    rows = document.get(table)
    if not isinstance(rows, list):
        raise wrong(table, "a list", rows) if table in document else ValueError(f"no {table!r}")
    wrong_row = next((i for i, row in enumerate(rows) if not isinstance(row, dict)), None)
    if wrong_row is not None:
        raise wrong(f"{table}[{wrong_row}]", "a table", rows[wrong_row])
    return rows


def _whole(row: Mapping[str, Any], key: str, at: str) -> int:
    value = row.get(key)
    if type(value) is not int or abs(value) >= 2**63:
        raise wrong(f"{at}.{key}", "a whole number", value)
    return value


def _text(row: Mapping[str, Any], key: str, at: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value or len(value) > 4096:
        raise wrong(f"{at}.{key}", "a text", value)
    return value


def _numbers(row: Mapping[str, Any], key: str, at: str, count: int | None) -> list[float]:
    values = row.get(key)
    many = isinstance(values, list) and count in (None, len(values))
    if not isinstance(values, list) or not many or len(values) > 3 * MOST_NAMES:
        raise wrong(f"{at}.{key}", f"a list of {count} numbers" if count else "a list", values)
    bad = next((value for value in values if not _is_number(value)), None)
    if bad is not None or None in values:
        raise wrong(f"{at}.{key}", "numbers", bad)
    return [float(value) for value in values]


def _is_number(value: Any) -> bool:
    whole = type(value) is int and abs(value) < 2**53
    return whole or (type(value) is float and math.isfinite(value))
