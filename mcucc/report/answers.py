"""How right answers are, as rows of text: the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcucc.evaluate.judge import DECODED, FLOAT, INT8, Judged
from mcucc.evaluate.tasks.task import Measure, Score

WAYS = {
    "float": "float network",
    "litert": "LiteRT",
    "onnxruntime": "ONNX Runtime",
    DECODED: "int8, decoded in float",
    "quantized": "int8, NumPy",
    "host": "C on this host",
    "emulated": "C emulated",
}
DIFFERENCES = {
    FLOAT: "int8 beside float",
    DECODED: "integer decode beside float decode of the same int8",
}
LEAST_COLUMNS = 3  # in a terminal, however narrow
MOST_CLASSES = 20  # rows in a terminal


@dataclass(frozen=True)
class Cells:
    """A table: heads of its columns, and rows that begin with a name."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def turned(self) -> Cells:
        """Rows as columns."""
        names = tuple(row[0] for row in self.rows)
        rows = [(head, *(row[k] for row in self.rows)) for k, head in enumerate(self.heads, 1)]
        return Cells(names, tuple(rows))


def figure(measure: Measure) -> str:
    """Its value as people read it."""
    if measure.value is None:
        return "–"
    if measure.unit == "pixels":
        return f"{measure.value:.2f} px"
    if measure.count is not None:
        return f"{100 * measure.value:.1f} %"
    return f"{measure.value:.4f}"


def brief(measure: Measure) -> str:
    """Its value with the 95 % interval in whole per cents, where it is a share of cases."""
    if measure.interval is None or measure.value is None:
        return figure(measure)
    low, high = (round(100 * end) for end in measure.interval)
    return f"{figure(measure)} ({low}–{high})"


def with_interval(measure: Measure) -> str:
    """The same with what it is of, and the 95 % interval."""
    if measure.interval is None:
        return figure(measure)
    low, high = (100 * end for end in measure.interval)
    return f"{figure(measure)} of {measure.count:,} ({low:.1f} – {high:.1f})"


def way_rows(found: Judged, interval: bool = False) -> Cells:
    """A row a way, a column a measure that any way has a value of."""
    scores = list(found.scores.values())
    keys: dict[str, str] = {m.key: m.title for score in scores for m in score.measures}
    known = {m.key for score in scores for m in score.measures if m.value is not None}
    shown = {key: title for key, title in keys.items() if key in known}
    text = with_interval if interval else brief
    rows = []
    for way, score in found.scores.items():
        own = {measure.key: text(measure) for measure in score.measures}
        rows.append((WAYS[way], *(own.get(key, "–") for key in shown)))
    return Cells(tuple(shown.values()), tuple(rows))


def class_rows(found: Judged) -> Cells:
    """A row a class: how often it is there; each measure in float and in int8."""
    one, other = found.scores.get(FLOAT), found.scores.get(INT8)
    if other is None or not other.classes:
        return Cells((), ())
    titles = [measure.title for measure in other.classes[0].measures]
    pairs = [("float", one)] if one is not None and one.classes else []
    ways = [*pairs, ("int8", other)]
    heads = ["is there", *(f"{title}, {way}" for title in titles for way, _ in ways)]
    rows = []
    for i, row in enumerate(other.classes):
        cells = [f"{row.count:,}"]
        for k in range(len(titles)):
            cells += [_class_figure(score, i, k) for _, score in ways]
        rows.append((row.name, *cells))
    return Cells(tuple(heads), tuple(rows))


def _class_figure(score: Score | None, row: int, measure: int) -> str:
    assert score is not None
    return figure(score.classes[row].measures[measure])


def confusion_rows(found: Judged) -> Cells:
    """What is true (rows) was taken for (columns) how often, in int8."""
    score = found.scores.get(INT8)
    if score is None or score.confusion is None:
        return Cells((), ())
    table = score.confusion
    rows = [
        (name, *(f"{count:,}" for count in counts))
        for name, counts in zip(table.rows, table.counts, strict=True)
    ]
    return Cells(table.columns, tuple(rows))


def lines_of(found: Judged) -> list[str]:
    """What the figures are of, and how answers differ."""
    lines = [*found.notes]
    lines += [f"{DIFFERENCES[name]}: {made.words}" for name, made in found.differences.items()]
    return lines


def worst_rows(found: Judged) -> Cells:
    """The pictures whose int8 answers are most wrong."""
    floats = any(picture.floats is not None for picture in found.worst)
    rows = []
    for picture in found.worst:
        of_float = () if picture.floats is None else (picture.floats.words,)
        rows.append((picture.name, picture.int8.words, *of_float))
    return Cells(("int8", "float") if floats else ("int8",), tuple(rows))


def title_of(found: Judged) -> str:
    """Its task and its output."""
    return f"{found.kind.capitalize()}: {found.answer.output}"


def print_answers(answers: Sequence[Judged], console: Console) -> None:
    """Tables of every answer."""
    for found in answers:
        console.print()
        console.print(title_of(found), style="bold", highlight=False)
        console.print(found.task.title, style="dim", highlight=False)
        if found.scores:
            console.print(_table("", _narrow(way_rows(found), console.width)))
        _print_classes(found, console)
        for line in lines_of(found):
            console.print(line, highlight=False)
        if found.worst:
            console.print(_table("worst pictures", worst_rows(found), wrapped=True))


def _print_classes(found: Judged, console: Console) -> None:
    classes = class_rows(found)
    if len(classes.rows) > 1:
        shown = _narrow(Cells(classes.heads, classes.rows[:MOST_CLASSES]), console.width)
        console.print()
        console.print(_table("", shown))
        if len(classes.rows) > MOST_CLASSES:
            more = len(classes.rows) - MOST_CLASSES
            console.print(f"and {more} more classes in validate.html", style="dim")


def _narrow(cells: Cells, width: int) -> Cells:
    """The columns that fit a terminal: the first ones say most, the page has all."""
    room = width - max((len(row[0]) for row in cells.rows), default=0)
    most = 0
    for k, head in enumerate(cells.heads, 1):
        words = (*head.split(), *(row[k] for row in cells.rows))
        room -= max(map(len, words)) + 2
        most = k if room >= 0 or k <= LEAST_COLUMNS else most
    return Cells(cells.heads[:most], tuple(row[: most + 1] for row in cells.rows))


def _table(title: str, cells: Cells, wrapped: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(title, no_wrap=not wrapped)
    for head in cells.heads:
        table.add_column(head, justify="right")
    for row in cells.rows:
        table.add_row(*map(Text, row))
    return table
