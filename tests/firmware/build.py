"""examples/firmware built by its own CMake, and run in QEMU with a simulated sensor."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from threading import Timer

import pytest

from mcucc.boards.board import load_board
from mcucc.toolchain.targets import find_target

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "firmware"
FLAGS = "-O2 -fstack-protector-strong"
NEVER = 0xFFFFFFFF


@dataclass(frozen=True)
class Core:
    """A core of the example: the board that a network is compiled for, and QEMU's machine.

    `sensor` is BOARD_SENSOR_BASE of board.h.
    """

    board: str
    machine: str
    sensor: int


CORES = {
    "cortex-m3": Core("bluepill", "mps2-an385", 0x21000000),
    "cortex-m4": Core("stm32f407", "mps2-an386", 0x21000000),
    "cortex-m55": Core("corstone-300", "mps3-an547", 0x70000000),
}


@dataclass(frozen=True)
class Sensor:
    """`sensor_settings` of sensor.h, field by field."""

    frames: int = 2
    line_us: int = 300
    load_us: int = 97
    cancel_us: int = NEVER
    silent_from: int = NEVER
    hang_at: int = NEVER
    watchdog_ms: int = 250
    reserved: int = 0

    def file(self, path: Path, frames: Iterable[bytes]) -> Path:
        """What QEMU loads: these settings, then the frames."""
        path.write_bytes(struct.pack("<8I", *astuple(self)) + b"".join(frames))
        return path


def freertos() -> Path:
    """FreeRTOS's kernel: MCUCC_FREERTOS, or what `make extras` got; skips where none is."""
    path = Path(os.environ.get("MCUCC_FREERTOS", ROOT / "build" / "freertos"))
    if not (path / "tasks.c").is_file():
        if "MCUCC_FREERTOS" in os.environ:
            pytest.fail(f"MCUCC_FREERTOS names no kernel of FreeRTOS: {path}")
        pytest.skip("no FreeRTOS: make extras, or set MCUCC_FREERTOS")
    return path


def built(network: Path, core: str, folder: Path, *definitions: str) -> Path:
    """The folder with person.elf and two_tasks.elf of a network in C."""
    if shutil.which("cmake") is None:
        pytest.skip("cmake is not installed")
    kernel = freertos()
    toolchain = EXAMPLE / "arm-none-eabi.cmake"
    words = {
        "CMAKE_TOOLCHAIN_FILE": toolchain,
        "CORE": core,
        "NETWORK": network,
        "FREERTOS_KERNEL_PATH": kernel,
        "CMAKE_C_FLAGS": FLAGS,
    }
    given = [f"-D{name}={value}" for name, value in words.items()]
    _run("cmake", "-S", EXAMPLE, "-B", folder, *given, *definitions)
    log = _run("cmake", "--build", folder)
    assert "warning" not in log, log
    return folder


def run(program: Path, core: str, sensor: Path, seconds: float = 60.0) -> tuple[str, ...]:
    """The lines that firmware prints until "done"; fails where that does not come in time.

    Time is counted in instructions, 32 ns each, so that every run is the same.
    """
    about = CORES[core]
    emulator = find_target(load_board(about.board)).emulator
    command = [
        *(emulator, "-M", about.machine, "-display", "none", "-monitor", "none"),
        *("-serial", "stdio", "-kernel", str(program), "-icount", "shift=5,sleep=off"),
        *("-device", f"loader,file={sensor},addr={about.sensor:#x},force-raw=on"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as qemu:
        assert qemu.stdout is not None
        timer = Timer(seconds, qemu.kill)
        timer.start()
        lines: list[str] = []
        try:
            for line in qemu.stdout:
                if line == "done\n":
                    return tuple(lines)
                lines.append(line.rstrip("\n"))
                if line == "start 4\n":  # one hang is asked for
                    pytest.fail(f"{program.name} on {core} is reset again and again: {lines}")
        finally:
            timer.cancel()
            qemu.kill()
    return pytest.fail(f"{program.name} on {core} was not done after {seconds} s: {lines}")


def numbers(lines: Sequence[str]) -> dict[str, int]:
    """What the firmware counts, by its words: lines that end in a number and name no frame."""
    found = [line.rsplit(" ", 1) for line in lines if not line.startswith(("frame", "stopped"))]
    return {words: int(number) for words, number in found}


def frame_line(index: int, outputs: Sequence[tuple[str, bytes]]) -> str:
    """What the firmware prints of a frame whose outputs are right."""
    return f"frame {index}:" + "".join(f" {name} {raw.hex()}" for name, raw in outputs)


def _run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
