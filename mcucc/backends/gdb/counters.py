"""Counters of clock cycles: read by the firmware, judged here; DWT is switched on by the debugger.

None counts while the core is halted, so that stops at the mailbox cost nothing.
Armv7-M Architecture Reference Manual: C1.6.5 DEMCR, C1.8.7 DWT_CTRL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from mcucc.backends.interface import Cycles
from mcucc.backends.records import counts_of, known_of
from mcucc.boards.board import Core, Counter
from mcucc.errors import ToolError
from mcucc.toolchain.machines import Machine

_DEMCR, _TRCENA = 0xE000EDFC, 1 << 24
_DWT_CTRL, _DWT_CYCCNT, _CYCCNTENA, _NOCYCCNT = 0xE0001000, 0xE0001004, 1, 1 << 25
_DWT_LAR, _UNLOCK = 0xE0001FB0, 0xC5ACCE55
# main.c's stretch of 502 instructions: one cycle each at least, and memory is never so slow.
_KNOWN_CYCLES = range(502, 1501)


class Memory(Protocol):
    """A debugger's view of the core."""

    def word(self, address: int) -> int:
        """Reads 32 bits."""

    def write(self, address: int, data: bytes) -> None:
        """Writes bytes."""


def start_counter(memory: Memory, machine: Machine) -> str:
    """Lets the machine's counter run; why it does not, "" where it does (or nothing is to do)."""
    if machine.counter is not Counter.DWT:
        return ""  # the firmware does it itself
    try:
        return _start_dwt(memory, unlock=Core.M7 in machine.cores)
    except ToolError as error:  # nothing answers there
        return f"the core has no DWT: {error.what}"


def without_counter(machine: Machine) -> Machine:
    """The machine, whose firmware then reads a word of its own RAM in place of the counter."""
    return replace(machine, counter=None, timer=machine.harness_ram.origin)


def _start_dwt(memory: Memory, *, unlock: bool) -> str:
    _write(memory, _DEMCR, memory.word(_DEMCR) | _TRCENA)
    if unlock:
        _write(memory, _DWT_LAR, _UNLOCK)
    control = memory.word(_DWT_CTRL)
    if control & _NOCYCCNT:
        return "this core has no cycle counter (DWT_CTRL.NOCYCCNT)"
    _write(memory, _DWT_CYCCNT, 0)
    _write(memory, _DWT_CTRL, control | _CYCCNTENA)
    if memory.word(_DWT_CTRL) & _CYCCNTENA:
        return ""
    return "its DWT cannot be switched on"


def _write(memory: Memory, address: int, value: int) -> None:
    memory.write(address, value.to_bytes(4, "little"))


def cycles_of(values: Mapping[str, int], counter: Counter) -> Cycles | str:
    """Cycles of the first image by the records of a counted run, or why they are not believed.

    As with instructions, what is around the network is taken off. A difference of readings is
    modulo 2^32; unwrap_totals has mended the total.
    """
    known = known_of(values, int)
    if known not in _KNOWN_CYCLES:
        return (
            f"{counter.value} counted {known:,} cycles where 502 instructions ran, "
            f"not {_KNOWN_CYCLES[0]:,} to {_KNOWN_CYCLES[-1]:,}"
        )
    counted = counts_of(values, 1, int)
    return Cycles(counted.totals[0], counted.steps, counter.value)
