"""A board's own addresses: what firmware may touch lies in its memory, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from mcucc.boards.board import Board, MemoryKind, board_names, load_board
from mcucc.errors import FitError
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.compilers import Compiler, Kind
from mcucc.toolchain.elf import Image
from mcucc.toolchain.fence import FenceRegion, Protection
from mcucc.toolchain.firmware import BuildOptions, Firmware
from mcucc.toolchain.layout import Sizes, exact_layout, loose_layout
from mcucc.toolchain.machines import Guards, Machine, machine_of
from mcucc.toolchain.real_machine import machine_behind, real_machine
from tests.toolchain.test_fence_regions import admits_v7

SIZES = Sizes(
    code=8_000, weights=2_500, static=12, arena=1_000, harness_code=3_600, harness_ram=150
)
BOARDS = tuple(name for name in board_names() if name != "esp32-s3")


def linked(board: Board, sizes: Sizes = SIZES) -> Firmware:
    """A firmware of these sizes; nothing is compiled."""
    return Firmware(
        elf=Path("firmware.elf"),
        board=board,
        machine=machine_of(board),
        ram_bytes=None,
        models=(),
        options=BuildOptions(),
        compiler=Compiler(("gcc",), "12", Kind.GCC),
        layout=loose_layout(board),
        sizes=sizes,
        image=Image({}, (), (), (), {}),
        stack_usage={},
        objects=(),
    )


def spans_of(machine: Machine) -> list[Span]:
    everything = (machine.harness_code, machine.harness_ram, *machine.flash, *machine.ram)
    return sorted(dict.fromkeys(everything), key=lambda each: each.origin)


def inside(board: Board, span: Span) -> bool:
    """Whether a memory of the board has it, at its address of data or of code."""
    homes = [Span(each.origin, each.size) for each in board.memories]
    homes += [Span(each.code_origin, each.size) for each in board.memories if each.code_origin]
    return any(home.origin <= span.origin and span.end <= home.end for home in homes)


@pytest.mark.parametrize("flash", [False, True])
@pytest.mark.parametrize("name", BOARDS)
def test_everything_lies_in_the_boards_memory_and_nothing_twice(name: str, flash: bool) -> None:
    board = load_board(name)
    machine = real_machine(linked(board), flash=flash)
    spans = spans_of(machine)
    assert all(inside(board, span) for span in spans)
    assert all(one.end <= other.origin for one, other in pairwise(spans))
    layout = exact_layout(board, machine, SIZES, 8)
    assert layout.arena_address + SIZES.arena == layout.arena.end == machine.ram[-1].end
    assert layout.stack_base == machine.ram[0].origin == board.data.origin
    in_ram = all(
        board.memories[index].kind is MemoryKind.RAM
        for index, memory in enumerate(board.memories)
        for span in machine.flash
        if memory.origin <= span.origin < memory.end
    )
    assert in_ram is not (flash or board.code.loadable)
    assert machine.in_flash is (flash and not board.code.loadable)


def admits_v8(regions: tuple[FenceRegion, ...], address: int) -> bool:
    return any(r.base & -32 <= address < (r.attributes & -32) + 32 for r in regions)


def admits_pmp(regions: tuple[FenceRegion, ...], address: int) -> bool:
    """RISC-V privileged architecture: the first entry that matches decides."""
    before = 0
    for region in regions:
        kind, base = region.attributes >> 3 & 3, region.base << 2
        if kind == 1 and before <= address < base:
            return region.attributes & 1 == 1
        if kind == 3:
            ones = (~region.base & region.base + 1).bit_length() - 1
            size = 8 << ones
            if base & -size <= address < (base & -size) + size or ones >= 30:
                return region.attributes & 1 == 1
        before = base
    return True


@pytest.mark.parametrize("flash", [False, True])
@pytest.mark.parametrize("name", BOARDS)
def test_the_fence_admits_the_network_and_not_a_byte_around_it(name: str, flash: bool) -> None:
    board = load_board(name)
    board = replace(board, probe=replace(board.probe, mpu_regions=max(8, board.probe.mpu_regions)))
    machine = real_machine(linked(board), flash=flash)
    assert machine.guards is Guards.ALL and len(machine.fence) <= board.probe.mpu_regions
    admits = {
        Protection.PMSA7: admits_v7,
        Protection.PMSA8: admits_v8,
        Protection.PMP: admits_pmp,
    }[machine.protection]
    spans = spans_of(machine)
    for span in spans:
        assert all(admits(machine.fence, at) for at in (span.origin, span.end - 1))
    for window in machine.ram:
        below, above = window.origin - 1, window.end
        assert not admits(machine.fence, below)
        code = any(each.origin == above for each in (machine.harness_code, *machine.flash))
        assert code or not admits(machine.fence, above)


def test_few_regions_guard_the_stack_and_none_nothing() -> None:
    board = load_board("stm32f412")
    few = replace(board, probe=replace(board.probe, mpu_regions=2))
    machine = real_machine(linked(few), flash=False)
    assert machine.guards is Guards.STACK and len(machine.fence) == 2
    everything, guard = machine.fence
    assert (everything.base, everything.attributes >> 1 & 31) == (0, 31)
    assert everything.attributes >> 24 & 7 == 3 and not everything.attributes >> 28
    assert guard.base == board.data.origin and guard.attributes >> 24 & 7 == 0
    assert machine.ram[0].origin == guard.base + 256
    none = replace(board, probe=replace(board.probe, mpu_regions=0))
    machine = real_machine(linked(none), flash=False)
    assert machine.guards is Guards.NOTHING and machine.fence == ()


def test_a_board_too_small_says_what_is_missing_and_names_flash() -> None:
    board = load_board("bluepill")
    sizes = replace(SIZES, weights=40_000)
    with pytest.raises(FitError) as caught:
        real_machine(linked(board, sizes), flash=False)
    text = str(caught.value)
    for word in ("bluepill", "sram of 20,480", "missing", "code 8,000", "40,000", "--flash"):
        assert word in text
    assert real_machine(linked(board, sizes), flash=True).in_flash
    with pytest.raises(FitError, match="bytes are missing") as caught:
        real_machine(linked(board, replace(sizes, arena=20_000)), flash=True)
    assert "--flash" not in str(caught.value)


def test_nothing_runs_from_memory_that_cannot_run_it() -> None:
    machine = real_machine(linked(load_board("stm32f407")), flash=False)
    assert machine.ram[0].origin == 0x10000000  # CCM: stack and static data
    assert all(span.origin >= 0x20000000 for span in (machine.harness_code, *machine.flash))


def test_a_machine_that_mcucc_knows_is_linked_for_as_ever() -> None:
    firmware = linked(load_board("nrf52840-dk"))
    assert machine_behind(firmware, "mps2-an386", False) == firmware.machine
    assert machine_behind(firmware, "netduinoplus2", False).real
