"""Builds firmware for a board: the library of one or more networks, and the harness around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cache
from pathlib import Path

from mcucc.base.names import comment, identifier
from mcucc.base.package_data import resource_dir
from mcucc.base.templates import code_templates
from mcucc.boards.board import Board, Counter
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.compilers import WARNINGS, Compiler, Kind, compile_objects, run_tool
from mcucc.toolchain.elf import Image, read_image
from mcucc.toolchain.layout import (
    ARENA_ALIGNMENT,
    STACK_ALIGNMENT,
    Layout,
    Sizes,
    exact_layout,
    loose_layout,
)
from mcucc.toolchain.machines import Machine, machine_of
from mcucc.toolchain.targets import cross_compiler, dialect_of, find_target

_LIBRARY_SECTIONS = ("-ffunction-sections", "-fdata-sections")
# The harness must not call into libc: its memory and code would be counted as the library's.
_HARNESS_FLAGS = ("-Os", "-ffreestanding", "-fno-builtin")
_HARNESS_SOURCES = ("start.c", "main.c", "records.c")
# MCUCC_COUNTER_...: how what is no plain upward counter is read (harness.h).
_COUNTERS: dict[Counter | None, str] = {
    Counter.SYSTICK: "SYSTICK",
    Counter.MCYCLE: "MCYCLE",
    Counter.MPCCR: "MPCCR",
}


class Transport(Enum):
    """How firmware talks to the host."""

    SEMIHOSTING = "semihosting"  # QEMU and unicorn: files
    MAILBOX = "mailbox"  # any debugger: a struct in RAM and a breakpoint


@dataclass(frozen=True)
class ModelUnit:
    """The generated C of one network: `<name>_model` is defined in one of the sources.

    `row_output_bytes` are those of outputs that leave by rows: they are not in the arena.
    """

    name: str
    arena_bytes: int
    sources: tuple[Path, ...]
    row_output_bytes: int = 0


def unit_of(
    name: str,
    arena_bytes: int,
    folder: Path,
    sources: Sequence[Path],
    row_output_bytes: int = 0,
) -> tuple[ModelUnit, list[Path]]:
    """A library written into `folder`: the model's own sources, and the kernels."""
    own = tuple(path for path in sources if path.parent == folder)
    unit = ModelUnit(name, arena_bytes, own, row_output_bytes)
    return unit, [path for path in sources if path not in own]


# What `compile --optimize` means to a C compiler.
OPTIMIZE = {"speed": "-O3", "balanced": "-O2", "size": "-Os"}


@dataclass(frozen=True)
class BuildOptions:
    """How to compile: the optimisation flag, more flags, the transport, the compiler's path."""

    optimize: str = "-O2"
    flags: tuple[str, ...] = ()
    transport: Transport = Transport.SEMIHOSTING
    compiler: str | None = None


def include_folders(models: Sequence[ModelUnit]) -> list[Path]:
    """Where the models' sources find headers: beside them, those of the runtime that was written
    with them, and for sources that have none the installed ones."""
    homes = list(dict.fromkeys(source.parent for model in models for source in model.sources))
    own = [home / "runtime" / "include" for home in homes]
    return [*homes, *(each for each in own if each.is_dir()), resource_dir("runtime_c") / "include"]


@dataclass(frozen=True)
class Firmware:
    """A linked image and what is known about it before it runs.

    `machine` has the addresses it is linked for, with `ram_bytes` of RAM (None: the board's).
    `stack_usage` is gcc's bound of each library function's own frame, in bytes.
    """

    elf: Path
    board: Board
    machine: Machine
    ram_bytes: int | None
    models: tuple[ModelUnit, ...]
    options: BuildOptions
    compiler: Compiler
    layout: Layout
    sizes: Sizes
    image: Image = field(repr=False)
    stack_usage: dict[str, int] = field(repr=False)
    objects: tuple[Path, ...] = field(repr=False)

    def sram_bytes(self, stack_bytes: int) -> int:
        """The library's SRAM: arena, static data and the measured stack."""
        return self.sizes.arena + self.sizes.static + stack_bytes


def build_firmware(
    models: Sequence[ModelUnit],
    kernels: Sequence[Path],
    board: Board,
    folder: Path,
    *,
    include: Sequence[Path] = (),
    options: BuildOptions | None = None,
    ram_bytes: int | None = None,
) -> Firmware:
    """Compiles and links `folder`/firmware.elf; several models share one arena.

    `kernels` are the runtime's sources that the models call, `include` the folders of the models'
    headers (those of the sources are searched anyway). With `ram_bytes` the fence admits only so
    much RAM. Raises ToolError when the compiler is missing or fails, FitError when it does not fit.
    """
    options = options or BuildOptions()
    machine = machine_of(board)
    compiler = cross_compiler(board, options.compiler)
    folder.mkdir(parents=True, exist_ok=True)
    objects = _compile(compiler, models, kernels, board, folder, include, options)
    firmware = Firmware(
        elf=folder / "firmware.elf",
        board=board,
        machine=machine,
        ram_bytes=None,
        models=tuple(models),
        options=options,
        compiler=compiler,
        layout=loose_layout(board),
        sizes=Sizes(0, 0, 0, 0, 0, 0),
        image=Image({}, (), (), (), {}),
        stack_usage=_stack_usage(folder, objects),
        objects=objects,
    )
    return refence(_link(firmware, "sizes"), ram_bytes)


