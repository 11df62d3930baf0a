"""What reads the answers of a network in C: boxes, classes, masks and points from its outputs.

Functions stand in NAME_answers.c and names in NAME_names.c: a library's object that nothing refers
to is not linked, so that either is in flash only where a product uses it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mcucc.answers.answer import Answer, BoxesAnswer, ClassesAnswer, KeypointsAnswer, MaskAnswer
from mcucc.base.names import comment, string
from mcucc.codegen.model_names import Names, c_int
from mcucc.ir.integer import Activation
from mcucc.ops.common.detection import FULL_SCORE

SHIFT = 16  # bits behind the point of a factor


@dataclass(frozen=True)
class NameTable:
    """The names of classes or points: `symbol`[`length`]; no symbol where there are no names."""

    symbol: str
    length: str  # a macro
    names: tuple[str, ...]  # insides of C strings
    of: str  # what they name, in words


@dataclass(frozen=True)
class OutputName:
    """The output that an answer reads: its name, its identifier and type in C."""

    name: str
    end: str
    value_type: str


@dataclass(frozen=True)
class AnswerCode:
    """What all answers have: a function, a macro for how many there are, names of the kinds."""

    function: str
    count_macro: str
    count: int
    output: OutputName
    kinds: NameTable | None

    task: ClassVar[str]

    @property
    def tables(self) -> tuple[NameTable, ...]:
        """The names that there are."""
        return () if self.kinds is None else (self.kinds,)

    @property
    def records(self) -> bool:
        """Whether the output is a list of boxes or points."""
        return self.task in ("boxes", "keypoints")


@dataclass(frozen=True)
class BoxesCode(AnswerCode):
    """At most `count` boxes, each with so many points, which have a function of their own."""

    points: int
    points_macro: str
    points_function: str
    point_names: NameTable | None

    task: ClassVar[str] = "boxes"

    @property
    def tables(self) -> tuple[NameTable, ...]:
        """Those of classes and of points."""
        return super().tables + (() if self.point_names is None else (self.point_names,))


@dataclass(frozen=True)
class Real:
    """Integers of an output as real values: round(`factor` * (q - `zero_point`) / 2^SHIFT)."""

    factor: int
    zero_point: int

    @staticmethod
    def of(a: Activation, unit: float) -> Real:
        """In 1 / `unit`."""
        return Real(round(a.scale * unit * (1 << SHIFT)), a.zero_point)

    def c(self, value: str) -> str:
        """The C expression of one value, an int32_t."""
        inside = f"{value} - {c_int(self.zero_point)}" if self.zero_point >= 0 else ""
        inside = inside or f"{value} + {-self.zero_point}"
        inside = value if self.zero_point == 0 else inside
        if self.factor == 1 << SHIFT:
            return inside
        half = 1 << SHIFT - 1
        product = f"INT64_C({self.factor}) * ({inside})"
        return f"(int32_t)(({product} + {half}) >> {SHIFT})"


@dataclass(frozen=True)
class ClassesCode(AnswerCode):
    """The best of `count` classes, sure from the integer `least` on.

    `always` and `never` say that every integer is as much, or none. `each_function` is there where
    several classes may be true.
    """

    least: int
    always: bool
    never: bool
    score: str  # C expression of that of `values[best]`
    each_function: str

    task: ClassVar[str] = "classes"


@dataclass(frozen=True)
class MaskCode(AnswerCode):
    """The class of a pixel: C expression of that of `value`; macros of the mask's size."""

    height_macro: str
    width_macro: str
    kind: str

    task: ClassVar[str] = "mask"


@dataclass(frozen=True)
class KeypointsCode(AnswerCode):
    """`count` points, sure from the score `least` on."""

    least: int
    least_macro: str

    task: ClassVar[str] = "keypoints"


def answer_codes(
    answers: Sequence[Answer], activations: Mapping[str, Activation], names: Names
) -> tuple[AnswerCode, ...]:
    """One for each answer that C has functions for: an embedding is an output as others are."""
    kinds = [type(answer) for answer in answers]
    found = []
    for answer in answers:
        several = kinds.count(type(answer)) > 1
        naming = _Naming(names, answer.output, several=several)
        code = _code(answer, activations[answer.output], naming)
        if code is not None:
            found.append(code)
    return tuple(found)


# The words that functions and data of a header begin with.
API_WORDS = frozenset(
    (
        "run",
        "slice",
        "model",
        "input",
        "output",
        "constant",
        "detect",
        "classify",
        "segment",
        "keypoints",
    )
)
END_MACROS = ("height", "width", "channels", "scale", "zero_point")


