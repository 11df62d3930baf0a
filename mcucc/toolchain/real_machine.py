"""A board itself as a Machine: its own addresses, with the harness in what is left of its memory.

Without flash a RAM is divided, from low to high, into what the network may write (its stack grows
down to the low end), code with weights, and the harness's own RAM, so that a stack that grows too
far and a write behind the arena meet memory that they must not write. With flash, code and weights
lie there, and a gap is in their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.boards.board import Board, Core, Counter, Memory, MemoryKind
from mcucc.errors import BoardError, FitError
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.fence import Access, FenceRegion, Protection, guard_fence, whole_fence
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.layout import LEAST_STACK_BYTES, Sizes
from mcucc.toolchain.machines import Guards, Machine, find_machine, machine_names

# The harness's stack: 208 bytes are its deepest (measured on every core), and a fault while a
# record is written takes as much again and a frame with the FPU's registers. What another transport
# has more of code and RAM than the one that was linked.
HARNESS_STACK_BYTES = 512
_OTHER_TRANSPORT_BYTES = 256
# Regions of Armv6-M are at least 256 bytes.
_STEP = 256
# Where a table of vectors may begin: its size for as many interrupts as a core can have (240, and
# 480 in Armv8-M), as a power of two.
_VECTORS = {Protection.PMSA7: 1024, Protection.PMSA8: 2048, Protection.PMP: 256}
_POWERS = Protection.PMSA7
_V8 = (Core.M33, Core.M55)
# Where a core's counter is read; RISC-V's are no memory. Arm DDI 0403, DWT_CYCCNT and SYST_CVR.
_TIMERS = {Counter.DWT: 0xE0001004, Counter.SYSTICK: 0xE000E018}


@dataclass(frozen=True)
class _Wanted:
    """Bytes that must find a place, each rounded up to what regions can tell apart."""

    sizes: Sizes
    harness_code: int
    harness_ram: int
    code: int
    weights: int


@dataclass(frozen=True)
class _Placed:
    """A division of memory: code, weights, data, arena; the gap is forbidden to all."""

    harness_code: Span
    harness_ram: Span
    code: Span
    weights: Span
    data: Span
    arena: Span


def machine_behind(firmware: Firmware, emulated: str, flash: bool) -> Machine:
    """What to link for: a machine of QEMU that mcucc knows, or else the board itself.

    Raises FitError when it does not fit, BoardError for a machine of another core.
    """
    if emulated in machine_names():
        return find_machine(emulated, firmware.board.core)
    return real_machine(firmware, flash=flash)


def real_machine(firmware: Firmware, *, flash: bool) -> Machine:
    """The board's own memories; with `flash` code and weights lie where its TOML places them.

    Raises FitError with what is missing, BoardError when no RAM can hold code.
    """
    board = firmware.board
    protection = _protection(board)
    in_place = flash or (board.code.loadable and board.weights.loadable)
    wanted = _wanted(firmware.sizes, protection)
    short: list[FitError] = []
    for memory in _homes(board, in_place):
        room = _Room(board, memory, wanted, in_place, protection)
        try:
            placed, fence, guards = room.divided()
        except FitError as error:
            short.append(error)
            continue
        windows = dict.fromkeys((placed.code, placed.weights))
        return Machine(
            name=board.name,
            cores=(board.core,),
            protection=protection,
            regions=board.probe.mpu_regions,
            harness_code=placed.harness_code,
            harness_ram=placed.harness_ram,
            flash=tuple(windows),
            ram=(placed.data, placed.arena),
            peripherals=Span(0, 0),
            timer=_TIMERS.get(board.probe.counter, 0),
            timer_hz=board.clock_hz,
            uart=0,
            real=True,
            in_flash=in_place and not board.code.loadable,
            fence=fence,
            guards=guards,
            counter=board.probe.counter,
        )
    if not short:
        raise BoardError(
            "no RAM of this board runs code", where=board.name, hint="--flash, where it has flash"
        )
    raise short[0]


@dataclass(frozen=True)
class _Room:
    """One way to divide memory: `home` holds the harness's RAM, and without flash all code."""

    board: Board
    home: Memory
    wanted: _Wanted
    in_place: bool
    protection: Protection

    def divided(self) -> tuple[_Placed, tuple[FenceRegion, ...], Guards]:
        """With as few bytes lost as the number of regions allows; else the stack is guarded."""
        closest = self._placed(self._first_step())
        regions = self.board.probe.mpu_regions
        for placed in (closest, *self._coarser()):
            fence = _fence(placed, self.protection)
            if len(fence) <= regions:
                return placed, fence, Guards.ALL
        if regions < 2:
            return closest, (), Guards.NOTHING
        guard = Span(_up(closest.data.origin, _STEP), _STEP)
        placed = self._placed(self._first_step(), raised=guard.end)
        return placed, guard_fence(guard, self.protection), Guards.STACK

    def _first_step(self) -> int:
        return _STEP if self.in_place else max(_STEP, _VECTORS[self.protection])

    def _coarser(self) -> Iterator[_Placed]:
        """Divisions at multiples of larger powers of two, which take fewer regions."""
        step = self._first_step() * 2
        while step <= self.home.size:
            try:
                yield self._placed(step)
            except FitError:
                return
            step *= 2

    def _placed(self, step: int, raised: int = 0) -> _Placed:
        """Divided at a multiple of `step`; data begins at `raised` at least."""
        board, wanted, home = self.board, self.wanted, self.home
        aligned = wanted.harness_ram if self.protection is _POWERS else _STEP
        ram = Span(_down(home.end - wanted.harness_ram, aligned), wanted.harness_ram)
        if self.in_place:
            code, weights = board.code, board.weights
            begin = _up(code.origin, _VECTORS[self.protection])
            harness = Span(begin, wanted.harness_code)
            code_span = Span(harness.end, code.end - harness.end)
            weights_span = code_span if weights == code else Span(weights.origin, weights.size)
            top = _down(ram.origin - _STEP, step)
        else:
            top = _down(ram.origin - wanted.harness_code - wanted.code - wanted.weights, step)
            moved = top + (home.code_origin or 0) - home.origin
            harness = Span(moved, wanted.harness_code)
            rest = Span(harness.end, ram.origin - top - wanted.harness_code)
            code_span, weights_span = rest, rest
            if board.weights != board.code:
                code_span = Span(rest.origin, wanted.code)
                weights_span = Span(code_span.end, rest.size - wanted.code)
        data, arena = (self._window(memory, top, raised) for memory in (board.data, board.arena))
        self._check(data, arena)
        return _Placed(harness, ram, code_span, weights_span, data, arena)

    def _window(self, memory: Memory, top: int, raised: int) -> Span:
        """What the network may write of a memory; the home's ends at `top`."""
        origin = max(memory.origin, raised) if memory == self.board.data else memory.origin
        end = top if memory == self.home else memory.end
        return Span(origin, end - origin)

    def _check(self, data: Span, arena: Span) -> None:
        """FitError unless static data, least stack and arena have room."""
        sizes = self.wanted.sizes
        stack = sizes.static + LEAST_STACK_BYTES
        if data == arena:
            missing = sizes.arena + stack - data.size
        else:
            missing = max(0, sizes.arena - arena.size) + max(0, stack - data.size)
        if missing > 0:
            raise self._short(missing)

    def _short(self, missing: int) -> FitError:
        wanted, sizes, home = self.wanted, self.wanted.sizes, self.home
        parts = [f"arena {sizes.arena:,}", f"static {sizes.static:,}"]
        parts += [f"stack at least {LEAST_STACK_BYTES}", f"harness {wanted.harness_ram:,}"]
        hint = "a plan with a smaller arena (--sram), or a board with more RAM"
        if not self.in_place:
            parts = [f"code {sizes.code:,}", f"weights {sizes.weights:,}", *parts]
            parts[-1] = f"harness {wanted.harness_code + wanted.harness_ram:,}"
            hint = f"--flash puts code and weights into {self.board.code.name}, by the debugger"
        there = "everything" if not self.in_place else "what the network writes and the harness"
        return FitError(
            f"{home.name} of {home.size:,} bytes is too small for {there}: "
            f"{missing:,} bytes are missing ({', '.join(parts)})",
            where=self.board.name,
            hint=hint,
        )


