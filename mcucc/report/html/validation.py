"""validate.html: how right a compiled network's answers are, as one page that stands alone.

Names of models, classes and files are untrusted text: the template escapes everything.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from PIL import Image

from mcucc.base.templates import environment
from mcucc.evaluate.judge import INT8, Judged
from mcucc.evaluate.worst_drawing import drawings
from mcucc.report.answers import (
    Cells,
    class_rows,
    confusion_rows,
    lines_of,
    title_of,
    way_rows,
    worst_rows,
)
from mcucc.report.format import printable
from mcucc.report.groups import GroupCells, footnotes_of, heads_of, rows_of

WIDEST = 420  # pixels of a drawing
COLOURS = 128
LARGEST_CONFUSION = 40  # classes; more is no table that anybody reads
DEPTHS = 5  # shades of a cell


@dataclass(frozen=True)
class Drawing:
    """A drawn picture as a data URL, and what is said of it."""

    name: str
    words: str
    images: tuple[tuple[str, str], ...]  # title, URL


@dataclass(frozen=True)
class ConfusionCell:
    """A count, and how dark it is among its row, 0 to DEPTHS."""

    text: str
    depth: int
    right: bool


@dataclass(frozen=True)
class GroupSection:
    """A measure of groups of pictures."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[GroupCells, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class AnswerSection:
    """One output on the page."""

    title: str
    measured: str
    ways: Cells
    intervals: bool  # whether any figure has one
    lines: tuple[str, ...]
    classes: Cells
    confusion: Cells
    shades: tuple[tuple[ConfusionCell, ...], ...]
    unit: str
    worst: Cells
    drawings: tuple[Drawing, ...]
    groups: tuple[GroupSection, ...]


@dataclass(frozen=True)
class ValidationFacts:
    """What the page says above the answers: `ways` is validate's table, `verdict` its lines."""

    model: str
    data: str
    passed: bool
    ways: Cells
    verdict: tuple[str, ...]


def validation_page(
    facts: ValidationFacts, answers: Sequence[Judged], pictures: Mapping[int, Image.Image]
) -> str:
    """The page; `pictures` are those that can be drawn on, by number."""
    sections = [_section(found, pictures) for found in answers if found.scores or found.notes]
    template = environment(_shown).get_template("report/validate.html.j2")
    return template.render(facts=facts, sections=sections)


def wanted(answers: Sequence[Judged]) -> list[int]:
    """The numbers of the pictures that the page draws."""
    return sorted({picture.index for found in answers for picture in found.worst})


def _shown(value: object) -> object:
    """Text printable; what a macro made of such text is HTML already."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value)
    return value


def _section(found: Judged, pictures: Mapping[int, Image.Image]) -> AnswerSection:
    confusion = confusion_rows(found)
    score = found.scores.get(INT8)
    table = None if score is None else score.confusion
    small = table is not None and len(table.columns) <= LARGEST_CONFUSION
    return AnswerSection(
        title=title_of(found),
        measured=found.task.title,
        ways=way_rows(found, interval=True).turned,
        intervals=any(m.interval for s in found.scores.values() for m in s.measures),
        lines=tuple(lines_of(found)),
        classes=class_rows(found),
        confusion=confusion if small else Cells((), ()),
        shades=_shades(table.counts) if small and table is not None else (),
        unit="" if table is None else table.unit,
        worst=worst_rows(found),
        drawings=tuple(_drawings(found, pictures)),
        groups=tuple(
            GroupSection(made.title, heads_of(made), rows_of(made), tuple(footnotes_of(made)))
            for made in found.groups
        ),
    )


def _shades(counts: Sequence[Sequence[int]]) -> tuple[tuple[ConfusionCell, ...], ...]:
    return tuple(
        tuple(
            ConfusionCell(f"{count:,}", -(-DEPTHS * count // max(sum(row), 1)), i == k)
            for k, count in enumerate(row)
        )
        for i, row in enumerate(counts)
    )


def _drawings(found: Judged, pictures: Mapping[int, Image.Image]) -> list[Drawing]:
    made = []
    for picture in found.worst:
        if picture.index not in pictures:
            continue
        images = drawings(found, INT8, picture.index, pictures[picture.index])
        urls = tuple((title, _url(image)) for title, image in images.items())
        if urls:
            made.append(Drawing(picture.name, picture.int8.words, urls))
    return made


def _url(image: Image.Image) -> str:
    """A small PNG: few colours are enough to see what was found."""
    small = image.convert("RGB")
    small.thumbnail((WIDEST, WIDEST))
    stream = io.BytesIO()
    small.quantize(COLOURS).save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
