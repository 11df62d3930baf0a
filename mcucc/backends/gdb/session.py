"""One run of firmware behind a GDB server: check the core, load, start, answer its mailbox."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from mcucc.backends.gdb.client import Client, Refused
from mcucc.backends.gdb.description import Flash
from mcucc.backends.gdb.mailbox import MAILBOX_BYTES, RESULT_OFFSET, Mailbox
from mcucc.backends.gdb.wire import Silence
from mcucc.backends.interface import EmulationFault, HangError, hang_error
from mcucc.backends.records import fault_of, make_fault, parse_records
from mcucc.boards.board import Architecture, Board, Core
from mcucc.errors import ToolError
from mcucc.toolchain.elf import Segment
from mcucc.toolchain.firmware import Firmware
from mcucc.toolchain.machines import Machine

# Armv6-M to Armv8-M Architecture Reference Manuals, System Control Space.
_CPUID, _VTOR, _MPU_CTRL, _SYST_CSR = 0xE000ED00, 0xE000ED08, 0xE000ED94, 0xE000E010
_NVIC_ICER, _NVIC_WORDS = 0xE000E180, 8
_AIRCR, _VECTCLRACTIVE = 0xE000ED0C, 0x05FA0002
_FPCCR, _LSPACT = 0xE000EF34, 1
_CCR, _CCR_CACHES, _ICIALLU = 0xE000ED14, 3 << 16, 0xE000EF50
_CFSR, _HFSR, _MMFAR, _BFAR = 0xE000ED28, 0xE000ED2C, 0xE000ED34, 0xE000ED38
_THUMB = 1 << 24
# CPUID: implementer in bits 31:24 (0x41 Arm), part number in bits 15:4.
_PARTS = {
    0xC20: "cortex-m0",
    0xC60: Core.M0PLUS.value,
    0xC21: "cortex-m1",
    0xC23: Core.M3.value,
    0xC24: Core.M4.value,
    0xC27: Core.M7.value,
    0xD20: "cortex-m23",
    0xD21: Core.M33.value,
    0xD22: Core.M55.value,
    0xD23: "cortex-m85",
}
_MISA_LETTERS = {Core.RV32IMC: "imc"}
_FAULT_RECORDS = {
    "fault.cfsr": _CFSR,
    "fault.hfsr": _HFSR,
    "fault.mmfar": _MMFAR,
    "fault.bfar": _BFAR,
}
_LOOKS, _LOOK_S = 3, 0.02  # an emulator tells its program counter block by block
_STRAY_STOPS = 16  # stops that are none of ours, until they are called a fault


def check_core(client: Client, board: Board, machine: Machine, name: str) -> None:
    """ToolError when another core answers than the firmware is linked for."""
    if not client.has_register("pc"):
        raise ToolError("the server does not say which registers the core has", where=name)
    if board.core.architecture is Architecture.RISCV:
        found = _riscv_core(client, board.core)
    else:
        found = _arm_core(client)
    able = {core.value for core in machine.cores}
    able |= {"cortex-m0", "cortex-m1"} if Core.M0PLUS in machine.cores else set()  # all Armv6-M
    if found is not None and found not in able:
        raise ToolError(
            f"the core there is {found}, {board.name} has {board.core.value}",
            where=name,
            hint="another server or probe, or compile for that board",
        )


def _arm_core(client: Client) -> str:
    if not client.has_register("xpsr"):
        return "no Cortex-M"
    value = client.word(_CPUID)
    part = _PARTS.get(value >> 4 & 0xFFF) if value >> 24 == 0x41 else None
    return part or f"an unknown one (CPUID 0x{value:08x})"


def _riscv_core(client: Client, core: Core) -> str | None:
    """None where the core does not tell (misa may be absent or 0)."""
    if client.has_register("xpsr") or client.has_register("r12"):
        return "no RISC-V"
    misa = 0
    if client.has_register("misa"):
        with suppress(ToolError):
            misa = client.register("misa")
    if misa == 0:
        return None
    letters = "".join(chr(ord("a") + bit) for bit in range(26) if misa >> bit & 1)
    narrow = misa >> 30 == 1 and misa < 1 << 32
    enough = set(_MISA_LETTERS[core]) <= set(letters)
    return core.value if narrow and enough else f"rv{32 if narrow else 64}{letters}"


def load(client: Client, firmware: Firmware, flash: bool, name: str) -> bool:
    """Writes the image and reads it back; True when flash was written, which only `flash` allows.

    Raises ToolError where memory does not hold what was written.
    """
    known = client.flash()
    segments = firmware.image.segments
    burned = [each for each in segments if any(_overlap(each, memory) for memory in known)]
    if burned and not flash:
        raise ToolError(
            f"the image has {sum(len(each.data) for each in burned)} bytes of flash",
            where=name,
            hint="--flash lets mcucc overwrite it",
        )
    quieten(client, firmware.board)
    if burned:
        _burn(client, sorted(burned, key=lambda each: each.address), known)
    for segment in segments:
        if segment not in burned:
            client.write(segment.address, segment.data)
    for segment in segments:
        if client.read(segment.address, len(segment.data)) != segment.data:
            raise ToolError(
                f"memory at 0x{segment.address:08x} does not hold what was written there",
                where=name,
                hint="flash, or no memory: does the board's description fit? --flash writes flash",
            )
    return bool(burned)


def _overlap(segment: Segment, memory: Flash) -> bool:
    end = segment.address + len(segment.data)
    return segment.address < memory.span.end and memory.span.origin < end


def _burn(client: Client, segments: Sequence[Segment], memories: Sequence[Flash]) -> None:
    """Erases the blocks that these segments (by address) lie in, each once, and writes them.

    A bank with blocks of several sizes is several memories: a segment may lie in two.
    """
    for memory in memories:
        origin, block = memory.span.origin, memory.block
        erased = origin
        for segment in segments:
            if _overlap(segment, memory):
                end = segment.address + len(segment.data)
                first = max((segment.address - origin) // block * block + origin, erased)
                last = min(-(-(end - origin) // block) * block + origin, memory.span.end)
                if last > first:
                    client.erase_flash(first, last - first)
                    erased = last
    for segment in segments:
        client.write_flash(segment.address, segment.data)
    client.finish_flash()


def quieten(client: Client, board: Board) -> None:
    """Whatever ran before: no interrupt, no protection of memory, no cache in front of it."""
    if board.core.architecture is Architecture.RISCV:
        _set_if_there(client, "mie", 0)
        return
    client.write(_AIRCR, _VECTCLRACTIVE.to_bytes(4, "little"))  # it stood in a handler
    client.write(_SYST_CSR, bytes(4))
    client.write(_NVIC_ICER, b"\xff" * 4 * (1 if board.core is Core.M0PLUS else _NVIC_WORDS))
    client.write(_MPU_CTRL, bytes(4))
    if board.core is not Core.M0PLUS:
        for status in (_CFSR, _HFSR):  # of faults before: a bit is cleared by writing it
            client.write(status, b"\xff" * 4)
    if board.core not in (Core.M0PLUS, Core.M3):
        lazy = client.word(_FPCCR) & ~_LSPACT  # the FPU's registers are owed to no stack
        client.write(_FPCCR, lazy.to_bytes(4, "little"))
    if board.core in (Core.M7, Core.M55):
        control = client.word(_CCR) & ~_CCR_CACHES
        client.write(_CCR, control.to_bytes(4, "little"))
        client.write(_ICIALLU, bytes(4))


def start(client: Client, firmware: Firmware) -> None:
    """Registers as after a reset into this image."""
    symbols = firmware.image.symbols
    if firmware.board.core.architecture is Architecture.ARM:
        client.write(_VTOR, firmware.machine.harness_code.origin.to_bytes(4, "little"))
        for name in ("primask", "faultmask", "basepri", "control"):
            _set_if_there(client, name, 0)
        _set_if_there(client, "xpsr", _THUMB)  # Renode may not let it be written
        # Some servers write sp while the old stack is still chosen.
        _set_if_there(client, "msp", symbols["mcucc_harness_stack_top"])
        client.set_register("sp", symbols["mcucc_harness_stack_top"])
    client.set_register("pc", symbols["mcucc_reset"] & ~1)


def _set_if_there(client: Client, register: str, value: int) -> None:
    if client.has_register(register):
        with suppress(Refused):
            client.set_register(register, value)


class Session:
    """Firmware that is loaded and started, until it has ended."""

    def __init__(self, client: Client, firmware: Firmware, mailbox: Mailbox, name: str) -> None:
        self._client, self._firmware, self._mailbox = client, firmware, mailbox
        self._name = name
        symbols = firmware.image.symbols
        self._stop, self._go = symbols["mcucc_mailbox_stop"] & ~1, symbols["mcucc_mailbox_go"] & ~1

    def run(self, timeout_s: float) -> None:
        """Until the firmware exits. Raises HangError, EmulationFault, ToolError."""
        deadline = time.monotonic() + timeout_s
        self._client.set_breakpoint(self._stop, self._go - self._stop)
        while not self._mailbox.ended:
            self._client.resume()
            self._until_mailbox(deadline, timeout_s)
            self._answer()

    def _answer(self) -> None:
        place = self._firmware.image.symbols["mcucc_mailbox"]
        result = self._mailbox.answer(self._client.read(place, MAILBOX_BYTES))
        data = (result & 0xFFFFFFFF).to_bytes(4, "little")
        self._client.write(place + RESULT_OFFSET, data)
        self._client.set_register("pc", self._go)

    def _until_mailbox(self, deadline: float, timeout_s: float) -> None:
        """Waits until the core stands at the mailbox.

        Debuggers may halt elsewhere too (at faults, which the firmware reports itself, or where
        somebody has set a breakpoint): it goes on. EmulationFault where it comes no further.
        """
        elsewhere: set[int] = set()
        for _ in range(_STRAY_STOPS):
            try:
                self._client.wait(deadline)
            except Silence:
                raise self._hang(timeout_s) from None
            pc = self._place()
            if pc == self._stop:
                return
            if pc is None:
                continue  # it runs: that was told of an earlier stop
            if pc in elsewhere:
                break
            elsewhere.add(pc)
            self._client.resume()
        raise self._stray(self._client.register("pc") & ~1)

    def _place(self) -> int | None:
        """Where the core stands; None where it moves between two looks."""
        place = self._client.register("pc") & ~1
        for _ in range(_LOOKS):
            if place == self._stop:
                break
            time.sleep(_LOOK_S)
            before, place = place, self._client.register("pc") & ~1
            if place not in (before, self._stop):
                return None
        return place

    def _stray(self, pc: int) -> EmulationFault:
        """The core has stopped where no breakpoint is: what its fault registers say."""
        records = dict(parse_records(self.text).values)
        what = "the core stops by itself"
        sp = self._client.register("sp")
        if self._firmware.board.core.architecture is Architecture.ARM:
            with suppress(ToolError):
                for key, place in _FAULT_RECORDS.items():
                    records[key] = self._client.word(place)
        if records.get("fault.cfsr", 0) or records.get("fault.hfsr", 0):
            fault = fault_of({**records, "fault.pc": pc, "fault.sp": sp}, self._firmware)
        else:
            fault = make_fault(self._firmware, what, None, pc, sp)
        return EmulationFault(fault, records, where=self._name)

    def _hang(self, timeout_s: float) -> HangError:
        """The core is halted to say where it was."""
        place = ""
        with suppress(ToolError):
            self._client.interrupt()
            pc = self._client.register("pc")
            place = f", last in {self._firmware.image.function_at(pc) or f'0x{pc:08x}'}"
        return hang_error(self._name, timeout_s, parse_records(self.text).values, place)

    @property
    def text(self) -> str:
        """What the firmware has printed."""
        return self._mailbox.text.decode("ascii", "replace")
