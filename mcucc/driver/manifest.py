"""manifest.json of a compiled folder: read as what `compile` writes, and as nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mcucc.base.names import identifier
from mcucc.base.typed import Reader, text_of, wrong
from mcucc.driver.staging import MANIFEST
from mcucc.errors import OutputError
from mcucc.numerics.fixed_point import Rounding
from mcucc.schedule.plan.plan import LARGEST_SIDE

LARGEST = 2**24  # bytes of the file
LARGEST_ARENA = 2**31
OPTIMIZE = {"speed": "-O3", "balanced": "-O2", "size": "-Os"}


@dataclass(frozen=True)
class Manifest:
    """The keys of the file; `files` are paths below the folder and their sha256."""

    schema: int
    mcucc: str
    name: str
    model: Mapping[str, str]
    board: str
    optimize: str
    rounding: Rounding
    preprocess: Mapping[str, Any] | None
    input_shapes: Mapping[str, tuple[int, ...]]
    quantization: Mapping[str, Any]
    arena_bytes: int
    compiler: str
    files: Mapping[str, str]
    outputs: tuple[str, ...] = ()


def read_manifest(folder: Path) -> dict[str, Any]:
    """The file's data; OutputError unless every value is one that `compile` may have written."""
    try:
        data: dict[str, Any] = json.loads(text_of(folder / MANIFEST, LARGEST))
        _check(Reader(("outputs",)).read(Manifest, data))
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(
            f"{MANIFEST} is damaged ({error})", where=str(folder), hint="compile again"
        ) from error
    return data


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
    for name in manifest.files:
        parts = PurePosixPath(name).parts
        if not re.fullmatch(r"[A-Za-z0-9_.+/-]+", name) or name[0] in "/-" or ".." in parts:
            raise wrong("files", "paths below the folder", name)
