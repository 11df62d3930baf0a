"""What an export is made from, and the steps that all exports share."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import ModuleType

from markupsafe import Markup

from mcucc.answers.answer import Answer
from mcucc.base.names import comment
from mcucc.base.package_data import licence_text
from mcucc.base.templates import code_templates
from mcucc.boards.board import Board
from mcucc.codegen.model import ModelCode
from mcucc.codegen.write import library_sources
from mcucc.errors import ToolError
from mcucc.exports.expected import printed_lines
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import IntegerGraph
from mcucc.version import __version__

Files = dict[str, str | bytes]  # path below the export's folder to what is in it
LONGEST = 90  # characters of a line in a comment
LICENCE = "Apache-2.0"  # of the kernels: its SPDX name
PAGE = "https://example.com/"  # manifests demand one; the user's own takes its place


@dataclass(frozen=True)
class Example:
    """What the C reads for one inference, all inputs one after the other, and what must come out.

    `outputs` are the NumPy reference's, one after the other; `what` says what the picture is.
    """

    what: str
    inputs: bytes
    outputs: bytes


@dataclass(frozen=True)
class Trial:
    """What an export that runs the network must know: for which board, and on which pictures."""

    board: Board
    examples: Callable[[], tuple[Example, ...]]  # computed when they are asked for


@dataclass(frozen=True, eq=False)
class Library:
    """A generated C library.

    `sources` is path to text as `compile` lays it out; `expected` are the lines that the example
    prints; `optimize` is the flag that the firmware was measured with.
    """

    code: ModelCode
    sources: Mapping[str, str]
    expected: tuple[str, ...]
    trial: Trial | None = None
    optimize: str = "-O2"

    @staticmethod
    def of(
        code: ModelCode,
        graph: IntegerGraph,
        cameras: Mapping[str, CameraInput],
        answers: Sequence[Answer],
        trial: Trial | None = None,
        optimize: str = "-O2",
    ) -> Library:
        """The library of a network; the reference in Python runs once.

        ToolError where the example would have to print rows of several outputs, which mix.
        """
        if len(code.handed_out) > 1:
            names = ", ".join(end.name for end in code.handed_out)
            raise ToolError(
                f"the example of an export prints rows of one output, and {names} leave by rows",
                where=code.name,
                hint="--output NAME=rows for one of them",
            )
        expected = printed_lines(code, graph, cameras, answers)
        return Library(code, library_sources(code), expected, trial, optimize)

    @property
    def name(self) -> str:
        """The prefix of the C names, which is the library's name everywhere."""
        return self.code.name

    def placed(self, headers: str, sources: str) -> Files:
        """All headers and .c files: headers below one folder as they are included, .c by ISA.

        The model's own .c files stand right in `sources`, kernels in `sources`/mcucc/<isa>.
        """
        files: Files = {}
        for path, text in sorted(self.sources.items()):
            parts = PurePosixPath(path).parts
            if path.startswith("runtime/include/"):
                files[f"{headers}/{'/'.join(parts[2:])}"] = text
            elif path.startswith("runtime/kernels/"):
                files[f"{sources}/mcucc/{'/'.join(parts[2:])}"] = text
            elif path.endswith(".h"):
                files[f"{headers}/{path}"] = text
            elif path.endswith(".c"):
                files[f"{sources}/{path}"] = text
        return files

    def render(self, template: str, **values: object) -> str:
        """A template of templates/export: the model is `m`, mcucc's version `version`."""
        found = code_templates().get_template(f"export/{template}")
        context = {
            "m": self.code,
            "version": __version__,
            "expected": [_cut(comment(line)) for line in self.expected],
            "optimize": self.optimize,
            "licence": LICENCE,
            "page": PAGE,
        }
        return found.render(context | values)

    def first_run(self, entry: str = "int main(void)") -> str:
        """A program in C that runs the network on a picture of noise and prints the outputs."""
        return self.render("first_run.c.j2", entry=entry)

    def papers(self, example: str, notes: Sequence[str] = ()) -> Files:
        """README and licence: what the example at a path prints, and `notes` of the ecosystem."""
        # Lines of printable ASCII, quotes and all: nothing in them ends the block of code.
        printed = Markup("\n".join(_cut(line) for line in self.expected))
        readme = self.render("README.md.j2", example=example, notes=notes, printed=printed)
        return {"README.md": readme, "LICENSE": licence_text()}


def c_files(files: Files) -> list[str]:
    """The .c files among `files`, sorted."""
    return sorted(path for path in files if path.endswith(".c"))


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 4]} ..."


SHARED = ("expected", "library")


def export_names() -> tuple[str, ...]:
    """The ecosystems, sorted: the files of this package."""
    package = importlib.import_module("mcucc.exports")
    modules = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name.replace("_", "-") for name in modules if name not in SHARED))


def check_export(ecosystem: str, board: Board) -> None:
    """Raises ToolError, before anything takes time, for a board that the export is not made for."""
    check: Callable[[Board], None] | None = getattr(_module(ecosystem), "check", None)
    if check is not None:
        check(board)


def export_to(ecosystem: str, library: Library, folder: Path) -> Path:
    """Writes `folder`/<ecosystem>/<library> and returns it; `ecosystem` is of export_names()."""
    make: Callable[[Library], Files] = _module(ecosystem).files
    place = folder / ecosystem / library.name
    for path, content in make(library).items():
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode("ascii"))
    return place


def _module(ecosystem: str) -> ModuleType:
    return importlib.import_module(f"mcucc.exports.{ecosystem.replace('-', '_')}")
