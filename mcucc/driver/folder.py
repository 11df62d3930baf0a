"""The folder that `compile` writes and that `run` and `validate` open: what stands where in it.

It is written whole or not at all, and only what is compile's own is replaced. The files are made
in a scratch folder beside the target, which takes the target's place at the end: a failure leaves
nothing behind, and an older result stays as it was.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mcucc.answers.answer import Answer, ClassesAnswer, EmbeddingAnswer
from mcucc.answers.append import without, without_kernels
from mcucc.answers.check_answers import check_answers
from mcucc.boards.board import Board, load_board
from mcucc.driver.manifest import MANIFEST, Manifest, read_manifest
from mcucc.driver.network_file import load_graph, save_graph
from mcucc.driver.target import bind
from mcucc.driver.values_file import read_values, write_values
from mcucc.errors import OutputError
from mcucc.evaluate.file_values import FileValues
from mcucc.evaluate.ways import is_classifier
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.load import ModelFile, load_model
from mcucc.images.camera import CameraInput, cameras_of
from mcucc.images.front import network_kernels, network_of
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.plan import Plan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.plan_file import read_plan
from mcucc.toolchain.firmware import (
    OPTIMIZE,
    BuildOptions,
    Firmware,
    ModelUnit,
    build_firmware,
    unit_of,
)
from mcucc.toolchain.host import build_shared

# Beside the manifest, the C, the ELF and the report:
NETWORK = "network.npz"  # the int8 network
PLAN = "plan.json"  # the schedule the C was generated from
VALUES = "values.json"  # how the int8 network's tensors hold the file's values
BOARD = "board.toml"
SOURCE = "source"  # the model file as it was compiled, with its own suffix
# What `validate` writes beside them: of a network that is no more when it is compiled again.
VALIDATION = ("validate.html", "validate.json")


@dataclass(frozen=True, eq=False)
class CompiledFolder:
    """The network of a compiled folder: its int8 graph, its integers, its C.

    `source` is the copy of the model file.
    """

    path: Path
    manifest: Manifest
    board: Board
    graph: Graph
    integer: IntegerGraph
    source: Path

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What outputs say by [output]; outputs of no answer are tensors of the file."""
        return self.manifest.answers

    @cached_property
    def heads(self) -> tuple[Graph, IntegerGraph]:
        """The network itself: without a camera in front, and ending in what [output] reads."""
        graph, integer = network_of(self.graph), network_kernels(self.integer)
        return without(graph, self.answers), without_kernels(integer, self.answers)

    @property
    def scores(self) -> tuple[str, ...]:
        """What holds scores of classes, as computed and as the nodes of [output] read it."""
        if not self.answers:
            return self.integer.outputs if is_classifier(self.integer) else ()
        found = [answer for answer in self.answers if isinstance(answer, ClassesAnswer)][:1]
        return tuple(name for answer in found for name in (answer.output, *answer.heads))

    @property
    def rated_by_class(self) -> bool:
        """Whether a picture's class says that an answer is right."""
        kinds = (ClassesAnswer, EmbeddingAnswer)
        return any(isinstance(answer, kinds) for answer in self.answers)

    @property
    def camera(self) -> CameraInput | None:
        """How bytes of a picture become the network's only input; None where it takes int8."""
        folded, graph = self.manifest.is_float, self.heads[0]
        cameras = cameras_of(graph, self.manifest.preprocess, folded=folded)
        return next(iter(cameras.values()), None)

    @cached_property
    def imported(self) -> ImportedModel:
        """The model file, read again; OutputError where it is of another kind than the manifest's.

        Raises ModelError and UnsupportedError where this mcucc does not read it.
        """
        imported = load_model(self.source, input_shapes=self.manifest.input_shapes)
        if imported.quantized is self.manifest.is_float:
            what = f"{self.source.name} is not the file that was compiled"
            raise OutputError(what, where=str(self.path), hint="compile again")
        return imported

    @cached_property
    def values(self) -> Mapping[str, FileValues]:
        """Of tensors that do not simply hold the file's; empty where an older mcucc kept none."""
        return read_values(self.path / VALUES)

    def program(self) -> Program:
        """The program the C was generated from."""
        graph = bind(self.integer, self.board, self.manifest.optimize)
        return expand(graph, read_plan(self.path / PLAN))

    def unit(self) -> tuple[ModelUnit, list[Path]]:
        """The toolchain's view of the C: the model's own sources, and the kernels."""
        sources = [
            self.path / name
            for name in sorted(self.manifest.files)
            if name.endswith(".c") and ("/" not in name or name.startswith("runtime/"))
        ]
        leaving = read_plan(self.path / PLAN).row_outputs
        name, rows = self.manifest.name, sum(self.integer.activations[o].size for o in leaving)
        return unit_of(name, self.manifest.arena_bytes, self.path, sources, rows)

    def host_library(self, work: Path) -> Path:
        """The generated C as a shared object; `work` receives it."""
        unit, kernels = self.unit()
        return build_shared([unit], kernels, work)

    def firmware(self, work: Path) -> Firmware:
        """The firmware, built again from the C in the folder."""
        unit, kernels = self.unit()
        flags = BuildOptions(OPTIMIZE[self.manifest.optimize])
        return build_firmware([unit], kernels, self.board, work, options=flags)


