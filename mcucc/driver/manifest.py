"""manifest.json: what made a compiled folder, enough for `run` and `validate`; one type both ways.

It is read as what `compile` writes, and as nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mcucc.answers.answer import Answer
from mcucc.base.names import identifier
from mcucc.base.typed import Reader, plain, text_of, wrong
from mcucc.errors import DataError, OutputError
from mcucc.evaluate.fingerprint import NodeFingerprint
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import CalibrationFacts
from mcucc.numerics.fixed_point import Rounding
from mcucc.quantize.candidates import Chosen
from mcucc.quantize.quantize import Mode
from mcucc.quantize.split_outputs import SplitOutput
from mcucc.schedule.plan.plan import LARGEST_SIDE
from mcucc.schedule.search.limits import EFFORTS
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain.firmware import OPTIMIZE

MANIFEST = "manifest.json"
LARGEST = 2**24  # bytes of the file
LARGEST_ARENA = 2**31
# Keys that manifests of the same schema did not always have.
LATER = (
    "outputs",
    "split_outputs",
    "float_network",
    "weights",
    "precision",
    "mode",
    "chosen",
    "fold_attention",
    "fit",
    "fill",
    "camera",
    "answers",
    "search",
)


@dataclass(frozen=True)
class InFile:
    """The file was quantized already; `scheme` says so in words."""

    scheme: str
    rounding: Rounding


@dataclass(frozen=True, kw_only=True)
class PostTraining:
    """A float network was quantized here, on these samples.

    `float_network` is what it was quantized from, None where an older mcucc did not keep it.
    `weights` are the layers whose weights are not int8: int4 or ternary; `precision` the tensors
    that are int16; `mode` is the effort, `chosen` what it came to on pictures held back.
    `fold_attention`: keys and values are tokens (passes/fold_attention.py).
    """

    scheme: str = "post-training int8"
    observer: str
    rounding: Rounding
    correct_biases: bool
    calibration: CalibrationFacts
    split_outputs: tuple[SplitOutput, ...] = ()
    float_network: tuple[NodeFingerprint, ...] | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    precision: Mapping[str, str] = field(default_factory=dict)
    mode: Mode = Mode.FAST
    chosen: Chosen | None = None
    fold_attention: bool = False


Quantization = InFile | PostTraining


@dataclass(frozen=True)
class ModelOrigin:
    """The file that was given, by name and hash."""

    file: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Search:
    """What the plan in plan.json was looked for by; `effort` is None for limits of no word.

    `sram` bytes, `max_slowdown` and `max_macs` bound it, `point` is a number of the front.
    """

    schedule: str
    objective: str
    effort: str | None
    sram: int | None = None
    max_slowdown: float | None = None
    max_macs: float | None = None
    point: int | None = None

    @staticmethod
    def of(options: ScheduleOptions) -> Search | None:
        """By the wishes of `compile`; None where a plan file decided."""
        if options.plan is not None:
            return None
        words = (word for word, each in EFFORTS.items() if each == options.limits.efforts)
        return Search(
            schedule=options.schedule,
            objective=options.aim.value,
            effort=next(words, None),
            sram=options.sram,
            max_slowdown=options.max_slowdown,
            max_macs=options.max_macs,
            point=options.point,
        )


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The keys of the file.

    `preprocess` is None where the C reads int8 as they are. `outputs` are the tensors it was ended
    at, none for the file's own. `answers` say what outputs hold by [output]. `search` is None
    where a plan file was given.
    `files` are paths below the folder and their sha256.
    """

    schema: int
    mcucc: str
    name: str
    model: ModelOrigin
    board: str
    optimize: str
    rounding: Rounding
    preprocess: Preprocess | None
    input_shapes: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...] = ()
    quantization: Quantization
    answers: tuple[Answer, ...] = ()
    search: Search | None = None
    arena_bytes: int
    compiler: str
    files: Mapping[str, str]

    @property
    def is_float(self) -> bool:
        """Whether the model file is a float network that was quantized here."""
        return isinstance(self.quantization, PostTraining)

    @property
    def splits(self) -> tuple[SplitOutput, ...]:
        """Outputs of the file that are several in the C."""
        made = self.quantization
        return made.split_outputs if isinstance(made, PostTraining) else ()


def hashes_of(folder: Path) -> dict[str, str]:
    """Every file in a folder, by its path below it, and its sha256."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write the file, the same bytes for the same manifest."""
    text = json.dumps(plain(manifest), indent=1) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The file's data; OutputError unless every value is one that `compile` may have written."""
    try:
        data = json.loads(text_of(folder / MANIFEST, LARGEST))
        manifest: Manifest = Reader(LATER).read(Manifest, data)
        _check(manifest)
    except (OSError, ValueError, RecursionError, DataError) as error:
        why = error.what if isinstance(error, DataError) else error
        raise OutputError(
            f"{MANIFEST} is damaged ({why})", where=str(folder), hint="compile again"
        ) from error
    return manifest


def _check(manifest: Manifest) -> None:
    """ValueError for values whose type alone is right."""
    if identifier(manifest.name) != manifest.name:
        raise wrong("name", "a name in C", manifest.name)
    if manifest.optimize not in OPTIMIZE:
        raise wrong("optimize", f"one of {', '.join(OPTIMIZE)}", manifest.optimize)
    if not 0 <= manifest.arena_bytes <= LARGEST_ARENA:
        raise wrong("arena_bytes", "a number of bytes", manifest.arena_bytes)
    for name, shape in manifest.input_shapes.items():
        if not all(1 <= length <= LARGEST_SIDE for length in shape):
            raise wrong("input_shapes", "lengths from 1", f"{name}: {list(shape)[:8]}")
    for split in manifest.splits:
        parts = all(0 <= part.begin < part.end for part in split.parts)
        if not (parts and 0 <= split.axis <= 2):
            raise wrong("split_outputs", "parts along an axis of (H, W, C)", split.output)
    for name in manifest.files:
        steps = PurePosixPath(name).parts
        if not re.fullmatch(r"[A-Za-z0-9_.+/-]+", name) or name[0] in "/-" or ".." in steps:
            raise wrong("files", "paths below the folder", name)
