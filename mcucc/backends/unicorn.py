"""unicorn: emulation after a plain `pip install`, without root.

Only the board's memory is mapped, so that a stray access is an exact error. unicorn has no system
control space worth the name: faults do not reach the firmware, they end the run, and the MPU is
not there (the firmware sees that). The timer counts executed instructions.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcucc.backends.block_counter import BlockCounter
from mcucc.backends.interface import EmulationFault, RunResult, hang_error, input_file, model_index
from mcucc.backends.records import check_exit, make_fault, parse_records, result_of
from mcucc.backends.semihosting import SemihostingFiles
from mcucc.boards.board import Board, Core
from mcucc.errors import ToolError
from mcucc.toolchain.firmware import Firmware, Transport

_MODELS = {
    Core.M0PLUS: "UC_CPU_ARM_CORTEX_M0",
    Core.M3: "UC_CPU_ARM_CORTEX_M3",
    Core.M4: "UC_CPU_ARM_CORTEX_M4",
    Core.M7: "UC_CPU_ARM_CORTEX_M7",
    Core.M33: "UC_CPU_ARM_CORTEX_M33",
}
_PAGE = 1024
_SYSTEM_SPACE = (0xE000E000, 0x1000)
_TIMER_PAGE = 0x1000
_BREAKPOINT = 7  # EXCP_BKPT


class Unicorn:
    """The unicorn package."""

    name = "unicorn"

    def unavailable(self, board: Board) -> str | None:
        """Why it cannot run: not installed, or a core that it does not have."""
        if board.core not in _MODELS:
            return f"unicorn has no {board.core.value}; use qemu"
        if importlib.util.find_spec("unicorn") is None:
            return "the package unicorn is not installed (pip install 'mcucc[emulate]')"
        return None

    def run(
        self,
        firmware: Firmware,
        images: Sequence[bytes],
        *,
        count: bool = False,
        timeout_s: float = 600.0,
        model: str | None = None,
    ) -> RunResult:
        """See Emulator.run. Counting follows every block and is slower; very slow without a
        host compiler (BlockCounter)."""
        reason = self.unavailable(firmware.board)
        if reason is not None:
            raise ToolError(reason, where=self.name)
        if firmware.options.transport is not Transport.SEMIHOSTING:
            raise ToolError("unicorn has no serial port; build for semihosting", where=self.name)
        index = model_index(firmware, model)
        session = _start(
            firmware, input_file(images, count), f"{'count' if count else 'run'} {index}"
        )
        if count:
            session.counter.start()
        session.run(timeout_s)
        records = parse_records(session.files.text.decode("ascii", "replace"))
        check_exit(records, firmware, self.name)
        output = bytes(session.files.output)
        return result_of(records, output, len(images), count, lambda ticks: ticks)


@dataclass
class _Session:
    """One emulated machine."""

    firmware: Firmware
    engine: Any
    files: SemihostingFiles
    counter: BlockCounter
    fault_address: int | None = None

    def run(self, timeout_s: float) -> None:
        """From reset to the exit call; raises EmulationFault or HangError."""
        entry = self.firmware.image.symbols["mcucc_reset"] | 1
        try:
            self.engine.emu_start(entry, 0xFFFFFFFE, timeout=int(timeout_s * 1e6))
        except _unicorn().UcError as error:
            self._raise_fault(str(error))
        if self.fault_address is not None:
            self._raise_fault("stopped")
        if not self.files.ended:
            pc = self.engine.reg_read(_registers().UC_ARM_REG_PC)
            function = self.firmware.image.function_at(pc) or f"0x{pc:08x}"
            records = parse_records(self.files.text.decode("ascii", "replace"))
            raise hang_error(Unicorn.name, timeout_s, records.values, f", last in {function}")

    def breakpoint(self, engine: Any, number: int, _: object) -> None:
        """A semihosting call; anything else is a fault."""
        registers = _registers()
        pc = engine.reg_read(registers.UC_ARM_REG_PC)
        if number != _BREAKPOINT or engine.mem_read(pc, 2) != b"\xab\xbe":
            engine.emu_stop()
            self._raise_fault(f"exception {number}")
        operation = engine.reg_read(registers.UC_ARM_REG_R0)
        answer = self.files.call(operation, engine.reg_read(registers.UC_ARM_REG_R1))
        engine.reg_write(registers.UC_ARM_REG_R0, answer)
        engine.reg_write(registers.UC_ARM_REG_PC, (pc + 2) | 1)
        if self.files.ended:
            engine.emu_stop()

    def stray(self, engine: Any, _kind: int, address: int, *_: object) -> bool:
        """An access outside of what is mapped, or behind the end of a memory in its last page."""
        self.fault_address = address
        engine.emu_stop()
        return False

    def _raise_fault(self, what: str) -> None:
        registers = _registers()
        records = parse_records(self.files.text.decode("ascii", "replace"))
        images = [int(key.split(".")[1]) for key in records.values if key.startswith("image.")]
        if self.fault_address is not None:
            what = "data access outside the board's memory"
        fault = make_fault(
            self.firmware,
            what,
            self.fault_address,
            self.engine.reg_read(registers.UC_ARM_REG_PC),
            self.engine.reg_read(registers.UC_ARM_REG_SP),
            image=max(images, default=None),
        )
        raise EmulationFault(fault, records.values, where=Unicorn.name)


def _unicorn() -> Any:
    """The package, imported only when it is used: it loads a large library."""
    return importlib.import_module("unicorn")


def _registers() -> Any:
    return importlib.import_module("unicorn.arm_const")


def _start(firmware: Firmware, source: bytes, request: str) -> _Session:
    """A machine with the board's memory, the image loaded and the hooks set."""
    unicorn, registers = _unicorn(), _registers()
    engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    engine.ctl_set_cpu_model(getattr(registers, _MODELS[firmware.board.core]))
    files = SemihostingFiles(
        request.encode("ascii"),
        source,
        read=lambda address, count: bytes(engine.mem_read(address, count)),
        write=engine.mem_write,
    )
    session = _Session(firmware, engine, files, BlockCounter(engine, firmware.image.segments))
    _map_memory(session)
    engine.hook_add(unicorn.UC_HOOK_INTR, session.breakpoint)
    engine.hook_add(unicorn.UC_HOOK_MEM_INVALID, session.stray)
    engine.reg_write(registers.UC_ARM_REG_SP, firmware.machine.harness_ram.end)
    return session


def _map_memory(session: _Session) -> None:
    """Maps exactly what the machine's fence admits; code is read only."""
    unicorn = _unicorn()
    engine, firmware = session.engine, session.firmware
    machine, layout = firmware.machine, firmware.layout
    readable = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
    executable = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
    code = {machine.harness_code, layout.code, layout.weights}
    for span in dict.fromkeys((machine.harness_code, machine.harness_ram, *layout.spans)):
        size = -(-span.size // _PAGE) * _PAGE
        engine.mem_map(span.origin, size, executable if span in code else readable)
        if size != span.size:
            kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
            tail = (span.end, span.origin + size - 1)
            engine.hook_add(kinds, session.stray, begin=tail[0], end=tail[1])
    engine.mem_map(*_SYSTEM_SPACE, readable)
    timer = machine.timer & -_TIMER_PAGE
    engine.mmio_map(timer, _TIMER_PAGE, session.counter.read_timer, None, None, None)
    for segment in firmware.image.segments:
        engine.mem_write(segment.address, segment.data)
