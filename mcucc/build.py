"""`compile`: a model file becomes C, firmware, manifest and report in one folder.

Everything is made in a scratch folder beside the target and moved there at the end: a failure
leaves nothing behind, and an older result stays as it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mcucc import __version__
from mcucc.boards import Board, load_board
from mcucc.codegen.model import ModelCode, Origin, model_code, model_identifier
from mcucc.codegen.write import write_library
from mcucc.emulate.choose import choose_emulator
from mcucc.errors import FitError, OutputError, ToolError
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.store import save_graph
from mcucc.kernels.select import isa_of, select_all
from mcucc.network import Network, NetworkOptions, Progress, load_network
from mcucc.report.facts import (
    SCHEMA,
    BoardFacts,
    FlashFacts,
    InstructionFacts,
    MacFacts,
    ModelFacts,
    Report,
    layer_facts,
    plan_facts,
    sram_facts,
)
from mcucc.schedule.layers import layer_program
from mcucc.schedule.program import Program
from mcucc.toolchain.firmware import BuildOptions, Firmware, ModelUnit, build_firmware

MANIFEST = "manifest.json"
OPTIMIZE = {"speed": "-O3", "balanced": "-O2", "size": "-Os"}
PROOF_LIMIT_S = 300.0


@dataclass(frozen=True)
class CompileOptions:
    """What `compile` is asked for."""

    board: str
    out: Path
    network: NetworkOptions
    name: str | None = None
    optimize: str = "balanced"
    emulator: str = "auto"  # or none, qemu, unicorn


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network with its program and its C, before anything is built."""

    network: Network
    program: Program
    code: ModelCode
    name: str


@dataclass(frozen=True)
class Measured:
    """What the emulated image showed; `why` says why there is nothing."""

    source: str
    stack: int
    instructions: int | None
    steps: tuple[int, ...] | None
    emulator: str


def compile_model(model: Path, options: CompileOptions, progress: Progress) -> Report:
    """Compile `model` into `options.out`; returns the report that was written there.

    Raises FitError when it does not fit the board (by how much, and where the peak is), and
    McuccErrors of every stage; the folder is untouched then.
    """
    board = load_board(options.board)
    name = model_identifier(options.name or model.stem)
    check_target(options.out)
    network = load_network(model, options.network, progress)
    progress("planning", 0, 0)
    compiled = generate(network, board, name)
    check_arena(compiled.program, board)
    with staging(options.out) as folder:
        return _build(compiled, board, options, folder, progress)


def generate(network: Network, board: Board, name: str) -> Compiled:
    """Choose kernels, schedule, and compute the C of a network for a board's core."""
    program = schedule(network.integer, board)
    origin = Origin(network.path.name, network.sha256, __version__)
    code = model_code(program, network.cameras, name, origin)
    return Compiled(network, program, code, name)


def schedule(integer: IntegerGraph, board: Board) -> Program:
    """The fastest kernels of the board's core, layer by layer."""
    options = sorted(option.value for option in board.isa)
    chosen, _ = select_all(integer, isa_of(board.core.value, options))
    return layer_program(chosen)


def check_arena(program: Program, board: Board) -> None:
    """FitError before any compiler runs when the arena alone is larger than its memory."""
    room = board.arena.size
    if program.arena_bytes <= room:
        return
    raise FitError(
        f"the arena needs {program.arena_bytes:,} bytes, {board.arena.name} has {room:,}: "
        f"{program.arena_bytes - room:,} too many\n{describe_peak(program)}",
        where=board.name,
        hint="a board with more SRAM, or a network with smaller early layers",
    )


def describe_peak(program: Program) -> str:
    """The layer of the peak and what is alive there."""
    peak = program.peak_step()
    node = program.nodes[peak]
    live = ", ".join(f"{b.tensors[0]} {b.size:,}" for b in program.live(peak))
    return (
        f"  the peak, {program.live_bytes(peak):,} bytes, is at {node.name} "
        f"({node.kernel.describe()}); alive there: {live}"
    )


def check_target(out: Path) -> None:
    """OutputError unless `out` is new, empty, or a folder an earlier compile made."""
    if out.is_file():
        raise OutputError("is a file, not a folder", where=str(out), hint="give another --out")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise OutputError(
            "holds other files, which compile would replace",
            where=str(out),
            hint="give a new or empty folder",
        )


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A scratch folder that takes the place of `out` when the block ends without an error."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise OutputError(str(error), where=str(out), hint="give another --out") from error
    try:
        yield scratch
        if out.exists():
            shutil.rmtree(out)
        scratch.chmod(0o755)
        scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _build(
    compiled: Compiled, board: Board, options: CompileOptions, folder: Path, progress: Progress
) -> Report:
    progress("generating C", 0, 0)
    sources = write_library(compiled.code, folder)
    save_graph(compiled.network.graph, folder / "network.npz")
    shutil.copyfile(compiled.network.path, folder / f"source{compiled.network.path.suffix}")
    progress("building firmware", 0, 0)
    firmware = build_image(compiled, sources, board, folder, options.optimize)
    measured = _measure(compiled, firmware, options.emulator, progress)
    report = _report(compiled, board, firmware, measured)
    if not report.fits:
        raise FitError(
            f"needs {report.sram.total:,} bytes of SRAM, {report.sram.stack:,} of them stack; "
            f"the board has {board.ram_bytes:,}\n{describe_peak(compiled.program)}",
            where=board.name,
        )
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    manifest = _manifest(compiled, board, options, firmware, folder)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return report


