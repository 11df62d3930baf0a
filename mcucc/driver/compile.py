"""`compile`: a model file becomes C, firmware, manifest and report in one folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcucc.backends.choose import choose_emulator
from mcucc.base.progress import Progress, silent
from mcucc.boards.board import Board, board_file, load_board
from mcucc.codegen.model import ModelCode, Origin, model_code, model_identifier
from mcucc.codegen.write import write_library
from mcucc.driver.limits import TooLarge, check_arena, check_weights, does_not_fit
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.manifest import OPTIMIZE
from mcucc.driver.measure import Measured, measure, without_firmware
from mcucc.driver.network_file import save_graph
from mcucc.driver.staging import MANIFEST, check_target, staging
from mcucc.errors import FitError, ToolError
from mcucc.exports import export_to
from mcucc.frontends.file_kind import format_of
from mcucc.frontends.load import model_content
from mcucc.report.definitions import counting
from mcucc.report.facts import (
    SCHEMA,
    BoardFacts,
    InstructionFacts,
    MacFacts,
    ModelFacts,
    Report,
    layer_facts,
    sram_facts,
)
from mcucc.report.html import write_page
from mcucc.report.memory import memory_facts
from mcucc.report.nodes import node_facts
from mcucc.report.plan import plan_facts
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.program import Program
from mcucc.schedule.plan.text import schedule_text
from mcucc.schedule.search.choose import (
    LEAST_STACK_SEEN,
    NoPlanFits,
    Schedule,
    ScheduleOptions,
    choose_again,
    schedule,
)
from mcucc.toolchain.firmware import BuildOptions, Firmware, ModelUnit, build_firmware
from mcucc.toolchain.machines import machine_of
from mcucc.toolchain.targets import cross_compiler, no_firmware
from mcucc.version import __version__

BOARD_FILE = "board.toml"


@dataclass(frozen=True)
class CompileOptions:
    """What `compile` is asked for."""

    board: str
    out: Path
    network: NetworkOptions
    name: str | None = None
    optimize: str = "balanced"
    emulator: str = "auto"  # or none, qemu, unicorn
    time_limit_s: float = 300.0  # of the emulated run
    compiler: str | None = None
    c_only: bool = False
    exports: tuple[str, ...] = ()
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A network with its program and its C, before anything is built."""

    network: LoadedModel
    schedule: Schedule
    code: ModelCode
    name: str

    @property
    def program(self) -> Program:
        """The schedule's program."""
        return self.schedule.program


def compile_model(model: Path, options: CompileOptions, progress: Progress = silent) -> Report:
    """Compile `model` into `options.out`; returns the report that was written there.

    Raises FitError when it does not fit the board (by how much, and where the peak is), and
    McuccErrors of every stage; the folder is untouched then.
    """
    board = load_board(options.board)
    name = model_identifier(options.name or model.stem)
    out = options.out.resolve()
    check_target(out)
    c_only = check_tools(board, options)
    network = load_network(model, options.network, progress)
    wanted = dataclasses.replace(options.schedule, optimize=options.optimize)
    made = _first_choice(network, board, wanted, progress)
    kept: Report | None = None
    while True:
        try:
            compiled = generate(network, made, name)
            if options.network.print_after is not None:
                options.network.print_after("schedule", schedule_text(compiled.program))
            check_arena(compiled.program, board)
            check_weights(compiled.program, board)
            with staging(out) as folder:
                report = _build(compiled, board, options, c_only, folder, progress)
        except FitError as error:
            if kept is not None:
                return kept  # of the plan before, which is still in the folder
            stack = error.stack if isinstance(error, TooLarge) else 0
            if stack <= wanted.stack or wanted.plan is not None:
                raise
            wanted = dataclasses.replace(wanted, stack=stack)
            made = choose_again(made, board, wanted) or schedule(
                network.integer, board, wanted, progress
            )
            continue
        if kept is not None or not 0 < report.sram.stack < wanted.stack:
            return report
        kept, wanted = report, dataclasses.replace(wanted, stack=report.sram.stack)
        other = choose_again(made, board, wanted)
        if other is None:
            return report
        made = other


def _first_choice(
    network: LoadedModel, board: Board, wanted: ScheduleOptions, progress: Progress
) -> Schedule:
    """The plan that leaves the stack what is reserved; where none does, the smallest may yet fit.

    Raises FitError where even the least stack seen would be too much.
    """
    progress("planning", 0, 0)
    try:
        return schedule(network.integer, board, wanted, progress)
    except NoPlanFits as error:
        if error.missing > wanted.stack - LEAST_STACK_SEEN:
            raise
        return error.smallest


