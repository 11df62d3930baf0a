"""What a compiled network says of samples, and the drawings of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mcucc.answers.draw import Said, draw
from mcucc.answers.words import brief, lines_of, said_of, to_dict
from mcucc.driver.folder import CompiledFolder
from mcucc.driver.run import Outputs
from mcucc.errors import DataError, OutputError
from mcucc.images.datasets import SUFFIXES
from mcucc.images.placement import Placement
from mcucc.images.samples import Picture, Sample

PNG = ".png"


@dataclass(frozen=True, eq=False)
class Answered:
    """One sample, what the network says of it, and where its input lies in the picture."""

    sample: Sample
    said: tuple[Said, ...]
    placement: Placement

    def lines(self, top: int) -> list[str]:
        """In words, each answer under the output that it is of where there are several."""
        if len(self.said) == 1:
            return lines_of(self.said[0], self.placement, top)
        found = []
        for said in self.said:
            found.append(f"{said.answer.output}:")
            found += [f"  {line}" for line in lines_of(said, self.placement, top)]
        return found

    def brief(self) -> str:
        """In words on one line."""
        return "; ".join(brief(said, self.placement) for said in self.said)

    def to_dict(self) -> list[dict[str, Any]]:
        """For --json."""
        return [to_dict(said, self.placement) for said in self.said]

    def write(self, path: Path) -> None:
        """Draw it, as a PNG. Raises DataError where there is no picture, OutputError."""
        if not isinstance(self.sample, Picture):
            what = f"{self.sample.name} is no picture: there is nothing to draw on"
            raise DataError(what, hint="leave out --draw")
        made = draw(self.sample.shown(), self.placement, self.said)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.save(path, "PNG")
        except OSError as error:
            why = error.strerror or str(error)
            raise OutputError(f"cannot write the drawing: {why}", where=str(path)) from error


def answered(
    compiled: CompiledFolder, samples: Sequence[Sample], outputs: Outputs
) -> tuple[Answered, ...]:
    """What `outputs` (samples, H, W, C), integers, say by the folder's [output]."""
    graph = compiled.integer
    seen = graph.activations[graph.inputs[0]]
    found = []
    for index, sample in enumerate(samples):
        own = {name: values[index] for name, values in outputs.items()}
        said = said_of(compiled.answers, graph.activations, own)
        place = Placement.same((seen.height, seen.width))
        found.append(
            Answered(sample, said, sample.placement if isinstance(sample, Picture) else place)
        )
    return tuple(found)


def check_drawing(compiled: CompiledFolder, source: Path, draw_to: Path) -> None:
    """Before anything runs: DataError unless there is something to draw, and a place for it."""
    if not compiled.answers:
        raise DataError(
            "nothing says what the outputs mean: there is nothing to draw",
            where=str(compiled.path),
            hint="compile with an [output] table in the model's TOML (docs/answers.md)",
        )
    if source.resolve() == draw_to.resolve():
        what = "the drawing would replace the picture it is of"
        raise DataError(what, where=str(draw_to), hint="give another --draw")
    if source.is_dir() and draw_to.exists() and not draw_to.is_dir():
        what = "is a file; the drawings of a folder of pictures are written into a folder"
        raise DataError(what, where=str(draw_to), hint="give a new or another folder")
    if not source.is_dir() and draw_to.suffix.lower() != PNG:
        what = "drawings are PNG files"
        raise DataError(what, where=str(draw_to), hint=f"give --draw {draw_to.stem}.png")


def drawing_names(samples: Sequence[Sample]) -> list[str]:
    """A file name for each sample's drawing, of letters that every system takes, all different."""
    found: dict[str, str] = {}  # by what a system that ignores case takes for the same
    for sample in samples:
        path = PurePosixPath(sample.name)
        own = str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else sample.name
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", own)[-120:].lstrip(".-") or "picture"
        name, number = f"{plain}{PNG}", 2
        while name.lower() in found:
            name, number = f"{plain}-{number}{PNG}", number + 1
        found[name.lower()] = name
    return list(found.values())


def write_drawings(found: Sequence[Answered], to: Path, *, several: bool) -> None:
    """The drawing of one sample as the file `to`, of several as files in the folder `to`."""
    if not several:
        found[0].write(to)
        return
    for each, name in zip(found, drawing_names([each.sample for each in found]), strict=True):
        each.write(to / name)