def refence(firmware: Firmware, ram_bytes: int | None) -> Firmware:
    """The same objects linked for another RAM size (None: the board's).

    The image is firmware.elf for the board's size and firmware-BYTES.elf for another. Raises
    FitError when the library cannot live in it.
    """
    sections = (".library.data", ".library.bss")
    known = [firmware.image.sections[name] for name in sections if name in firmware.image.sections]
    layout = exact_layout(
        firmware.board,
        firmware.machine,
        firmware.sizes,
        max((section.align for section in known), default=1),
        ram_bytes,
    )
    placed = replace(firmware, layout=layout, ram_bytes=ram_bytes)
    return _link(placed, _image_name(placed))


def retarget(firmware: Firmware, machine: Machine, transport: Transport) -> Firmware:
    """The same library, object by object, linked for another machine and with another transport.

    The image lies beside the other, named after the machine and the transport; RAM keeps its size.
    Raises FitError when the library cannot live there, ToolError when the fence needs
    more regions than the machine has.
    """
    source = resource_dir("runtime_c") / "firmware" / f"transport_{transport.value}.c"
    flags = _harness_flags(firmware.board, firmware.compiler)
    folder = firmware.elf.parent
    objects = compile_objects(firmware.compiler, [source], flags, Path("harness"), folder)
    kept = [each for each in firmware.objects if not each.name.startswith("transport_")]
    changed = replace(
        firmware,
        machine=machine,
        objects=(*objects, *kept),
        options=replace(firmware.options, transport=transport),
    )
    return refence(changed, firmware.ram_bytes)


def _image_name(firmware: Firmware) -> str:
    """firmware, and what is not as `compile` links it: RAM size, machine, transport."""
    words = ["firmware"]
    if firmware.ram_bytes is not None:
        words.append(str(firmware.ram_bytes))
    if firmware.machine.name != firmware.board.machine:
        words.append(identifier(firmware.machine.name))
    if firmware.options.transport is not Transport.SEMIHOSTING:
        words.append(firmware.options.transport.value)
    return "-".join(words)


def _harness_flags(board: Board, compiler: Compiler) -> list[str]:
    runtime, dialect = resource_dir("runtime_c"), dialect_of(board, compiler)
    includes = [f"-I{runtime / each}" for each in ("include", "firmware")]
    core = [*dialect.core(board), *dialect.harness, f"-DMCUCC_CORE={_core_number(board)}"]
    return [*core, *includes, *WARNINGS, *_HARNESS_FLAGS, "-std=gnu99"]


def library_flags(board: Board, compiler: Compiler, optimize: str) -> list[str]:
    """How kernels and generated code are compiled, but for the folders of mcucc's headers."""
    dialect = dialect_of(board, compiler)
    own = resource_dir("runtime_c") / "firmware"
    common = ["-std=c99", *dialect.core(board), *WARNINGS, *dialect.library]
    common += [f"-I{(own / each).resolve()}" for each in dialect.include]
    return [*common, optimize, *_LIBRARY_SECTIONS, "-fstack-usage"]


def _compile(
    compiler: Compiler,
    models: Sequence[ModelUnit],
    kernels: Sequence[Path],
    board: Board,
    folder: Path,
    include: Sequence[Path],
    options: BuildOptions,
) -> tuple[Path, ...]:
    """All objects but the configuration's, in the folders that the linker script tells apart."""
    runtime, dialect = resource_dir("runtime_c"), dialect_of(board, compiler)
    own = runtime / "firmware"
    model_sources = [source for model in models for source in model.sources]
    folders = [*include, *include_folders(models)]
    includes = [f"-I{each.resolve()}" for each in dict.fromkeys(folders)]
    flags = library_flags(board, compiler, options.optimize)
    library = [*flags, *includes, *options.flags]
    harness = _harness_flags(board, compiler)
    sources = [
        *find_target(board).harness,
        *_HARNESS_SOURCES,
        f"transport_{options.transport.value}.c",
    ]
    firmware_c = [own / name for name in sources]
    support = [own / name for name in dialect.sources]
    return (
        *compile_objects(compiler, firmware_c, harness, Path("harness"), folder),
        *compile_objects(compiler, model_sources, library, Path("model"), folder),
        *compile_objects(compiler, [*kernels, *support], library, Path("kernels"), folder),
    )