def open_compiled(path: Path) -> CompiledFolder:
    """Read the manifest and the network of a compiled folder; OutputError when it is none."""
    if not (path / MANIFEST).is_file():
        what = "no such folder" if not path.exists() else "not a folder made by mcucc compile"
        raise OutputError(what, where=str(path), hint="compile first")
    manifest = read_manifest(path)
    sources = sorted(path.glob(f"{SOURCE}.*"))
    gone = [file for file in manifest.files if not (path / file).is_file()]
    if gone or not sources:
        raise OutputError(
            f"{gone[0] if gone else 'the copy of the model'} is gone",
            where=str(path),
            hint="compile again",
        )
    graph = load_graph(path / NETWORK)
    try:
        check_answers(graph, manifest.answers)
    except ValueError as error:
        what = f"{MANIFEST} is damaged ({error})"
        raise OutputError(what, where=str(path), hint="compile again") from error
    return CompiledFolder(
        path=path,
        manifest=manifest,
        board=replace(load_board(path / BOARD), name=manifest.board),
        graph=graph,
        integer=lower(graph, manifest.rounding),
        source=sources[0],
    )


def write_network(
    folder: Path,
    graph: Graph,
    values: Mapping[str, FileValues],
    plan: Plan,
    board: Path,
    source: ModelFile,
) -> None:
    """Write what `open_compiled` needs beside the manifest and the C.

    `board` is the board's TOML.
    """
    save_graph(graph, folder / NETWORK)
    write_values(values, folder / VALUES)
    (folder / PLAN).write_text(plan.to_json() + "\n", encoding="utf-8")
    (folder / f"{SOURCE}{source.suffix}").write_bytes(source.content)
    shutil.copyfile(board, folder / BOARD)


def check_target(out: Path) -> None:
    """OutputError unless `out` is new, empty, or a folder an earlier compile made."""
    if out.exists() and not out.is_dir():
        raise OutputError("is a file, not a folder", where=str(out), hint="give another --out")
    if out.is_dir() and any(out.iterdir()) and not _own_files(out):
        raise OutputError(
            "holds other files, which compile would replace",
            where=str(out),
            hint="give a new or empty folder",
        )


@dataclass(frozen=True)
class Staging:
    """Scratch folders beside the target `out`, one of which may take its place."""

    out: Path
    scratch: Path

    def new_folder(self) -> Path:
        """Another empty folder to write into."""
        folder = self.scratch / f"made-{len(list(self.scratch.iterdir()))}"
        folder.mkdir()
        return folder

    def publish(self, made: Path) -> None:
        """Put `made` where `out` is; on an error `out` is put back.

        Files of an older result go; what others put beside them is kept.
        """
        if not self.out.exists():
            made.rename(self.out)
            return
        keep, old = _foreign_files(self.out), self.scratch / "old"
        self.out.rename(old)
        try:
            made.rename(self.out)
        except OSError:
            old.rename(self.out)
            raise
        for name in keep:
            if not (self.out / name).exists():
                (self.out / name).parent.mkdir(parents=True, exist_ok=True)
                (old / name).rename(self.out / name)


@contextmanager
def staging(out: Path) -> Iterator[Staging]:
    """Scratch beside `out` that is gone after the block, but for what was published."""
    made = [folder for folder in out.parents if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise OutputError(str(error), where=str(out), hint="give another --out") from error
    try:
        yield Staging(out, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in made:  # innermost first; those that hold something stay
            with suppress(OSError):
                folder.rmdir()


def _own_files(folder: Path) -> frozenset[str]:
    """The files that an earlier compile and validate wrote; empty where its manifest is not ours.

    Of any version: a folder that this mcucc cannot open may still be replaced.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        own = frozenset((MANIFEST, *VALIDATION, *manifest["files"]))
        return own if "mcucc" in manifest else frozenset()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()


def _foreign_files(folder: Path) -> list[Path]:
    own = _own_files(folder)
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if path.as_posix() not in own]


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for objects and images that goes away by itself."""
    return tempfile.TemporaryDirectory(prefix="mcucc-")