def unit_of(name: str, arena_bytes: int, sources: tuple[Path, ...]) -> tuple[ModelUnit, list[Path]]:
    """The toolchain's view of a written library: the model's own sources, and the kernels."""
    own = tuple(
        path for path in sources if path.parent.name != "portable" and "kernels" not in path.parts
    )
    return ModelUnit(name, arena_bytes, own), [path for path in sources if path not in own]


def build_image(
    compiled: Compiled, sources: tuple[Path, ...], board: Board, folder: Path, optimize: str
) -> Firmware:
    """Build the firmware in a scratch folder and keep its ELF as `<name>.elf`."""
    unit, kernels = unit_of(compiled.name, compiled.program.arena_bytes, sources)
    with tempfile.TemporaryDirectory(prefix="mcucc-") as scratch:
        firmware = build_firmware(
            [unit], kernels, board, Path(scratch), options=BuildOptions(OPTIMIZE[optimize])
        )
        elf = folder / f"{compiled.name}.elf"
        shutil.copyfile(firmware.elf, elf)
    return dataclasses.replace(firmware, elf=elf)


def _measure(compiled: Compiled, firmware: Firmware, wanted: str, progress: Progress) -> Measured:
    """Run one picture under emulation: outputs must equal NumPy, counts and stack are taken."""
    emulator = choose_emulator(wanted, firmware)
    if emulator is None:
        bound = sum(firmware.stack_usage.values())
        return Measured("sum of gcc's frame sizes, not run", bound, None, None, "not emulated")
    progress("counting instructions", 0, 0)
    camera = _test_picture(compiled.network)
    result = emulator.run(firmware, [camera.tobytes()], count=True, timeout_s=PROOF_LIMIT_S)
    expected = expected_output(compiled, camera)
    if result.outputs[0] != expected:
        raise ToolError(
            "the emulated firmware's output differs from the NumPy reference",
            where=compiled.name,
            hint="this is a defect of mcucc; `mcucc validate` finds the first layer",
        )
    return Measured(
        "painted",
        result.stack_bytes or 0,
        result.instructions,
        result.step_instructions,
        emulator.name,
    )


def _test_picture(network: Network) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Bytes of every value in a fixed order: no picture is needed to count and to measure."""
    shapes = [network.integer.activations[name].shape for name in network.integer.inputs]
    rng = np.random.default_rng(0)
    return np.concatenate([rng.integers(0, 256, shape, np.uint8).reshape(-1) for shape in shapes])


def expected_output(compiled: Compiled, camera: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """The NumPy reference's outputs for raw input bytes, one after the other."""
    return reference_bytes(compiled.network, compiled.network.integer, camera)


def reference_bytes(
    network: Network, integer: IntegerGraph, raw: np.ndarray[Any, np.dtype[np.uint8]]
) -> bytes:
    """Outputs of the integer network for the bytes a firmware reads."""
    inputs, at = {}, 0
    for name in integer.inputs:
        a = integer.activations[name]
        part = raw[at : at + a.size].reshape(1, *a.shape)
        camera = network.cameras.get(name)
        inputs[name] = camera.apply(part) if camera is not None else part.view(np.int8)
        at += a.size
    values = integer.run(inputs)
    return b"".join(values[name].tobytes() for name in integer.outputs)


def _report(compiled: Compiled, board: Board, firmware: Firmware, measured: Measured) -> Report:
    program, network = compiled.program, compiled.network
    sizes = firmware.sizes
    sram = sram_facts(
        program, static=sizes.static, stack=measured.stack, stack_source=measured.source
    )
    cameras = len(network.cameras)
    steps = None if measured.steps is None else measured.steps[cameras:]
    macs = program.graph.macs
    return Report(
        schema=SCHEMA,
        mcucc=__version__,
        model=ModelFacts(
            name=compiled.name,
            file=network.path.name,
            sha256=network.sha256,
            macs=macs,
            params=network.graph.parameters,
            rounding=program.graph.rounding.value,
        ),
        board=BoardFacts(
            board.name, board.core.value, board.clock_hz, board.ram_bytes, board.flash_bytes
        ),
        fits=sram.total <= board.ram_bytes and sizes.flash <= board.flash_bytes,
        sram=sram,
        flash=FlashFacts(sizes.flash, sizes.weights, sizes.code),
        macs=MacFacts(macs, macs, 1.0),
        instructions=InstructionFacts(measured.instructions, measured.emulator),
        layers=layer_facts(program, steps),
        plan=plan_facts(program),
        tools={"compiler": firmware.compiler.version, "emulator": measured.emulator},
    )


def _manifest(
    compiled: Compiled, board: Board, options: CompileOptions, firmware: Firmware, folder: Path
) -> dict[str, Any]:
    """What made this folder: hashes, versions and settings, enough for run and validate."""
    network = compiled.network
    preprocess = network.preprocess
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "schema": SCHEMA,
        "mcucc": __version__,
        "name": compiled.name,
        "model": {"file": network.path.name, "sha256": network.sha256},
        "board": board.name,
        "optimize": options.optimize,
        "rounding": network.integer.rounding.value,
        "preprocess": None if preprocess is None else preprocess.to_dict(),
        "quantization": network.record,
        "arena_bytes": compiled.program.arena_bytes,
        "compiler": firmware.compiler.version,
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }
