"""Runs networks: on the host, in QEMU, in unicorn, in Renode, behind one interface."""

from __future__ import annotations

from mcucc.emulate.host import HostModel, TensorInfo, run_host, run_program
from mcucc.emulate.interface import EmulationFault, Emulator, Fault, HangError, RunResult
from mcucc.emulate.qemu import Qemu
from mcucc.emulate.renode import Renode
from mcucc.emulate.unicorn import Unicorn

__all__ = [
    "EmulationFault",
    "Emulator",
    "Fault",
    "HangError",
    "HostModel",
    "Qemu",
    "Renode",
    "RunResult",
    "TensorInfo",
    "Unicorn",
    "run_host",
    "run_program",
]