def _link(firmware: Firmware, name: str) -> Firmware:
    """Writes configuration and linker script for the layout, links, and measures."""
    folder = firmware.elf.parent
    compiler, dialect = firmware.compiler, dialect_of(firmware.board, firmware.compiler)
    flags = dialect.core(firmware.board)
    script = folder / f"{name}.ld"
    script.write_text(_render("firmware.ld.j2", **_script_values(firmware)), encoding="utf-8")
    config = folder / f"{name}_config.c"
    config.write_text(_render("firmware_config.c.j2", **_config_values(firmware)), "utf-8")
    harness = _harness_flags(firmware.board, compiler)
    configured = compile_objects(compiler, [config], harness, Path("harness"), folder)
    linking = [*dialect.link, "-static", "-Wl,--gc-sections", f"-Wl,-T,{name}.ld"]
    if compiler.kind is Kind.GCC:
        linking += [f"-Wl,-Map,{name}.map"]
        linking += ["-Wl,--no-warn-rwx-segments"] if _knows_rwx(compiler) else []
    objects = [str(each) for each in (*firmware.objects, *configured)]
    linking += [*objects, *dialect.libraries(compiler)]
    linking += ["-o", f"{name}.elf"]
    run_tool([*compiler.command, *flags, *linking], what="linking the firmware", cwd=folder)
    image = read_image(folder / f"{name}.elf")
    return replace(firmware, elf=folder / f"{name}.elf", image=image, sizes=_measure(image))


def _measure(image: Image) -> Sizes:
    """Sizes by section; the linker script tells library and harness apart."""
    data = image.size_of(".library.data")
    static = image.symbols["mcucc_bss_end"] - image.symbols["mcucc_data_start"]
    return Sizes(
        code=image.size_of(".library.text") + image.size_of(".library.rodata") + data,
        weights=image.size_of(".library.weights"),
        static=_round_up(static, STACK_ALIGNMENT),
        arena=image.size_of(".library.arena"),
        harness_code=image.size_of(".harness.code"),
        harness_ram=image.size_of(".harness.bss"),
    )


@dataclass(frozen=True)
class _Region:
    """A line of the linker script's MEMORY."""

    name: str
    access: str
    origin: int
    size: int


def _script_values(firmware: Firmware) -> dict[str, object]:
    """What the linker script's template needs."""
    layout, machine = firmware.layout, firmware.machine
    regions = [
        _region("HARNESS_CODE", "rx", machine.harness_code),
        _region("HARNESS_RAM", "rw", machine.harness_ram),
        _region("CODE", "rx", layout.code),
        _region("DATA", "rw", _static_span(layout)),
    ]
    if layout.weights != layout.code:
        regions.append(_region("WEIGHTS", "r", layout.weights))
    regions.append(_region("ARENA", "rw", _arena_span(layout)))
    return {
        "board": comment(firmware.board.title),
        "machine": comment(machine.name),
        "regions": regions,
        "weights_region": "WEIGHTS" if layout.weights != layout.code else "CODE",
        "harness_stack_top": machine.harness_ram.end,
        "stack_base": layout.stack_base,
        "stack_top": layout.stack_top,
    }


def _config_values(firmware: Firmware) -> dict[str, object]:
    """What the configuration's template needs."""
    arena = max(model.arena_bytes for model in firmware.models)
    return {
        "board": comment(firmware.board.title),
        "machine": comment(firmware.machine.name),
        "models": [model.name for model in firmware.models],
        "arena_bytes": _round_up(arena, ARENA_ALIGNMENT),
        "fence": firmware.layout.fence,
        "counter": _COUNTERS.get(firmware.machine.counter, "PLAIN"),
        "timer": firmware.machine.timer,
    }


def _static_span(layout: Layout) -> Span:
    """What lies between stack and arena, or behind the stack."""
    end = layout.arena_address if layout.arena == layout.data else layout.data.end
    return Span(layout.data_address, end - layout.data_address)


def _arena_span(layout: Layout) -> Span:
    return Span(layout.arena_address, layout.arena.end - layout.arena_address)


def _region(name: str, access: str, span: Span) -> _Region:
    return _Region(name, access, span.origin, span.size)


def _render(template: str, **values: object) -> str:
    return code_templates().get_template(f"firmware/{template}").render(**values)


def _stack_usage(folder: Path, objects: Sequence[Path]) -> dict[str, int]:
    """gcc's .su files: `file:line:column:function <tab> bytes <tab> kind`."""
    usage: dict[str, int] = {}
    for each in objects:
        listing = (folder / each).with_suffix(".su")
        if listing.is_file():
            for line in listing.read_text(encoding="utf-8").splitlines():
                place, size, *_ = line.split("\t")
                usage[place.rsplit(":", 1)[-1]] = int(size)
    return usage


def _core_number(board: Board) -> int:
    """The digits of the core's name: 0, 3, 4, 7, 33, 55."""
    return int("".join(char for char in board.core.value if char.isdigit()))


@cache
def _knows_rwx(compiler: Compiler) -> bool:
    """Whether the linker (binutils 2.39 on) warns of segments that are writable and executable."""
    help_text = run_tool([*compiler.command, "-Wl,--help"], what="the linker's help")
    return "--no-warn-rwx-segments" in help_text


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step
