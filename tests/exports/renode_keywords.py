"""What Renode's keywords do, done by QEMU: a library for Robot Framework.

Commands of Renode's monitor are checked for their words and for the files that they name.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.renode_scripts import read_platform

_COMMANDS = (
    r'mach create "\w+"',
    r"machine LoadPlatformDescription @(?P<platform>/\S+)",
    r"sysbus LoadELF @(?P<elf>/\S+)",
    r"sysbus\.cpu (?:VectorTableOffset|PC) 0x[0-9A-F]{8}",
)


class renode_keywords:
    """One machine."""

    ROBOT_LIBRARY_SCOPE = "TEST"

    def __init__(self) -> None:
        self.files: dict[str, Path] = {}
        self.failing = ""
        self.uart = ""
        self.lines: list[str] = []

    def setup(self) -> None:
        """Starts Renode."""

    def teardown(self) -> None:
        """Ends Renode."""

    def reset_emulation(self) -> None:
        """Forgets all machines."""

    def test_teardown(self) -> None:
        """Saves logs of a test that failed."""

    def execute_command(self, command: str) -> None:
        matches = [re.fullmatch(each, command) for each in _COMMANDS]
        found = next((match for match in matches if match), None)
        assert found is not None, f"unknown command: {command}"
        for name, text in found.groupdict().items():
            self.files[name] = Path(text)
            assert self.files[name].is_file(), f"no file {text}"

    def create_terminal_tester(self, uart: str) -> None:
        self.uart = uart.removeprefix("sysbus.")

    def register_failing_uart_string(self, text: str) -> None:
        self.failing = text

    def start_emulation(self) -> None:
        assert self.uart in read_platform(self.files["platform"])
        machine = "mps2-an385"  # of the only board that the test takes
        words = ["-kernel", str(self.files["elf"]), "-display", "none", "-monitor", "none"]
        command = ["qemu-system-arm", "-M", machine, *words, "-serial", "stdio", "-no-reboot"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.lines = done.stdout.splitlines()

    def wait_for_line_on_uart(self, line: str, timeout: str = "8") -> None:
        assert float(timeout) > 0
        bad = [each for each in self.lines if self.failing and self.failing in each]
        assert not bad, f"failing string: {bad[0]}"
        assert any(line in each for each in self.lines), f"{line} never came"