@dataclass(frozen=True)
class _Naming:
    """Names in C that nothing else has; with the output's where a task has several answers."""

    names: Names
    output: str
    several: bool

    @property
    def end(self) -> str:
        """The output's identifier."""
        return self.names.ends[self.output]

    @property
    def _told(self) -> str:
        """The output's identifier as the end of a function's: NAME_detect_run would be the `run`
        of a network called NAME_detect."""
        parts = self.end.split("_")
        return f"of{''.join(parts)}" if API_WORDS & set(parts) else self.end

    def symbol(self, what: str) -> str:
        """A function or a table: NAME_detect_points, or NAME_detect_points_OUTPUT."""
        wanted = f"{self.names.model}_{what}" + (f"_{self._told}" if self.several else "")
        return self.names.symbol(wanted, "answer", self.output, what)

    def macro(self, what: str) -> str:
        """A macro: NAME_BOXES_MOST, or NAME_BOXES_MOST_OUTPUT."""
        model, ends = self.names.model, self.names.ends.values()
        found = self.symbol(what)
        if found in {f"{model}_{end}_{of}" for end in ends for of in END_MACROS}:
            found = f"{found}_answer"
        return found.upper()

    def table(self, what: str, length: str, of: str, names: Sequence[str]) -> NameTable | None:
        """The table of these names, if there are any."""
        texts = tuple(string(name) for name in names)
        return NameTable(self.symbol(what), length, texts, of) if texts else None


def _code(answer: Answer, a: Activation, naming: _Naming) -> AnswerCode | None:
    output = OutputName(comment(a.name), naming.end, f"{a.dtype.name}_t")
    if isinstance(answer, BoxesAnswer):
        return _boxes(answer, output, naming)
    if isinstance(answer, ClassesAnswer):
        return _classes(answer, a, output, naming)
    if isinstance(answer, MaskAnswer):
        kinds = naming.macro("mask_kinds")
        return MaskCode(
            function=naming.symbol("segment"),
            count_macro=kinds,
            count=len(answer.classes),
            output=output,
            kinds=naming.table("segment_names", kinds, "the classes", answer.classes),
            height_macro=f"{naming.names.model}_{naming.end}_height".upper(),
            width_macro=f"{naming.names.model}_{naming.end}_width".upper(),
            kind=Real.of(a, 1).c("value"),
        )
    if isinstance(answer, KeypointsAnswer):
        count = naming.macro("keypoints_count")
        return KeypointsCode(
            function=naming.symbol("keypoints"),
            count_macro=count,
            count=len(answer.names),
            output=output,
            kinds=naming.table("keypoints_names", count, "the points", answer.names),
            least=math.ceil(answer.threshold * FULL_SCORE),
            least_macro=naming.macro("keypoints_least"),
        )
    return None


def _boxes(answer: BoxesAnswer, output: OutputName, naming: _Naming) -> BoxesCode:
    points, kinds = naming.macro("boxes_points"), naming.macro("boxes_kinds")
    return BoxesCode(
        function=naming.symbol("detect"),
        count_macro=naming.macro("boxes_most"),
        count=answer.most,
        output=output,
        kinds=naming.table("detect_names", kinds, "a box's kind", answer.classes),
        points=answer.points,
        points_macro=points,
        points_function=naming.symbol("detect_points") if answer.points else "",
        point_names=naming.table("detect_point_names", points, "its points", answer.point_names),
    )


def _classes(
    answer: ClassesAnswer, a: Activation, output: OutputName, naming: _Naming
) -> ClassesCode:
    count, least = naming.macro("classes"), _least(a, answer.threshold)
    return ClassesCode(
        function=naming.symbol("classify"),
        count_macro=count,
        count=a.height * a.width * a.channels,
        output=output,
        kinds=naming.table("classify_names", count, "the classes", answer.classes),
        least=least,
        always=least == a.interval[0],
        never=least > a.interval[1],
        score=Real.of(a, FULL_SCORE).c("values[best]"),
        each_function=naming.symbol("classify_each") if answer.several else "",
    )


def _least(a: Activation, threshold: float) -> int:
    """The least integer whose real value is at least a threshold, as `ClassesAnswer.read` asks.

    One more than the largest where none is.
    """
    low, high = a.interval
    integers = np.arange(low, high + 1)
    sure = integers[a.real(integers) >= threshold]
    return int(sure[0]) if sure.size else high + 1
