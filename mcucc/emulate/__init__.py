"""Runs networks: on the host, in QEMU, in unicorn, in Renode, behind one interface."""

from __future__ import annotations

from mcucc.emulate.interface import EmulationFault, Emulator, Fault, HangError, RunResult
from mcucc.emulate.qemu import Qemu
from mcucc.emulate.unicorn import Unicorn

__all__ = ["EmulationFault", "Emulator", "Fault", "HangError", "Qemu", "RunResult", "Unicorn"]
