"""`compile`: a model file becomes C, firmware, manifest and report in one folder."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from mcucc.base.progress import Progress, silent
from mcucc.boards.board import Board, board_file, load_board
from mcucc.codegen.model import model_identifier
from mcucc.codegen.write import write_library
from mcucc.driver import rows as pace
from mcucc.driver.choice import schedule_facts
from mcucc.driver.diagnose import Health, examine
from mcucc.driver.export import export_all
from mcucc.driver.folder import Staging, check_target, staging, write_network
from mcucc.driver.generate import Compiled, generate, with_figures
from mcucc.driver.limits import (
    TooLarge,
    check_arena,
    check_weights,
    does_not_fit,
    too_much_flash,
)
from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.driver.manifest import Manifest, ModelOrigin, Search, hashes_of, write_manifest
from mcucc.driver.measure import Measured, measure, without_firmware
from mcucc.driver.most_bits import most_bits
from mcucc.driver.room import room_of
from mcucc.driver.target import target_of
from mcucc.driver.tools import check_tools
from mcucc.driver.wide_cost import with_widening
from mcucc.errors import FitError
from mcucc.exports import check_export
from mcucc.quantize.quantize import Room
from mcucc.quantize.weight_choice import AUTO
from mcucc.report.definitions import counting
from mcucc.report.facts import (
    SCHEMA,
    AnswerFacts,
    BoardFacts,
    ConstantOutputFacts,
    InstructionFacts,
    MacFacts,
    MergedFacts,
    ModelFacts,
    RecognisedFacts,
    Report,
)
from mcucc.report.html import write_page
from mcucc.report.memory import memory_facts
from mcucc.report.nodes import node_facts
from mcucc.report.rows import RowFacts
from mcucc.report.steps import layer_facts, sram_facts
from mcucc.schedule.plan.text import schedule_text
from mcucc.schedule.search.choose import NoPlanFits, Schedule, choose_again, schedule
from mcucc.schedule.search.need import TOO_MUCH
from mcucc.schedule.search.target import Target
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain.firmware import OPTIMIZE, BuildOptions, Firmware, build_firmware, unit_of
from mcucc.version import __version__


@dataclass(frozen=True)
class CompileOptions:
    """What `compile` is asked for."""

    board: str
    out: Path
    network: NetworkOptions
    name: str | None = None
    emulator: str = "auto"  # or none, qemu, unicorn
    time_limit_s: float = 300.0  # of the emulated run
    compiler: str | None = None
    c_only: bool = False
    exports: tuple[str, ...] = ()
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    sensor: pace.Sensor = field(default_factory=pace.Sensor)
    flash: int | None = None  # bytes of code, weights and tables; None: the board's


def compile_model(model: Path, options: CompileOptions, progress: Progress = silent) -> Report:
    """Compile `model` into `options.out`; returns the report that was written there.

    Raises FitError when it does not fit the board (by how much, and where the peak is), and
    McuccErrors of every stage; the folder is untouched then.
    """
    board = load_board(options.board)
    name = model_identifier(options.name or model.stem)
    out = options.out.resolve()
    check_target(out)
    c_only = check_tools(
        board, c_only=options.c_only, compiler=options.compiler, emulator=options.emulator
    )
    pace.check_sensor(options.sensor, options.schedule.image, c_only)
    period = pace.in_instructions(options.sensor, board)
    options = replace(options, schedule=replace(options.schedule, line_period=period))
    for ecosystem in options.exports:
        check_export(ecosystem, board)
    limit = min(options.flash or board.flash_bytes, board.flash_bytes)
    options = replace(options, network=with_widening(options.network, board, options.schedule))
    with staging(out) as scratch:

        def build(network: LoadedModel) -> _Built:
            health = examine(network, options.network, progress)
            return _Compiler(
                network, health, board, options, name, c_only, scratch, progress
            ).best()

        def load(room: Room | None) -> LoadedModel:
            return load_network(model, replace(options.network, room=room), progress)

        if options.network.weights.default == AUTO:
            room = room_of(board, options.schedule.optimize, limit)
            made = most_bits(room, limit, load, build)
        else:
            made = build(load(options.network.room))
        if made.report.flash.total > limit:
            raise too_much_flash(made.report, limit, board)
        scratch.publish(made.folder)
    return made.report


@dataclass(frozen=True, eq=False)
class _Built:
    """A plan that fits, in a folder that could be the result."""

    schedule: Schedule
    folder: Path
    report: Report


@dataclass(frozen=True, eq=False)
class _Compiler:
    """One network for one board; `c_only` says why there is no firmware, "" where there is."""

    network: LoadedModel
    health: Health
    board: Board
    options: CompileOptions
    name: str
    c_only: str
    scratch: Staging
    progress: Progress

    def best(self) -> _Built:
        """Plan and build; where stack and line buffers are others than estimated, choose again.

        A plan is chosen for what is estimated beside its arena. More than that asks for a plan that
        leaves it room. Less may let a plan of the same front with a larger arena fit: it is the
        better one, and taken where it holds when it is measured.
        Raises FitError.
        """
        wanted, target = self.options.schedule, target_of(self.board)
        chosen = _first_choice(self.network, target, wanted, self.progress)
        made = self.build(chosen)
        while isinstance(made, TooLarge | pace.TooSlow) and wanted.plan is None:
            if isinstance(made, pace.TooSlow):
                slower = made.instructions / chosen.estimate(chosen.program)
                wanted = replace(wanted, slower=max(wanted.slower, slower))
                again = choose_again(chosen, target, wanted)
                if again is None:
                    break
                chosen = again
            else:
                more = made.beside - chosen.beside
                if more <= 0:
                    break
                wanted = replace(wanted, more=wanted.more + more)
                again = choose_again(chosen, target, wanted)
                chosen = again or schedule(self.network.integer, target, wanted, self.progress)
            made = self.build(chosen)
        if isinstance(made, FitError):
            raise made
        beside = made.report.sram.beside_arena
        if not 0 < beside < chosen.beside:
            return made
        more = wanted.more + beside - chosen.beside
        better = choose_again(chosen, target, replace(wanted, more=more))
        other = made if better is None else self.build(better)
        return other if isinstance(other, _Built) else made

    def build(self, chosen: Schedule) -> _Built | FitError:
        """The folder of one plan, or why it does not fit."""
        try:
            compiled = generate(self.network, chosen, self.name, self.board)
            if self.options.network.print_after is not None:
                self.options.network.print_after("schedule", schedule_text(compiled.program))
            check_arena(compiled.program, self.board)
            check_weights(compiled.program, self.board)
            return self._folder_of(compiled)
        except FitError as error:
            return error

    def _folder_of(self, compiled: Compiled) -> _Built | FitError:
        """C, firmware, measured report and manifest of one plan."""
        self.progress("generating C", 0, 0)
        board, options, program = self.board, self.options, compiled.program
        folder = self.scratch.new_folder()
        sources = write_library(compiled.code, folder)
        data, flag = options.network.data, OPTIMIZE[options.schedule.optimize]
        measured = self._measured(compiled, sources, folder)
        rows = pace.row_facts(program, measured, board, options.sensor)
        code = pace.with_line_buffers(compiled.code, rows)
        code = with_figures(code, measured, board, [flag])
        if code is not compiled.code:
            compiled = replace(compiled, code=code)
            write_library(code, folder)  # again: NAME.h says what was measured
        export_all(options.exports, compiled.code, self.network, board, data, flag, folder)
        limit = min(options.schedule.sram or board.ram_bytes, board.ram_bytes)
        report = _report(compiled, self.health, board, measured, rows, limit)
        if not report.fits:
            return does_not_fit(program, report, board, limit)
        write_network(
            folder,
            self.network.graph,
            self.network.values,
            program.plan,
            board_file(options.board),
            self.network.file,
        )
        (folder / "report.json").write_text(report.to_json(), encoding="utf-8")
        write_page(report, folder)
        write_manifest(_manifest(compiled, board, options, measured, folder), folder)
        return _Built(compiled.schedule, folder, report)

    def _measured(self, compiled: Compiled, sources: tuple[Path, ...], folder: Path) -> Measured:
        """What linking and emulating tell; FitError where the stack overflows."""
        if self.c_only:
            return without_firmware(compiled.program, self.c_only)
        self.progress("building firmware", 0, 0)
        firmware = build_image(compiled, sources, self.board, folder, self.options)
        return measure(
            self.network,
            compiled.program,
            firmware,
            self.options.emulator,
            self.options.time_limit_s,
            self.progress,
        )


def _first_choice(
    network: LoadedModel, target: Target, wanted: ScheduleOptions, progress: Progress
) -> Schedule:
    """The plan that leaves the stack what is estimated; where none does, the smallest may yet fit.

    Raises FitError where it would not with the least stack that such an estimate has met.
    """
    progress("planning", 0, 0)
    try:
        return schedule(network.integer, target, wanted, progress)
    except NoPlanFits as error:
        if error.missing > TOO_MUCH:
            raise
        return error.smallest


def build_image(
    compiled: Compiled,
    sources: tuple[Path, ...],
    board: Board,
    folder: Path,
    options: CompileOptions,
) -> Firmware:
    """Build the firmware in a scratch folder and keep its ELF as `<name>.elf`."""
    unit, kernels = unit_of(
        compiled.name,
        compiled.program.arena_bytes,
        folder,
        sources,
        compiled.program.row_output_bytes,
    )
    flags = BuildOptions(OPTIMIZE[options.schedule.optimize], compiler=options.compiler)
    with tempfile.TemporaryDirectory(prefix="mcucc-") as scratch:
        firmware = build_firmware([unit], kernels, board, Path(scratch), options=flags)
        elf = folder / f"{compiled.name}.elf"
        shutil.copyfile(firmware.elf, elf)
    return replace(firmware, elf=elf)


def _report(
    compiled: Compiled,
    health: Health,
    board: Board,
    measured: Measured,
    rows: RowFacts | None,
    limit: int,
) -> Report:
    program, network = compiled.program, compiled.network
    sram = sram_facts(
        program,
        arena=measured.arena,
        static=measured.static,
        stack=measured.stack,
        stack_source=measured.stack_source,
        pace=None if rows is None else rows.wanted,
    )
    cameras = len(compiled.code.cameras)
    steps = None if measured.steps is None else measured.steps[cameras:]
    macs = program.graph.macs
    return Report(
        schema=SCHEMA,
        mcucc=__version__,
        model=ModelFacts(
            name=compiled.name,
            file=network.file.path.name,
            sha256=network.file.sha256,
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
        nodes=node_facts(compiled.program, compiled.schedule.layers),
        constant_channels=network.removed,
        borders=network.borders,
        split_outputs=network.splits,
        chosen=network.chosen,
        worst_slice=network.worst_slice,
        plan=schedule_facts(compiled.schedule),
        program_text=tuple(schedule_text(program).splitlines()),
        diagnosis=health.diagnosis,
        warnings=health.warnings,
        constant_outputs=tuple(
            ConstantOutputFacts(t.name, t.shape, t.dtype, t.symbol)
            for t in compiled.code.constant_outputs
        ),
        merged=tuple(
            MergedFacts(node.name, node.merges) for node in network.graph.nodes if node.merges
        ),
        answers=tuple(map(AnswerFacts.of, network.answers)),
        recognised=RecognisedFacts.of(network.recognised),
        memory=memory_facts(program),
        camera_rows=rows,
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
) -> Manifest:
    """What made this folder, with the hash of every file in it."""
    network, given = compiled.network, options.network
    return Manifest(
        schema=SCHEMA,
        mcucc=__version__,
        name=compiled.name,
        model=ModelOrigin(network.file.path.name, network.file.sha256),
        board=board.name,
        optimize=options.schedule.optimize,
        rounding=network.integer.rounding,
        preprocess=network.preprocess,
        input_shapes=given.input_shapes or {},
        outputs=tuple(p.name for p in network.imported.outputs) if network.file.cut else (),
        quantization=network.quantization,
        answers=network.answers,
        search=Search.of(options.schedule),
        arena_bytes=compiled.program.arena_bytes,
        compiler=measured.compiler,
        files=hashes_of(folder),
    )
