"""Weights, code and arena in memories of their own, by attributes alone: where the linker optimizes
no pattern of files would find them. Linked as docs/placement.md says, and run in QEMU."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from mcucc.backends.calls.qemu import SIZES
from mcucc.boards.board import load_board
from tests.codegen.test_golden import residual
from tests.whole.library import Library, library

GCC = "arm-none-eabi-gcc"
pytestmark = [
    pytest.mark.emulated,
    pytest.mark.skipif(shutil.which(GCC) is None, reason=f"no {GCC}"),
    pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="no qemu-system-arm"),
]
MAIN = """
#include "net.h"
#include <string.h>
NET_STATIC_ARENA(arena);
extern uint32_t stack_top[], itcm_start[], itcm_end[], itcm_load[];
static char text[256];
static const char hex[] = "0123456789abcdef";

static void semihost(uint32_t operation, const void *block)
{
    register uint32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
}

static void end(uint32_t status)
{
    const uint32_t block[2] = {0x20026, status};
    for (;;) {
        semihost(0x20, block);
    }
}

static void fault(void)
{
    end(99);
}

int main(void)
{
    uint8_t *const at = (uint8_t *)arena + OFFSET;
    int32_t i;
    for (i = 0; i < NET_IMAGE_HEIGHT * NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS; i++) {
        net_input_image(at)[i] = (uint8_t)(i * 7);
    }
    net_run(at);
    for (i = 0; i < NET_FC_7_CHANNELS; i++) {
        const uint8_t value = (uint8_t)net_output_fc_7(at)[i];
        text[2 * i] = hex[value >> 4];
        text[2 * i + 1] = hex[value & 15];
    }
    semihost(0x04, text);
    end(0);
    return 0;
}

static void reset(void)
{
    const uint32_t *from = itcm_load;
    for (volatile uint32_t *to = itcm_start; to < itcm_end; to++) {
        *to = *from++;
    }
    main();
}

__attribute__((section(".vectors"), used)) void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault,
};
"""
SCRIPT = """
MEMORY
{
    FLASH (rx) : ORIGIN = 0, LENGTH = 1M
    ITCM (rx) : ORIGIN = @ITCM@, LENGTH = @SIZE@
    DTCM (rw) : ORIGIN = 0x20000000, LENGTH = 16K
    QSPI (r) : ORIGIN = @QSPI@, LENGTH = @SIZE@
    SDRAM (rw) : ORIGIN = @SDRAM@, LENGTH = 16K
}
SECTIONS
{
    .text : { KEEP(*(.vectors)) *(.text .text.*) *(.rodata .rodata.*) } > FLASH
    .mcucc_weights : { *(.mcucc_weights*) } > QSPI
    .mcucc_code : ALIGN(8)
    {
        itcm_start = .;
        *(.mcucc_code*)
        . = ALIGN(4);
        itcm_end = .;
    } > ITCM AT > FLASH
    itcm_load = LOADADDR(.mcucc_code);
    .data : { *(.data .data.*) } > DTCM
    .bss (NOLOAD) : { *(.bss .bss.* COMMON) } > DTCM
    .mcucc_arena (NOLOAD) : { *(.mcucc_arena*) } > SDRAM
    stack_top = ORIGIN(DTCM) + LENGTH(DTCM);
}
"""


@dataclass(frozen=True)
class Machine:
    """A machine of QEMU, and where its memories are taken to be."""

    name: str
    cpu: str
    board: str
    itcm: int
    qspi: int
    sdram: int
    size: str = "1M"


M4 = Machine("mps2-an386", "cortex-m4", "nucleo-l4r5zi", 0x200000, 0x21000000, 0x21800000)
M7 = Machine("mps2-an500", "cortex-m7", "stm32f746g-disco", 0x200000, 0x60000000, 0x60800000)
M0 = Machine("microbit", "cortex-m0plus", "rpi-pico", 0x20100000, 0x30000, 0x20004000, "64K")
SECTIONS = {"WEIGHTS": ".mcucc_weights", "CODE": ".mcucc_code", "ARENA": ".mcucc_arena"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Library]:
    folder = tmp_path_factory.mktemp("placed")
    return {
        m.board: library(residual(), load_board(m.board), folder / m.board, "net")
        for m in (M0, M4, M7)
    }


def linked(machine: Machine, net: Library, folder: Path, flags: list[str], offset: int = 0) -> Path:
    """A program of the network, everything in its place by attributes."""
    (folder / "main.c").write_text(MAIN)
    script = SCRIPT.replace("@SIZE@", machine.size)
    for name in ("itcm", "qspi", "sdram"):
        script = script.replace(f"@{name.upper()}@", hex(getattr(machine, name)))
    (folder / "placed.ld").write_text(script)
    config = "".join(f'#define MCUCC_{k}_SECTION "{v}"\n' for k, v in SECTIONS.items())
    (folder / "mcucc_config.h").write_text(config)
    include = ["-I", folder, "-I", net.folder, "-I", net.folder / "runtime" / "include"]
    core = [f"-mcpu={machine.cpu}", "-mthumb", *flags, "-std=gnu11", f"-DOFFSET={offset}"]
    sources = [folder / "main.c", *net.unit.sources, *net.kernels]
    link = ["-nostartfiles", "-T", folder / "placed.ld", "-Wl,--gc-sections,--no-warn-rwx-segments"]
    words = [GCC, *core, *include, *sources, *link, "-o", folder / "placed.elf"]
    subprocess.run([str(word) for word in words], check=True)
    return folder / "placed.elf"


def symbols(elf: Path, kind: str) -> dict[str, int]:
    """The addresses of functions (STT_FUNC) or tables, by name without a compiler's endings."""
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        found = [s for s in table.iter_symbols() if s["st_info"]["type"] == kind and s["st_size"]]
        return {s.name.split(".")[0]: s["st_value"] for s in found}


