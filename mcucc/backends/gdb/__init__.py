"""Runs firmware wherever a GDB server gives access to a core's memory, registers and breakpoints.

The server may stand in front of a board (OpenOCD, pyOCD, J-Link, probe-rs, st-util), of Renode or
of QEMU: what is behind it does not matter to anything in this package.
"""