def _homes(board: Board, in_place: bool) -> Sequence[Memory]:
    """RAMs that can hold the harness (and code): those that the network leaves alone come first."""
    rams = [each for each in board.memories if each.kind is MemoryKind.RAM]
    able = [each for each in rams if in_place or each.code_origin is not None]
    return sorted(able, key=lambda each: (each in (board.data, board.arena), -each.size))


def _wanted(sizes: Sizes, protection: Protection) -> _Wanted:
    """The harness's RAM is one region: for Armv7-M a power of two, aligned to its size."""
    ram = sizes.harness_ram + HARNESS_STACK_BYTES + _OTHER_TRANSPORT_BYTES
    code = sizes.harness_code + _OTHER_TRANSPORT_BYTES
    return _Wanted(
        sizes,
        harness_code=_up(code, _STEP),
        harness_ram=1 << (ram - 1).bit_length() if protection is _POWERS else _up(ram, _STEP),
        code=_up(sizes.code + _OTHER_TRANSPORT_BYTES, _STEP),
        weights=_up(sizes.weights, _STEP),
    )


def _fence(placed: _Placed, protection: Protection) -> tuple[FenceRegion, ...]:
    """The whole fence; neighbours that allow the same are one."""
    code = _merged((placed.harness_code, placed.code, placed.weights))
    data = dict.fromkeys((placed.data, placed.arena, placed.harness_ram))
    wanted = [(span, Access.CODE) for span in code]
    return whole_fence([*wanted, *((span, Access.DATA) for span in data)], protection)


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(dict.fromkeys(spans), key=lambda each: each.origin):
        if merged and merged[-1].end == span.origin:
            merged[-1] = Span(merged[-1].origin, merged[-1].size + span.size)
        else:
            merged.append(span)
    return merged


def _protection(board: Board) -> Protection:
    if board.core is Core.RV32IMC:
        return Protection.PMP
    return Protection.PMSA8 if board.core in _V8 else Protection.PMSA7


def _up(count: int, step: int) -> int:
    return -(-count // step) * step


def _down(count: int, step: int) -> int:
    return count // step * step