def ran(machine: Machine, elf: Path) -> str:
    words = ["qemu-system-arm", "-M", machine.name, "-display", "none", "-kernel", str(elf)]
    words += ["-semihosting-config", "enable=on,target=native"]
    words += SIZES if machine is M0 else ()
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done
    return done.stderr + done.stdout


def right(net: Library) -> str:
    shape = net.integer.activations["image"].shape
    count = shape[0] * shape[1] * shape[2]
    return net.expected([bytes(i * 7 % 256 for i in range(count))])[0].hex()


FLAGS = [
    "-O2",
    "-O0 -ffunction-sections -fdata-sections",
    "-O2 -flto -ffunction-sections -fdata-sections",
]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("machine", [M4, M7], ids=["m4", "m7"])
def test_code_weights_and_arena_lie_where_attributes_say(
    machine: Machine, flags: str, made: dict[str, Library], tmp_path: Path
) -> None:
    net = made[machine.board]
    elf = linked(machine, net, tmp_path, flags.split())
    assert ran(machine, elf) == right(net)
    functions, tables = symbols(elf, "STT_FUNC"), symbols(elf, "STT_OBJECT")
    own = {name for name in functions if name.startswith(("net_", "mcucc_", "run_", "stage_"))}
    weights = {name for name in tables if name.startswith("net__")}
    assert own and weights and "arena" in tables
    for name, address in functions.items():
        if name in own:
            assert machine.itcm <= address < machine.itcm + (1 << 20), name
    for name in weights:
        assert machine.qspi <= tables[name] < machine.qspi + (1 << 20), name
    assert tables["arena"] >= machine.sdram
    assert tables["arena"] % (32 if machine is M7 else 8) == 0
    outside = set(functions) - own
    runtime = {name for name, at in functions.items() if at < machine.itcm}
    assert runtime <= outside  # the program's own, and the C library's
    assert len(runtime) <= 12, runtime


@pytest.mark.parametrize("machine", [M0, M4], ids=["m0", "m4"])
def test_an_arena_at_a_multiple_of_four_suffices_and_debug_stops_any_other(
    machine: Machine, made: dict[str, Library], tmp_path: Path
) -> None:
    net = made[machine.board]
    elf = linked(machine, net, tmp_path, ["-O1", "-DMCUCC_DEBUG"], offset=4)
    assert ran(machine, elf) == right(net)
    for offset in (1, 2):
        elf = linked(machine, net, tmp_path, ["-O1", "-DMCUCC_DEBUG"], offset)
        with pytest.raises(AssertionError, match="returncode=99"):
            ran(machine, elf)


@pytest.mark.parametrize("old", [[], ["-DMCUCC_OLD_COMPILER"]], ids=["new", "old"])
@pytest.mark.parametrize(
    ("isa", "core"),
    [
        ("portable", "cortex-m0plus"),
        ("armv7m", "cortex-m3"),
        pytest.param("armv7em", "cortex-m4", marks=pytest.mark.slow),
        pytest.param("mve", "cortex-m55", marks=pytest.mark.slow),
    ],
)
def test_no_function_of_any_kernel_is_anywhere_else(
    isa: str, core: str, old: list[str], tmp_path: Path
) -> None:
    """At -O0, where nothing is inlined that need not be."""
    root = Path(__file__).parents[2] / "runtime_c"
    words = [GCC, f"-mcpu={core}", "-mthumb", "-O0", "-ffunction-sections", *old, "-c"]
    words += ["-mfloat-abi=hard"] if isa == "mve" else []
    words += ['-DMCUCC_CODE_SECTION=".mcucc_code"', f"-I{root / 'include'}"]
    sources = sorted((root / "kernels" / isa).glob("*.c"))
    subprocess.run([*words, *map(str, sources)], check=True, cwd=tmp_path)
    for path in tmp_path.glob("*.o"):
        with path.open("rb") as stream:
            sections = {s.name: s["sh_size"] for s in ELFFile(stream).iter_sections()}
        assert sections[".mcucc_code"] > 0
        assert {n for n, size in sections.items() if n.startswith(".text") and size} == set(), path
