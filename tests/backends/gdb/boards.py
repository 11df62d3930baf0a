"""Boards of QEMU that are laid out as real ones are: stand-ins for hardware on a desk.

Their addresses are those of the chips' data sheets, and QEMU has memory nowhere else.
"""

from __future__ import annotations

from pathlib import Path

# QEMU's machine: core, flash, RAM, regions of the MPU (0: none), counter.
STAND_INS = {
    "netduinoplus2": ("cortex-m4", (0x08000000, 1 << 20), (0x20000000, 128 << 10), 8, "DWT CYCCNT"),
    "netduino2": ("cortex-m3", (0x08000000, 1 << 20), (0x20000000, 128 << 10), 8, "SysTick"),
    "lm3s6965evb": ("cortex-m3", (0, 256 << 10), (0x20000000, 64 << 10), 8, "SysTick"),
    "microbit": ("cortex-m0plus", (0, 256 << 10), (0x20000000, 16 << 10), 0, "SysTick"),
    "stm32vldiscovery": ("cortex-m3", (0x08000000, 128 << 10), (0x20000000, 8 << 10), 8, "SysTick"),
    "sifive_e": ("rv32imc", (0x20000000, 512 << 20), (0x80000000, 16 << 10), 16, "mcycle"),
}
# What `compile` counts on.
_EMULATED = {"cortex-m4": "mps2-an386", "rv32imc": "virt"}


def board_file(name: str, folder: Path) -> Path:
    """A board's TOML as a user writes one."""
    core, flash, ram, regions, counter = STAND_INS[name]
    memories = "".join(
        f'[[memory]]\nname = "{kind}"\nkind = "{kind}"\norigin = {origin}\nsize = {size}\n\n'
        for kind, (origin, size) in (("flash", flash), ("ram", ram))
    )
    path = folder / f"{name}.toml"
    path.write_text(
        f'title = "{name}"\ncore = "{core}"\nisa = []\nclock_hz = 50_000_000\n\n{memories}'
        '[placement]\ncode = "flash"\nweights = "flash"\ndata = "ram"\narena = "ram"\n\n'
        f'[emulator]\nmachine = "{_EMULATED.get(core, "mps2-an385")}"\n\n'
        f'[probe]\nmpu_regions = {regions}\ncounter = "{counter}"\n\n'
        '[source]\ntitle = "QEMU"\nrevision = "7.2"\nsection = "hw/arm"\n',
        encoding="utf-8",
    )
    return path
