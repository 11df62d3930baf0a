"""Runs single kernels on the real core in QEMU and counts: unicorn has no MVE, and takes any.

One start of QEMU makes all calls of a list of jobs. What a call executed is exact: virtual time
follows the instructions. Every buffer lies at an odd address between guard bytes; with `fence` one
row of every call is moved to the very end of a memory, where one byte further is a bus fault.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from mcucc.backends.calls.build import RUNTIME, arm_compiler, compile_kernels, link
from mcucc.backends.calls.cycles import Counts
from mcucc.backends.calls.job import GUARD, Job, Step, aligned, place_parameters
from mcucc.ir.kernel import Granularity, KernelCall
from mcucc.ir.kernel_id import InstructionSet
from mcucc.toolchain.compilers import compile_objects

CALL_LIST = RUNTIME / "firmware" / "call_list.c"
LIST_BYTES = 15 << 20
ICOUNT_SHIFT = 7
HEADER_WORDS, CALL_WORDS, FAULT_WORD, TICKS_WORD = 6, 9, 2, 8
SCRIPT = """SECTIONS
{{
    .vectors {vectors:#x} : {{ KEEP(*(.vectors)) }}
    .text {code:#x} : {{ *(.text* .rodata*) }}
    .data {data:#x} : {{ *(.data* .bss*) }}
    stack_top = {data:#x} + 0x4000;
}}
"""


BEHIND_VECTORS = 0x400
SIZES = ("-global", "nrf51-soc.sram-size=0x1000000", "-global", "nrf51-soc.flash-size=0x100000")


@dataclass(frozen=True)
class Guest:
    """A machine of QEMU: where vectors, code, data, the list and its timer lie, a memory's end.

    Behind `memory_end` there is nothing. `timer_hz` 0: no timer, nothing is counted.
    """

    machine: tuple[str, ...]
    flags: tuple[str, ...]
    vectors: int
    code: int
    data: int
    listing: int
    memory_end: int
    timer: int
    timer_hz: int


def _mps2(name: str, *flags: str) -> Guest:
    machine = ("-M", name)
    return Guest(
        machine,
        flags,
        0,
        BEHIND_VECTORS,
        0x20000000,
        0x21000000,
        0x22000000,
        timer=0x40028018,
        timer_hz=25_000_000,
    )


# A micro:bit with 1 MiB of flash and 16 MiB of RAM: QEMU's only Armv6-M. There unaligned words
# fault, as they do on the chip. Of the M55's memories its SRAM holds all kernels under any flags.
GUESTS = {
    "cortex-m0": Guest(
        (*("-M", "microbit"), *SIZES),
        ("-mcpu=cortex-m0plus",),
        0,
        BEHIND_VECTORS,
        0x20000000,
        0x20010000,
        0x21000000,
        timer=0x20008000,
        timer_hz=0,
    ),
    "cortex-m3": _mps2("mps2-an385", "-mcpu=cortex-m3"),
    "cortex-m4": _mps2("mps2-an386", "-mcpu=cortex-m4"),
    "cortex-m55": Guest(
        ("-M", "mps3-an547"),
        ("-mcpu=cortex-m55", "-mfloat-abi=hard", "-mfpu=auto"),
        0x10000000,
        0x11000000,
        0x30000000,
        0x70000000,
        0x30080000,  # of the DTCM
        0x59302018,
        timer_hz=20_000_000,
    ),
}


@dataclass(frozen=True)
class Done:
    """What every step wrote (SINK: one entry) and the instructions executed by all of them."""

    parts: list[bytes]
    instructions: int


def build_calls(
    isas: Sequence[InstructionSet],
    guest: Guest,
    folder: Path,
    flags: Sequence[str] = ("-O2",),
    of_kernels: Sequence[str] = (),
    objects: Sequence[Path] = (),
) -> Path:
    """All kernels of `isas` and the firmware; ToolError with the compiler's words.

    `of_kernels` are flags for the kernels alone, `objects` are linked with them.
    """
    compiler, target = arm_compiler(), ["-mthumb", *guest.flags, *flags]
    addresses = [f"-DLIST={guest.listing:#x}u", f"-DTIMER_ADDRESS={guest.timer:#x}u"]
    options = [*target, "-ffreestanding", *addresses, f"-I{RUNTIME / 'include'}"]
    firmware = compile_objects(compiler, [CALL_LIST], options, Path("firmware"), folder)
    kernels = compile_kernels(compiler, isas, [*target, *of_kernels], folder)
    script = SCRIPT.format(vectors=guest.vectors, code=guest.code, data=guest.data)
    return link(compiler, [*kernels, *objects, *firmware], target, script, folder / "calls.elf")


def build_m55(
    isas: Sequence[InstructionSet], folder: Path, flags: Sequence[str] = ("-O2",)
) -> Path:
    """build_calls for a Cortex-M55."""
    return build_calls(isas, GUESTS["cortex-m55"], folder, flags)


class _Memory:
    """The list of calls and the bytes they work on, with their addresses in the guest."""

    def __init__(self, listing: int, calls: int) -> None:
        self.listing = listing
        self.start = 4 * (HEADER_WORDS + CALL_WORDS * calls)
        self.data = bytearray()

    def place(self, data: bytes, align: int = 1) -> int:
        """Bytes between guards; with align 1 the address is odd, with 2 no multiple of 4."""
        here = self.listing + self.start + len(self.data) + len(GUARD)
        address = aligned(here, align)
        self.data += bytes(address - here) + GUARD + data + GUARD
        return address


class QemuMachine:
    """A core with an image of kernels; `instructions` are those of all jobs run."""

    def __init__(self, image: Path, guest: Guest = GUESTS["cortex-m55"]) -> None:
        self.image, self.guest, self.instructions = image, guest, 0
        with image.open("rb") as file:
            table: Any = ELFFile(file).get_section_by_name(".symtab")
            self.symbols = {s.name: s["st_value"] for s in table.iter_symbols()}

    def reset(self) -> None:
        """Count from zero."""
        self.instructions = 0

    @property
    def counts(self) -> Counts:
        """What was executed since the last reset."""
        return Counts(self.instructions)

    def run(
        self,
        call: KernelCall,
        granularity: Granularity,
        steps: tuple[Step, ...],
        total_bytes: int,
        sums_bytes: int = 0,
    ) -> list[bytes]:
        """As Machine.run."""
        return self.run_all([Job(call, granularity, steps, total_bytes, sums_bytes)])[0].parts

    def run_all(self, jobs: Sequence[Job], fence: bool = False) -> list[Done]:
        """All jobs in one start of QEMU; AssertionError on stray writes, faults, stray reads."""
        count = 1 + sum(len(job.steps) + 2 * (_sink(job)) for job in jobs)
        memory = _Memory(self.guest.listing, count)
        calls: list[tuple[int, ...]] = [self._call("nothing")]
        placed = []
        for job in jobs:
            first = len(calls)
            placed.append((first, *self._lay_out(job, memory, calls, fence)))
        image, ticks = self._execute(memory, calls, [job.call.function for job in jobs])
        idle = self._instructions(ticks[0]) - 1
        results = []
        for job, (first, outputs, scratch, last) in zip(jobs, placed, strict=True):
            parts = [self._checked(image, at, size, job.call.function) for at, size in outputs]
            self._checked(image, *scratch, f"{job.call.function}, scratch")
            taken = [self._instructions(each) - idle for each in ticks[first:last]]
            results.append(Done(parts, sum(taken)))
        self.instructions += sum(done.instructions for done in results)
        return results

    def _call(self, function: str, *arguments: int) -> tuple[int, ...]:
        padded = (*arguments, 0, 0, 0, 0)[:4]
        return (self.symbols[function] | 1, *padded, 0, 0, 0, 0)

    def _lay_out(
        self, job: Job, memory: _Memory, calls: list[tuple[int, ...]], fence: bool
    ) -> tuple[list[tuple[int, int]], tuple[int, int], int]:
        """Where outputs and scratch of a job lie, and the index behind its last call."""
        call, sink = job.call, _sink(job)
        params = place_parameters(call, memory.place)
        scratch_bytes = max(job.sums_bytes, call.scratch_bytes)
        scratch = memory.place(b"\x5a" * scratch_bytes, align=4)
        outputs = []
        if sink:
            calls.append(self._call(call.function + "_begin", params, scratch))
        for number, step in enumerate(job.steps):
            rows = [0 if row is None else memory.place(row, step.align) for row in step.rows]
            moved = (0, 0, 0)
            row = step.rows[number % len(rows)] if rows else None
            if fence and row is not None:
                which, size = number % len(rows), len(row)
                moved = (rows[which], self.guest.memory_end - size, size)
                rows[which] = self.guest.memory_end - size
            pointers = memory.place(struct.pack(f"<{len(rows)}I", *rows), align=4)
            fields = struct.pack("<4iI", *(step.span or (0, 0, 0, 0)), scratch)
            span = memory.place(fields, align=4)
            if sink:
                made = self._call(call.function + "_row", params, pointers, scratch, span)
            else:
                out = memory.place(bytes(step.out_bytes), step.align)
                outputs.append((out, step.out_bytes))
                made = self._call(call.function, params, pointers, out, span)
            calls.append((*made[:5], *moved, 0))
        if sink:
            out = memory.place(bytes(job.total_bytes), job.steps[0].align)
            outputs.append((out, job.total_bytes))
            calls.append(self._call(call.function + "_finish", params, scratch, out))
        return outputs, (scratch, scratch_bytes), len(calls)

    def _execute(
        self, memory: _Memory, calls: list[tuple[int, ...]], names: Sequence[str]
    ) -> tuple[bytes, list[int]]:
        """The memory after all calls, and the ticks of each."""
        total = memory.start + len(memory.data)
        assert total <= LIST_BYTES, "the jobs do not fit into the guest's memory"
        words = [word for call in calls for word in call]
        header = struct.pack(f"<{HEADER_WORDS}I", total, len(calls), 0xFFFFFFFF, 0, 0, 0)
        with tempfile.TemporaryDirectory(prefix="mcucc-calls-") as folder:
            listing = Path(folder) / "list.bin"
            listing.write_bytes(header + struct.pack(f"<{len(words)}I", *words) + memory.data)
            command = [shutil.which("qemu-system-arm") or "qemu-system-arm"]
            command += [*self.guest.machine]
            command += ["-kernel", str(self.image), "-display", "none", "-monitor", "none"]
            command += [
                "-device",
                f"loader,file={listing},addr={self.guest.listing:#x},force-raw=on",
            ]
            command += ["-serial", "none", "-icount", f"shift={ICOUNT_SHIFT},sleep=off"]
            command += ["-semihosting-config", "enable=on,target=native"]
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
            )
            image = (Path(folder) / "memory.bin").read_bytes()
        fault = struct.unpack_from("<4I", image, 4 * FAULT_WORD)
        assert done.returncode == 0, (
            f"call {fault[0]} of {names} faulted: CFSR {fault[1]:#x} at {fault[2]:#x}, "
            f"PC {fault[3]:#x} ({self._symbol(fault[3])}) {done.stderr[-500:]}"
        )
        at = [4 * (HEADER_WORDS + CALL_WORDS * i + TICKS_WORD) for i in range(len(calls))]
        return image, [struct.unpack_from("<I", image, each)[0] for each in at]

    def _symbol(self, address: int) -> str:
        below = [(value, name) for name, value in self.symbols.items() if value <= address and name]
        return max(below, default=(0, "?"))[1]

    def _checked(self, image: bytes, address: int, size: int, what: str) -> bytes:
        """The bytes at an address; AssertionError when the guards around them changed."""
        start = address - self.guest.listing
        before, after = image[start - len(GUARD) : start], image[start + size :][: len(GUARD)]
        assert before == GUARD == after, f"{what} wrote outside its buffer"
        return image[start : start + size]

    def _instructions(self, ticks: int) -> int:
        hz = self.guest.timer_hz
        return round(ticks * 1_000_000_000 / (hz << ICOUNT_SHIFT)) if hz else 1


def _sink(job: Job) -> bool:
    return job.granularity is Granularity.SINK
