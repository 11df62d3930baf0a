"""A network as C in a folder: what every whole-network test builds and runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcucc.boards.board import Board
from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.write import write_library
from mcucc.driver.target import target_of
from mcucc.images.camera import CameraInput
from mcucc.ir import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import Rounding
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy, Plan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.choose import schedule
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain import BuildOptions, Firmware, ModelUnit, build_firmware
from mcucc.toolchain.firmware import unit_of


@dataclass(frozen=True, eq=False)
class Library:
    """Generated C and the integers it was generated from."""

    folder: Path
    integer: IntegerGraph
    program: Program
    board: Board
    unit: ModelUnit
    kernels: tuple[Path, ...]

    def firmware(self, folder: Path) -> Firmware:
        return build_firmware(
            [self.unit], self.kernels, self.board, folder, options=BuildOptions("-O2")
        )

    def pictures(self, count: int, seed: int = 0) -> list[bytes]:
        """Camera bytes; the first picture is black, the second white."""
        shape = self.integer.activations["image"].shape
        drawn = np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)
        drawn[0], drawn[1:2] = 0, 255
        return [picture.tobytes() for picture in drawn]

    def expected(self, pictures: Sequence[bytes]) -> tuple[bytes, ...]:
        """The NumPy reference's outputs, one after the other, for each picture."""
        shape = self.integer.activations["image"].shape
        pixels = np.stack([np.frombuffer(raw, np.uint8).reshape(shape) for raw in pictures])
        values = self.integer.run({"image": CameraInput.offset(shape[2]).apply(pixels)})
        return tuple(
            b"".join(values[name][index].tobytes() for name in self.integer.outputs)
            for index in range(len(pictures))
        )


def library(
    graph: Graph,
    board: Board,
    folder: Path,
    name: str,
    rounding: Rounding = Rounding.SINGLE,
    plan: Plan | None = None,
    image: ImagePolicy = ImagePolicy.RESIDENT,
    camera: CameraInput | None = None,
) -> Library:
    """Schedule a network for the kernels of a board (by `plan` or by layers) and write its C.

    Its only input is "image" of byte - 128, or what `camera` says.
    """
    integer = lower(graph, rounding)
    options = ScheduleOptions(schedule="layers", image=image)
    program = schedule(integer, target_of(board), options).program
    if plan is not None:
        program = expand(program.graph, plan)
    check(program)
    (name_of_input,) = integer.inputs
    camera = camera or CameraInput.offset(integer.activations[name_of_input].channels)
    cameras = {name_of_input: camera}
    code = model_code(program, cameras, name, Origin("test", "0" * 64, "test"))
    folder.mkdir(parents=True, exist_ok=True)
    sources = write_library(code, folder)
    unit, kernels = unit_of(name, program.arena_bytes, folder, sources, program.row_output_bytes)
    return Library(folder, integer, program, board, unit, tuple(kernels))
