"""Emulated machines: where QEMU's boards have memory, a timer and a serial port.

A board's memories are moved into windows of its machine, with the board's sizes. The harness has
memory of its own outside the windows, so that it takes nothing from the board.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mcucc.boards.board import Board, Core, Counter
from mcucc.errors import BoardError, ToolError
from mcucc.toolchain.address_range import Span
from mcucc.toolchain.fence import FenceRegion, Protection


class Guards(Enum):
    """What is forbidden to firmware while it runs a network."""

    ALL = "every byte but the network's is fenced off"
    STACK = "only the low end of the stack is guarded"
    NOTHING = "nothing is fenced off"


@dataclass(frozen=True)
class Machine:
    """One machine of QEMU, or a board itself (`real`, real_machine.py), as the firmware sees it.

    `regions` is the number of regions that `protection` has; `qemu_options` make QEMU offer as
    many. `timer` is the address of the up-counter of MPS2's FPGAIO block, 0 where the core counts
    by itself; it runs at `timer_hz` of virtual time. When QEMU counts, an instruction takes
    2^`icount_shift` ns of that: 128 ns are 2.56 ticks of a 20 MHz timer and 3.2 of a 25 MHz one. A
    difference of two readings is off by less than one tick, so rounding is exact, and the 32-bit
    counter lasts 1.3 G instructions. `uart` is for the
    self-test: a CMSDK UART, of RISC-V a 16550.
    `spoken_fence` asks for the regions that Renode needs (fence.spoken) where they fit: a RAM of
    many odd pieces goes without.

    Of a real one `flash` and `ram` are the windows of code, weights, data and arena themselves,
    `fence` its regions and `guards` what they are worth. `counter` counts clock cycles; None where
    `timer` or minstret count instructions.
    """

    name: str
    cores: tuple[Core, ...]
    protection: Protection
    regions: int
    harness_code: Span
    harness_ram: Span
    flash: tuple[Span, ...]
    ram: tuple[Span, ...]
    peripherals: Span
    timer: int
    timer_hz: int
    uart: int
    icount_shift: int = 7
    spoken_fence: bool = False
    qemu_options: tuple[str, ...] = ()
    real: bool = False
    in_flash: bool = False
    fence: tuple[FenceRegion, ...] = ()
    guards: Guards = Guards.ALL
    counter: Counter | None = None

    def instructions(self, ticks: int) -> int:
        """Instructions that `ticks` of the timer are: virtual time over the time of one."""
        return round(ticks * 1_000_000_000 / (self.timer_hz << self.icount_shift))


_KIB, _MIB = 1 << 10, 1 << 20


def _mps2(name: str, cores: tuple[Core, ...], cpu: str) -> Machine:
    """An MPS2 board with an Armv7-M core: SSRAM1 at 0, SSRAM2 and 3 at 0x20000000, PSRAM."""
    return Machine(
        name=name,
        cores=cores,
        protection=Protection.PMSA7,
        regions=16,
        harness_code=Span(0, 32 * _KIB),
        harness_ram=Span(0x20300000, 16 * _KIB),
        flash=(Span(0x200000, 2 * _MIB), Span(0x21000000, 16 * _MIB)),
        ram=(Span(0x20000000, 2 * _MIB), Span(0x20200000, _MIB)),
        peripherals=Span(0x40000000, 256 * _KIB),
        timer=0x40028018,
        timer_hz=25_000_000,
        uart=0x40004000,
        spoken_fence=True,
        # The FPGA images have 8 regions; sizes that are no power of two may need more.
        qemu_options=("-global", f"{cpu}-arm-cpu.pmsav7-dregion=16"),
    )


# Without Zicsr Renode's RISC-V complains of every access to a control register.
_RENODE_CPU = {Core.M0PLUS: "cortex-m0+", Core.RV32IMC: "rv32imc_zicsr"}
# M33 and M55 start in Secure state: every address is the secure alias.
_MACHINES = (
    _mps2("mps2-an385", (Core.M0PLUS, Core.M3), "cortex-m3"),
    _mps2("mps2-an386", (Core.M4,), "cortex-m4"),
    _mps2("mps2-an500", (Core.M7,), "cortex-m7"),
    Machine(
        name="mps2-an505",
        cores=(Core.M33,),
        protection=Protection.PMSA8,
        regions=8,
        harness_code=Span(0x10000000, 64 * _KIB),
        harness_ram=Span(0x38300000, 16 * _KIB),
        flash=(Span(0x10010000, 4 * _MIB - 64 * _KIB),),
        ram=(Span(0x38000000, 2 * _MIB), Span(0x38200000, _MIB)),
        peripherals=Span(0x50200000, 2 * _MIB),
        timer=0x50302018,
        timer_hz=20_000_000,
        uart=0x50200000,
        spoken_fence=True,
    ),
    Machine(
        name="mps3-an547",
        cores=(Core.M55,),
        protection=Protection.PMSA8,
        regions=8,
        harness_code=Span(0x10000000, 64 * _KIB),
        harness_ram=Span(0x10010000, 16 * _KIB),
        flash=(Span(0x11000000, 2 * _MIB), Span(0x70000000, 64 * _MIB)),
        ram=(
            Span(0x30000000, 512 * _KIB),
            Span(0x31000000, 4 * _MIB),
            Span(0x74000000, 64 * _MIB),
        ),
        peripherals=Span(0x59300000, 64 * _KIB),
        timer=0x59302018,
        timer_hz=20_000_000,
        uart=0x59303000,
        spoken_fence=True,
    ),
    # minstret counts instructions; with a shift of 0 a virtual nanosecond is one.
    Machine(
        name="virt",
        cores=(Core.RV32IMC,),
        protection=Protection.PMP,
        regions=16,
        harness_code=Span(0x80000000, 64 * _KIB),
        harness_ram=Span(0x80010000, 16 * _KIB),
        flash=(Span(0x81000000, 16 * _MIB), Span(0x82000000, 16 * _MIB)),
        ram=(Span(0x83000000, 4 * _MIB), Span(0x84000000, 4 * _MIB)),
        peripherals=Span(0, 0),
        timer=0,
        timer_hz=1_000_000_000,
        uart=0x10000000,
        icount_shift=0,
        qemu_options=("-bios", "none"),
    ),
)


def machine_names() -> tuple[str, ...]:
    """The machines of QEMU that mcucc knows."""
    return tuple(machine.name for machine in _MACHINES)


def renode_cpu(core: Core) -> str:
    """Renode's name of a core."""
    return _RENODE_CPU.get(core, core.value)


def machine_of(board: Board) -> Machine:
    """The machine that emulates a board; ToolError when there is none, else as find_machine."""
    if board.machine is None:
        raise ToolError(f"no firmware: nothing emulates {board.core.value}", where=board.name)
    return find_machine(board.machine, board.core)


def find_machine(name: str, core: Core) -> Machine:
    """The machine of that name, which must be able to run the core's code; else BoardError."""
    for machine in _MACHINES:
        if machine.name == name:
            if core not in machine.cores:
                able = ", ".join(each.name for each in _MACHINES if core in each.cores)
                raise BoardError(
                    f"{name} cannot run {core.value}",
                    where="emulator.machine",
                    hint=f"one of {able}" if able else "leave the table [emulator] out",
                )
            return machine
    names = ", ".join(each.name for each in _MACHINES)
    raise BoardError(
        f"unknown emulated machine {name!r}", where="emulator.machine", hint=f"one of {names}"
    )
