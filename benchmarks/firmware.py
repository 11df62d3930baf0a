"""A network under a plan as firmware: what the benchmarks of whole networks build and run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcucc.backends import Qemu
from mcucc.backends.camera_rows import as_asked
from mcucc.boards.board import Board, Core, Memory, MemoryKind, board_names, load_board
from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.write import write_library
from mcucc.driver.load import LoadedModel
from mcucc.driver.measure import reference_bytes
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.program import Program
from mcucc.toolchain import BuildOptions, Firmware, ModelUnit, build_firmware, refence
from mcucc.toolchain.firmware import unit_of

NAME = "net"


@dataclass(frozen=True)
class Proved:
    """Bytes of SRAM of a linked image that ran within a fence of exactly `fence` bytes."""

    arena: int
    static: int
    stack: int
    fence: int

    @property
    def total(self) -> int:
        """Arena, static data and the painted stack."""
        return self.arena + self.static + self.stack


def roomy(core: str) -> Board:
    """A board of this core whose memories hold every network, as far as its machine has them."""
    boards = (load_board(name) for name in board_names())
    board = next(b for b in boards if b.core is Core(core) and b.machine is not None)
    flash = Memory("flash", MemoryKind.FLASH, 0, 2 << 20, code_origin=0, loadable=False)
    size = 1 << (19 if core == "cortex-m55" else 20)
    ram = Memory("ram", MemoryKind.RAM, 1 << 29, size, code_origin=None, loadable=True)
    return replace(board, memories=(flash, ram), code=flash, weights=flash, data=ram, arena=ram)


def generate(network: LoadedModel, program: Program, folder: Path) -> tuple[ModelUnit, list[Path]]:
    """The checked program's C in `folder`, as the toolchain takes it; the model is NAME."""
    check(program)
    code = model_code(program, network.cameras, NAME, Origin("bench", "0" * 64, "bench"))
    sources = write_library(code, folder)
    return unit_of(NAME, program.arena_bytes, folder, sources, program.row_output_bytes)


def build(network: LoadedModel, program: Program, board: Board, folder: Path) -> Firmware:
    """The checked program's firmware at -O2."""
    unit, kernels = generate(network, program, folder)
    return build_firmware([unit], kernels, board, folder / "build", options=BuildOptions("-O2"))


def picture(network: LoadedModel, seed: int = 0) -> np.ndarray:
    """Bytes of every value for all inputs."""
    graph = network.integer
    size = sum(graph.activations[name].size for name in graph.inputs)
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


def count(network: LoadedModel, program: Program, firmware: Firmware) -> list[int]:
    """Instructions of each working stage in QEMU."""
    image = picture(network)
    handed = as_asked(program, image.tobytes())
    found = Qemu().run(firmware, [handed], count=True).step_instructions
    if found is None:
        raise RuntimeError("nothing was counted")
    return list(found[len(found) - len(program.steps) :])


def fenced(network: LoadedModel, firmware: Firmware) -> Proved:
    """Measure the stack, link again with that much RAM and no byte more, and run that.

    RuntimeError where an output is not that of the layer-by-layer reference in NumPy.
    """
    images = [picture(network, seed) for seed in range(2)]
    expected = tuple(reference_bytes(network, network.integer, image) for image in images)
    raw = [image.tobytes() for image in images]
    first = Qemu().run(firmware, raw)
    total = firmware.sram_bytes(first.stack_bytes or 0)
    fence = -(-total // 32) * 32  # the granule of the memory protection unit
    proved = Qemu().run(refence(firmware, total), raw)
    if not first.outputs == proved.outputs == expected:
        raise RuntimeError(f"{network.file.path.name}: the output differs from layer by layer")
    sizes = firmware.sizes
    return Proved(sizes.arena, sizes.static, proved.stack_bytes or 0, fence)
