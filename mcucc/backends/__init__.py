"""Runs networks: on the host, in QEMU, in unicorn, in Renode, behind one interface."""

from __future__ import annotations

from mcucc.backends.host import HostModel, TensorInfo, run_host, run_program
from mcucc.backends.interface import EmulationFault, Emulator, Fault, HangError, RunResult
from mcucc.backends.qemu import Qemu
from mcucc.backends.renode import Renode
from mcucc.backends.unicorn import Unicorn

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
