"""Which emulated machine counts for a core: unicorn, or QEMU where unicorn lacks the core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcucc.backends.calls.qemu import QemuMachine, build_m55
from mcucc.backends.calls.unicorn import Machine, build
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import isa_of, isas_of

OPTIONS = {"cortex-m33": ("dsp",), "cortex-m55": ("dsp", "mve")}


def open_machine(
    core: str, portable: bool, folder: Path, flags: Sequence[str]
) -> tuple[Machine | QemuMachine, InstructionSet]:
    """A machine with the kernels of a core, and the ISA to select them for."""
    isa = InstructionSet.PORTABLE if portable else isa_of(core, OPTIONS.get(core, ()))
    if core == "cortex-m55":
        return QemuMachine(build_m55(isas_of(isa), folder, flags)), isa
    return Machine(build(isas_of(isa), core, folder, tuple(flags)), core, count=True), isa
