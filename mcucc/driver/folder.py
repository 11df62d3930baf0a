"""A folder that `compile` made, opened again for `run` and `validate`."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mcucc.boards.board import Board, load_board
from mcucc.driver.compile import BOARD_FILE, unit_of
from mcucc.driver.manifest import OPTIMIZE, read_manifest
from mcucc.driver.network_file import load_graph
from mcucc.driver.staging import MANIFEST
from mcucc.errors import OutputError
from mcucc.evaluate.fingerprint import first_changed
from mcucc.images.camera import CameraInput
from mcucc.images.preprocess import Preprocess
from mcucc.ir.graph import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import Rounding
from mcucc.quantize.lower import lower
from mcucc.quantize.split_outputs import SplitOutput, read_splits
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import bind, read_plan
from mcucc.toolchain.firmware import BuildOptions, Firmware, ModelUnit, build_firmware
from mcucc.toolchain.host import build_shared


@dataclass(frozen=True, eq=False)
class CompiledFolder:
    """The network of a compiled folder: its int8 graph, its integers, its C."""

    path: Path
    name: str
    manifest: Mapping[str, Any]
    board: Board
    graph: Graph
    integer: IntegerGraph
    preprocess: Preprocess | None
    source: Path

    @property
    def is_float(self) -> bool:
        """Whether the model file is a float network that was quantized here."""
        return self.source.suffix == ".onnx" and "observer" in self.manifest["quantization"]

    @property
    def camera(self) -> CameraInput | None:
        """How camera bytes become the only input's int8; None where it takes int8."""
        if self.preprocess is None or len(self.graph.inputs) != 1:
            return None
        (name,) = self.graph.inputs
        if self.is_float:
            return CameraInput.offset(self.preprocess.channel_count)
        scale, offset = self.preprocess.affine()
        quant = self.graph.tensors[name].quantization
        return CameraInput.quantized(list(scale), list(offset), quant)

    def program(self) -> Program:
        """The schedule the C was generated from."""
        graph = bind(self.integer, self.board, self.manifest["optimize"])
        return expand(graph, read_plan(self.path / "plan.json"))

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes given for open inputs when it was compiled."""
        given = self.manifest["input_shapes"]
        return {name: tuple(shape) for name, shape in given.items()}

    def changed_layer(self, today: Sequence[dict[str, Any]]) -> str:
        """The first layer in which the float network `today` is not the compiled one's, or "".

        A folder of an older mcucc does not say what it was compiled from. Raises OutputError.
        """
        try:
            before = self.manifest["quantization"].get("float_network")
            return "" if before is None else first_changed(before, today) or ""
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutputError(
                f"{MANIFEST} is damaged ({error})", where=str(self.path), hint="compile again"
            ) from error

    @property
    def splits(self) -> tuple[SplitOutput, ...]:
        """Outputs of the file that are several here; OutputError when the manifest is damaged."""
        try:
            return read_splits(self.manifest["quantization"].get("split_outputs", ()))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise OutputError(
                f"{MANIFEST} is damaged ({error})", where=str(self.path), hint="compile again"
            ) from error

    @property
    def sources(self) -> tuple[Path, ...]:
        """The generated and the runtime's .c files."""
        return tuple(
            self.path / name
            for name in sorted(self.manifest["files"])
            if name.endswith(".c") and ("/" not in name or name.startswith("runtime/"))
        )

    def unit(self) -> tuple[ModelUnit, list[Path]]:
        """The toolchain's view of the C."""
        return unit_of(self.name, self.manifest["arena_bytes"], self.path, self.sources)

    def host_library(self, work: Path) -> Path:
        """The generated C as a shared object; `work` receives it."""
        unit, kernels = self.unit()
        return build_shared([unit], kernels, work)

    def firmware(self, work: Path) -> Firmware:
        """The firmware, built again from the C in the folder."""
        unit, kernels = self.unit()
        flags = BuildOptions(OPTIMIZE[self.manifest["optimize"]])
        return build_firmware([unit], kernels, self.board, work, options=flags)


def open_compiled(path: Path) -> CompiledFolder:
    """Read the manifest and the network of a compiled folder; OutputError when it is none."""
    if not (path / MANIFEST).is_file():
        what = "no such folder" if not path.exists() else "not a folder made by mcucc compile"
        raise OutputError(what, where=str(path), hint="compile first")
    manifest = read_manifest(path)
    rounding, table = Rounding(manifest["rounding"]), manifest["preprocess"]
    sources = sorted(path.glob("source.*"))
    gone = [file for file in manifest["files"] if not (path / file).is_file()]
    if gone or not sources:
        raise OutputError(
            f"{gone[0] if gone else 'the copy of the model'} is gone",
            where=str(path),
            hint="compile again",
        )
    graph = load_graph(path / "network.npz")
    return CompiledFolder(
        path=path,
        name=manifest["name"],
        manifest=manifest,
        board=replace(load_board(path / BOARD_FILE), name=manifest["board"]),
        graph=graph,
        integer=lower(graph, rounding),
        preprocess=None if table is None else Preprocess.from_dict(table, where=str(path)),
        source=sources[0],
    )


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for objects and images that goes away by itself."""
    return tempfile.TemporaryDirectory(prefix="mcucc-")
