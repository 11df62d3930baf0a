"""PASCAL VOC's labels: an XML a picture. Corners are pixels counted from 1, the last one inside.

The parser knows elements and text: a file that declares a document type or an entity is refused, so
nothing is expanded and nothing outside of the file is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from mcucc.base.typed import shown
from mcucc.errors import DataError
from mcucc.images.labels import MOST_BOXES, Empty, Labels, TrueBox, Truth, check_box, left_out

FORM = "VOC XML"
LARGEST = 2**22  # bytes of a file
DEEPEST = 16
CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass
class Element:
    """An element with the line it begins in."""

    tag: str
    line: int
    text: str = ""
    inner: list[Element] = field(default_factory=list)

    def first(self, tag: str) -> Element | None:
        """The first of its elements with this name."""
        return next((element for element in self.inner if element.tag == tag), None)


class Broken(ValueError):
    """What is wrong, and in which line."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(why)
        self.line = line


def read_voc(folder: Path, pictures: Mapping[str, str]) -> Labels:
    """Labels of `pictures` (name: its path below the pictures, without suffix) in `folder`.

    Classes are numbered in the order of their names. DataError names file and line.
    """
    found = {}
    for name, stem in pictures.items():
        file = folder / f"{stem}.xml"
        if file.is_file():
            found[name] = _named(file)
    names = sorted({kind for boxes, *_ in found.values() for kind, _ in boxes})
    number = {name: i for i, name in enumerate(names)}
    truths = {
        name: Truth(tuple(_of_kind(box, number[kind]) for kind, box in boxes), size)
        for name, (boxes, size, _) in found.items()
    }
    notes = left_out(sum(empty for *_, empty in found.values()))
    return Labels(folder, FORM, truths, tuple(names), notes=notes)


def _of_kind(box: TrueBox, kind: int) -> TrueBox:
    return TrueBox(box.left, box.top, box.right, box.bottom, kind, difficult=box.difficult)


def _named(file: Path) -> tuple[list[tuple[str, TrueBox]], tuple[int, int] | tuple[()], int]:
    """Boxes with the names of their classes, (width, height) of the picture, how many are empty."""
    try:
        root = parse(file)
        objects = [element for element in root.inner if element.tag == "object"]
        if root.tag != "annotation":
            raise Broken(f"expected <annotation>, got <{root.tag[:60]}>", root.line)
        if len(objects) > MOST_BOXES:
            raise Broken(f"more than {MOST_BOXES} objects", root.line)
        made = [made for made in map(_object, objects) if made is not None]
        return made, _size(root), len(objects) - len(made)
    except Broken as error:
        where = f"{file}, line {error.line}"
        raise DataError(str(error), where=where, hint="docs/answers.md has an example") from error
    except OSError as error:
        raise DataError(f"cannot read it: {error}", where=str(file)) from error


def _size(root: Element) -> tuple[int, int] | tuple[()]:
    size = root.first("size")
    if size is None:
        return ()
    width, height = (int(_number(size, key)) for key in ("width", "height"))
    return (width, height) if width > 0 and height > 0 else ()  # tools write 0 for unknown


def _object(element: Element) -> tuple[str, TrueBox] | None:
    """None for one without width or height."""
    name, place = element.first("name"), element.first("bndbox")
    if name is None or not name.text.strip():
        raise Broken("an <object> without <name>", element.line)
    if place is None:
        raise Broken("an <object> without <bndbox>", element.line)
    left, top, right, bottom = (_number(place, key) for key in CORNERS)
    hard = element.first("difficult")
    try:
        box = check_box(
            TrueBox(
                max(left - 1, 0),
                max(top - 1, 0),
                right,
                bottom,
                0,
                difficult=hard is not None and hard.text.strip() == "1",
            )
        )
    except Empty:
        return None
    except ValueError as error:
        raise Broken(str(error), place.line) from error
    return name.text.strip(), box


def _number(element: Element, tag: str) -> float:
    inner = element.first(tag)
    if inner is None:
        raise Broken(f"a <{element.tag}> without <{tag}>", element.line)
    try:
        value = float(inner.text)
    except ValueError:
        raise Broken(f"<{tag}> is {shown(inner.text.strip())}, no number", inner.line) from None
    if not (math.isfinite(value) and abs(value) < 2**31):
        raise Broken(f"<{tag}> is {shown(inner.text.strip())}", inner.line)
    return value


def parse(file: Path) -> Element:
    """The tree of a small XML file; Broken for anything that is more than elements and text."""
    with file.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Broken(f"more than {LARGEST:,} bytes", 1)
    parser = expat.ParserCreate()
    top = Element("", 0)
    open_elements = [top]

    def start(tag: str, _: object) -> None:
        if len(open_elements) > DEEPEST:
            raise Broken("elements stand too deep in each other", parser.CurrentLineNumber)
        element = Element(tag, parser.CurrentLineNumber)
        open_elements[-1].inner.append(element)
        open_elements.append(element)

    def end(_: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].text += data

    def refuse(*_: object) -> None:
        raise Broken("document types and entities are not read", parser.CurrentLineNumber)

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise Broken(f"not XML: {expat.errors.messages[error.code]}", error.lineno) from error
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        if isinstance(error, Broken):
            raise
        raise Broken(f"not XML: {error}", 1) from error
    return top.inner[0]