def check_tools(board: Board, options: CompileOptions) -> str:
    """Why the C library is all there will be, "" when firmware is built and measured.

    Raises ToolError, before anything takes time, when compiler or emulator are not there.
    """
    if options.c_only:
        return "--c-only"
    reason = no_firmware(board)
    if reason is not None:
        return reason
    machine_of(board)
    try:
        cross_compiler(board, options.compiler)
    except ToolError as error:
        hint = f"{error.hint}, or give --compiler PATH; --c-only writes the C library alone"
        raise ToolError(error.what, where=error.where, hint=hint) from error
    choose_emulator(options.emulator, board)
    return ""


def generate(network: LoadedModel, chosen: Schedule, name: str) -> Compiled:
    """The C of a scheduled network.

    The checker replays the schedule first: one that fails never becomes C.
    """
    check(chosen.program)
    origin = Origin(network.path.name, network.sha256, __version__)
    code = model_code(chosen.program, network.cameras, name, origin, network.splits)
    return Compiled(network, chosen, code, name)


def _build(
    compiled: Compiled,
    board: Board,
    options: CompileOptions,
    c_only: str,
    folder: Path,
    progress: Progress,
) -> Report:
    progress("generating C", 0, 0)
    sources = write_library(compiled.code, folder)
    save_graph(compiled.network.graph, folder / "network.npz")
    (folder / "plan.json").write_text(compiled.program.plan.to_json() + "\n", encoding="utf-8")
    model, outputs = compiled.network.path, options.network.outputs
    # For validate, as it was compiled: in one file with its external data, and cut.
    (folder / f"source{format_of(model)}").write_bytes(model_content(model, outputs))
    shutil.copyfile(board_file(options.board), folder / BOARD_FILE)
    for ecosystem in options.exports:
        export_to(ecosystem, compiled.code, folder)
    if c_only:
        measured = without_firmware(compiled.program, c_only)
    else:
        progress("building firmware", 0, 0)
        firmware = build_image(compiled, sources, board, folder, options)
        measured = measure(
            compiled.network,
            compiled.program,
            firmware,
            options.emulator,
            options.time_limit_s,
            progress,
        )
    limit = min(options.schedule.sram or board.ram_bytes, board.ram_bytes)
    report = _report(compiled, board, measured, limit)
    if not report.fits:
        raise does_not_fit(compiled.program, report, board, limit)
    (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
    write_page(json.loads(report.to_json()), folder)
    manifest = _manifest(compiled, board, options, measured, folder)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return report


def unit_of(
    name: str, arena_bytes: int, folder: Path, sources: Sequence[Path]
) -> tuple[ModelUnit, list[Path]]:
    """The toolchain's view of a written library: the model's own sources, and the kernels."""
    own = tuple(path for path in sources if path.parent == folder)
    return ModelUnit(name, arena_bytes, own), [path for path in sources if path not in own]


def build_image(
    compiled: Compiled,
    sources: tuple[Path, ...],
    board: Board,
    folder: Path,
    options: CompileOptions,
) -> Firmware:
    """Build the firmware in a scratch folder and keep its ELF as `<name>.elf`."""
    unit, kernels = unit_of(compiled.name, compiled.program.arena_bytes, folder, sources)
    flags = BuildOptions(OPTIMIZE[options.optimize], compiler=options.compiler)
    with tempfile.TemporaryDirectory(prefix="mcucc-") as scratch:
        firmware = build_firmware([unit], kernels, board, Path(scratch), options=flags)
        elf = folder / f"{compiled.name}.elf"
        shutil.copyfile(firmware.elf, elf)
    return dataclasses.replace(firmware, elf=elf)


def _report(compiled: Compiled, board: Board, measured: Measured, limit: int) -> Report:
    program, network = compiled.program, compiled.network
    sram = sram_facts(
        program,
        arena=measured.arena,
        static=measured.static,
        stack=measured.stack,
        stack_source=measured.stack_source,
    )
    cameras = len(compiled.code.cameras)
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
        fits=sram.total <= limit and measured.flash.total <= board.flash_bytes,
        incomplete=measured.incomplete,
        sram=sram,
        flash=measured.flash,
        macs=MacFacts(macs, program.macs, program.factor),
        instructions=InstructionFacts(measured.instructions, measured.emulator),
        layers=layer_facts(program, steps),
        nodes=node_facts(compiled.schedule),
        constant_channels=network.removed,
        borders=network.borders,
        split_outputs=network.splits,
        worst_slice=network.worst_slice,
        plan=plan_facts(compiled.schedule),
        memory=memory_facts(program),
        counting=counting(
            image=program.plan.image.value,
            stack=measured.stack_source,
            emulator=measured.emulator,
            compiler=measured.compiler,
        ),
        tools={"compiler": measured.compiler, "emulator": measured.emulator},
    )


def _manifest(
    compiled: Compiled, board: Board, options: CompileOptions, measured: Measured, folder: Path
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
        "input_shapes": dict(options.network.input_shapes or {}),
        "outputs": [port.name for port in network.imported.outputs]
        if options.network.outputs
        else [],
        "quantization": network.record,
        "arena_bytes": compiled.program.arena_bytes,
        "compiler": measured.compiler,
        "files": {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        },
    }
