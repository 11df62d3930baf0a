"""Runs single kernels on an emulated Cortex-M and counts their instructions.

unicorn executes the cross-compiled kernels of one ISA; block hooks count what is executed, exactly
and repeatably. Memory is mapped for the image, the stack and the data only: a stray access fails
with its address. Every buffer lies at an odd address between guard bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const as arm
from unicorn.unicorn import Uc

from mcucc.backends.calls.build import arm_compiler, compile_kernels, link
from mcucc.backends.calls.cycles import Block, Counts, Listing
from mcucc.backends.calls.job import GUARD, Step, aligned, place_parameters
from mcucc.ir.kernel import Granularity, KernelCall
from mcucc.ir.kernel_id import InstructionSet

CODE, DATA, STACK = 0x0, 0x20000000, 0x30000000
CODE_BYTES, DATA_BYTES, STACK_BYTES = 1 << 20, 16 << 20, 1 << 14
RETURN = 0xF0000
MODELS = {
    "cortex-m0plus": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": arm.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
}
REGISTERS = (arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3)
SCRIPT = "SECTIONS { . = 0x1000; .text : { *(.text* .rodata*) } .data : { *(.data* .bss*) } }"


def build(
    isas: Sequence[InstructionSet], core: str, folder: Path, flags: Sequence[str] = ("-O2",)
) -> Path:
    """All kernels of `isas` linked for `core`; ToolError with the compiler's words."""
    compiler, target = arm_compiler(), [f"-mcpu={core}", "-mthumb", *flags]
    objects = compile_kernels(compiler, isas, target, folder)
    return link(compiler, objects, target, SCRIPT, folder / f"kernels_{core}.elf")


class Machine:
    """A core with an image of kernels."""

    def __init__(self, image: Path, core: str, count: bool = False) -> None:
        engine: Any = Uc  # unicorn has no types
        self.core = engine(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.core.ctl_set_cpu_model(MODELS[core])
        for base, size in ((CODE, CODE_BYTES), (DATA, DATA_BYTES), (STACK, STACK_BYTES)):
            self.core.mem_map(base, size)
        with image.open("rb") as file:
            elf = ELFFile(file)
            for segment in elf.iter_segments("PT_LOAD"):
                self.core.mem_write(segment["p_paddr"], segment.data())
            table: Any = elf.get_section_by_name(".symtab")
            self.symbols = {s.name: s["st_value"] for s in table.iter_symbols()}
        self.next = DATA
        self._blocks: dict[tuple[int, int], Block] = {}
        self.reset()
        if count:
            self._listing = Listing(image, core)
            self.core.hook_add(unicorn.UC_HOOK_BLOCK, self._block)

    def reset(self) -> None:
        """Count from zero."""
        self._instructions = self._loads = self._cycles = self._taken = 0
        self._end = RETURN

    @property
    def counts(self) -> Counts:
        """What was executed since the last reset."""
        cycles = self._cycles + self._taken * self._listing.timing.taken
        return Counts(self._instructions, self._loads, self._taken, cycles)

    def _block(self, core: Any, address: int, size: int, user: object) -> None:
        found = self._blocks.get((address, size))
        if found is None:
            found = self._blocks[address, size] = self._listing.block(address, size)
        self._instructions += found.instructions
        self._loads += found.loads
        self._cycles += found.cycles
        self._taken += address != self._end
        self._end = address + size

    def place(self, data: bytes, align: int = 1) -> int:
        """Copy bytes between guards into fresh memory, as `aligned` says."""
        start = aligned(self.next + len(GUARD), align)
        self.core.mem_write(start - len(GUARD), GUARD + data + GUARD)
        self.next = start + len(data) + len(GUARD)
        return start

    def _untouched(self, start: int, size: int) -> bool:
        before = bytes(self.core.mem_read(start - len(GUARD), len(GUARD)))
        return before == GUARD == bytes(self.core.mem_read(start + size, len(GUARD)))

    def _call(self, function: str, *arguments: int) -> None:
        for register, value in zip(REGISTERS, arguments, strict=False):
            self.core.reg_write(register, value)
        self.core.reg_write(arm.UC_ARM_REG_SP, STACK + STACK_BYTES)
        self.core.reg_write(arm.UC_ARM_REG_LR, RETURN | 1)
        self.core.emu_start(self.symbols[function] | 1, RETURN)

    def run(
        self,
        call: KernelCall,
        granularity: Granularity,
        steps: tuple[Step, ...],
        total_bytes: int,
        sums_bytes: int = 0,
    ) -> list[bytes]:
        """What every step wrote (SINK: one entry, the output). AssertionError on stray writes."""
        self.next = DATA
        params = place_parameters(call, self.place)
        sink = granularity is Granularity.SINK
        scratch_bytes = max(sums_bytes, call.scratch_bytes)
        scratch = self.place(b"\x5a" * scratch_bytes, align=4)
        if sink:
            self._call(call.function + "_begin", params, scratch)
        base, parts = self.next, []
        for step in steps:
            self.next = base
            rows = [0 if row is None else self.place(row, step.align) for row in step.rows]
            pointers = self.place(struct.pack(f"<{len(rows)}I", *rows), align=4)
            span = 0
            if step.span is not None or call.scratch_bytes:
                fields = struct.pack("<4iI", *(step.span or (0, 0, 0, 0)), scratch)
                span = self.place(fields, align=4)
            if sink:
                self._call(call.function + "_row", params, pointers, scratch, span)
            else:
                parts.append(self._output(call.function, step, params, pointers, span))
        if sink:
            out = self.place(bytes(total_bytes), steps[0].align)
            self._call(call.function + "_finish", params, scratch, out)
            assert self._untouched(out, total_bytes), call.function
            parts.append(bytes(self.core.mem_read(out, total_bytes)))
        assert self._untouched(scratch, scratch_bytes), f"{call.function} left its scratch"
        return parts

    def _output(self, function: str, step: Step, params: int, pointers: int, span: int) -> bytes:
        size = step.out_bytes
        out = self.place(bytes(size), step.align)
        self._call(function, params, pointers, out, span)
        assert self._untouched(out, size), f"{function} wrote outside its output"
        return bytes(self.core.mem_read(out, size))
