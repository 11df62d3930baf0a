"""YOLO's labels: a text a picture, `class cx cy width height` a line, in shares of the picture.

Behind the box stand points, `x y` or `x y v` of each, where `data.yaml` says `kpt_shape`. Otherwise
more numbers are the corners of an outline, whose box is taken (Ultralytics does so too). A picture
without a file is one with nothing on it, as YOLO's own tools have it. Names: `data.yaml`, or a name
a line in a text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mcucc.base.typed import shown, text_of
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

FORM = "YOLO txt"
LARGEST = 2**22  # bytes of a file
MOST_CLASSES = 10_000
MOST_POINTS = 1000
MARGIN = 1.0  # a box may reach so far over the edge, in shares: labels are rounded and augmented
YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
NAMES = ("classes.txt", "names.txt", "obj.names", "labels.txt", "class_names.txt")
LINE = "a line is: class, centre x, centre y, width, height; numbers from 0 to 1"


def read_yolo(folder: Path, pictures: Mapping[str, str], beside: Sequence[Path]) -> Labels:
    """Labels of `pictures` (name: its path below the pictures, without suffix) in `folder`.

    Names are looked for in the folders `beside`. DataError names file and line.
    """
    truths, without, empty = {}, 0, 0
    shape = points_of(beside)
    for name, stem in pictures.items():
        file = folder / f"{stem}.txt"
        there = file.is_file() and file.name not in NAMES
        without += not there
        truths[name], own = _truth(file, shape) if there else (Truth(), 0)
        empty += own
    note = f"{without} pictures have no file in {folder.name}: there is nothing on them"
    return Labels(
        folder,
        FORM,
        truths,
        names_of(beside),
        tuple(str(i) for i in range(shape[0])),
        (*((note,) if without else ()), *left_out(empty)),
    )


def _truth(file: Path, shape: tuple[int, int]) -> tuple[Truth, int]:
    """What a file says, and how many of its boxes are empty."""
    boxes: list[TrueBox] = []
    empty = 0
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            boxes.append(_box(line.split(), shape))
        except Empty:
            empty += 1
        except ValueError as error:
            raise DataError(str(error), where=f"{file}, line {number}", hint=LINE) from error
        if len(boxes) > MOST_BOXES:
            raise DataError(f"more than {MOST_BOXES} boxes", where=str(file))
    return Truth(tuple(boxes), shares=True), empty


def _box(words: Sequence[str], shape: tuple[int, int]) -> TrueBox:
    count, step = shape
    if len(words) < 5:
        raise ValueError(f"{len(words)} numbers where at least 5 are expected")
    kind, numbers = _class(words[0]), words[1:]
    if len(numbers) > 4 and not count:
        return _outline(kind, [_share(word) for word in numbers])
    x, y, width, height = (_share(word) for word in numbers[:4])
    rest = numbers[4:]
    if rest and len(rest) != count * step:
        raise ValueError(
            f"{len(rest)} numbers behind the box are not kpt_shape = [{count}, {step}]"
        )
    points = tuple(_point(rest[i : i + step]) for i in range(0, len(rest), step))
    return check_box(
        TrueBox(x - width / 2, y - height / 2, x + width / 2, y + height / 2, kind, points=points)
    )


def _outline(kind: int, places: Sequence[float]) -> TrueBox:
    """The box around corners x, y, x, y, .."""
    if len(places) % 2 or len(places) < 6:
        raise ValueError(
            f"{len(places)} numbers are no box and no outline; points need kpt_shape in data.yaml"
        )
    xs, ys = places[::2], places[1::2]
    return check_box(TrueBox(min(xs), min(ys), max(xs), max(ys), kind))


def _point(words: Sequence[str]) -> TruePoint:
    x, y = _share(words[0]), _share(words[1])
    known = _number(words[2]) > 0 if len(words) == 3 else (x, y) != (0, 0)
    return TruePoint(x, y, known)


def _lines(file: Path) -> list[str]:
    try:
        return text_of(file, LARGEST).splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read it: {error}", where=str(file)) from error


def _class(word: str) -> int:
    try:
        kind = int(word)
    except ValueError:
        raise ValueError(f"the class {shown(word)} is no whole number") from None
    if not 0 <= kind < MOST_CLASSES:
        raise ValueError(f"the class {shown(kind)} is outside 0..{MOST_CLASSES - 1}")
    return kind


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{shown(word)} is no number") from None


def _share(word: str) -> float:
    value = _number(word)
    if not (math.isfinite(value) and -MARGIN <= value <= 1 + MARGIN):
        raise ValueError(f"{shown(word)} is no share of the picture: places are from 0 to 1")
    return value


def names_of(folders: Sequence[Path]) -> tuple[str, ...]:
    """The classes that the first file of names in `folders` lists; () where there is none."""
    for folder in folders:
        for name in (*YAMLS, *NAMES):
            if (folder / name).is_file():
                found = read_names(folder / name)
                if found:
                    return found
    return ()


def points_of(folders: Sequence[Path]) -> tuple[int, int]:
    """`kpt_shape` of the first data.yaml that has it: points, and numbers of each; (0, 3): none."""
    for file in (folder / name for folder in folders for name in YAMLS):
        for number, line in enumerate(_lines(file) if file.is_file() else (), 1):
            if line.startswith("kpt_shape:"):
                sides = _bare(line.removeprefix("kpt_shape:")).strip("[]").split(",")
                if len(sides) == 2 and sides[0].strip().isdecimal() and sides[1].strip() in "23":
                    return min(int(sides[0][:4]), MOST_POINTS), int(sides[1])
                raise DataError(
                    "kpt_shape is not read",
                    where=f"{file}, line {number}",
                    hint="write kpt_shape: [17, 3]",
                )
    return 0, 3


def read_names(file: Path) -> tuple[str, ...]:
    """Of a text a name a line; of YAML what stands under `names:`. DataError names the line."""
    lines = _lines(file)
    if file.suffix in (".yaml", ".yml"):
        names = _yaml(lines, file)
    else:
        names = tuple(line.strip() for line in lines if line.strip())
    if len(names) > MOST_NAMES:
        raise DataError(f"more than {MOST_NAMES} names", where=str(file))
    return names


def _yaml(lines: Sequence[str], file: Path) -> tuple[str, ...]:
    """`names: [a, b]`, `names: {0: a}`, a list of `- a` or of `0: a`: what datasets have.

    No other YAML is read, nothing of it is executed.
    """
    for number, line in enumerate(lines, 1):
        if not line.startswith("names:"):
            continue
        rest = _bare(line.removeprefix("names:"))
        try:
            return _flow(rest, lines[number:]) if rest else _block(lines[number:])
        except ValueError as error:
            raise DataError(
                f"names are not read: {error}",
                where=f"{file}, line {number}",
                hint="write names: [person, car], or a name a line in classes.txt",
            ) from error
    return ()


def _flow(rest: str, following: Sequence[str]) -> tuple[str, ...]:
    text = rest
    ends = {"[": "]", "{": "}"}
    if text[0] not in ends:
        raise ValueError(f"expected a list, got {shown(text)}")
    for line in following:
        if text.endswith(ends[text[0]]):
            break
        text = f"{text} {_bare(line)}"
    if not text.endswith(ends[text[0]]):
        raise ValueError(f"the list has no end {ends[text[0]]}")
    inside = [part for part in _parts(text[1:-1]) if part]
    return tuple(map(_word, inside)) if text[0] == "[" else _numbered(inside)


def _block(lines: Sequence[str]) -> tuple[str, ...]:
    entries = []
    for line in lines:
        text = _bare(line)
        if not text:
            continue
        if not (line[0].isspace() or text.startswith("- ")):
            break
        entries.append(text)
    if entries and all(entry.startswith("- ") for entry in entries):
        return tuple(_word(entry[2:]) for entry in entries)
    return _numbered(entries)


def _numbered(entries: Sequence[str]) -> tuple[str, ...]:
    found = {}
    for entry in entries:
        number, colon, name = entry.partition(":")
        if not colon or not number.strip().isdecimal() or len(number) > 6:
            raise ValueError(f"expected a number and a name, got {shown(entry)}")
        found[int(number)] = _word(name)
    if sorted(found) != list(range(len(found))):
        raise ValueError("classes are not numbered from 0 without gaps")
    return tuple(found[i] for i in range(len(found)))


def _parts(text: str) -> Iterator[str]:
    """Split at commas outside of quotes."""
    part, quote = "", ""
    for letter in text:
        if letter == "," and not quote:
            yield part.strip()
            part = ""
            continue
        if letter in "'\"" and (not quote or quote == letter):
            quote = "" if quote else letter
        part += letter
    yield part.strip()


def _bare(line: str) -> str:
    """Without a comment."""
    text = line.strip()
    return "" if text.startswith("#") else text.split(" #")[0].strip()


def _word(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
