"""Renode: the scripts for it, and a run where it is installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from mcucc.backends import Qemu, Renode
from mcucc.backends.renode import write_scripts
from mcucc.errors import ToolError
from mcucc.toolchain import Transport, retarget
from tests.backends.firmware_fixtures import build_tiny, expected, pictures

pytestmark = pytest.mark.emulated


def test_the_platform_has_the_boards_memory(tmp_path: Path) -> None:
    firmware = build_tiny("bluepill")
    write_scripts(firmware, tmp_path)
    platform = (tmp_path / "platform.repl").read_text(encoding="utf-8")
    assert 'cpuType: "cortex-m3"' in platform
    assert "MappedMemory @ sysbus 0x20000000\n    size: 0x5000\n" in platform
    assert "PythonPeripheral @ sysbus 0x40004000" in platform
    assert f"LoadELF @{firmware.elf.resolve()}" in (tmp_path / "run.resc").read_text("utf-8")


@pytest.mark.parametrize("capital", [True, False])
def test_the_uart_script_moves_bytes_between_files(capital: bool, tmp_path: Path) -> None:
    write_scripts(build_tiny("bluepill"), tmp_path)
    (tmp_path / "uart_input.txt").write_bytes(b"ab")
    # Renode's Python 2 reads text where Python 3 reads bytes.
    script = (tmp_path / "uart.py").read_text("utf-8").replace('"rb"', '"r"').replace('"wb"', '"w"')
    state: dict[str, object] = {}

    def access(kind: str, offset: int = 0, value: int = 0) -> int:
        fields = {"IsInit": kind == "init", "IsRead": kind == "read"}
        fields |= {"Offset": offset, "Value": value}
        names = {name if capital else name[0].lower() + name[1:]: fields[name] for name in fields}
        state["request"] = request = SimpleNamespace(**names)
        exec(compile(script, "uart.py", "exec"), state)
        return int(request.Value if capital else request.value)

    access("init")
    assert [access("read", 4), access("read"), access("read"), access("read", 4)] == [2, 97, 98, 0]
    for character in b"##exit 0\n":
        access("write", 0, character)
    assert (tmp_path / "uart_output.txt").read_text("ascii") == "##exit 0\n"


def test_another_transport_is_the_same_library() -> None:
    files = build_tiny("bluepill")
    uart = retarget(files, files.machine, Transport.UART)
    assert uart.elf != files.elf and files.elf.is_file()
    assert uart.sizes.flash == files.sizes.flash
    assert Qemu().run(uart, pictures(1)).outputs[0] == expected(pictures(1)[0])


def test_without_renode_the_error_says_so() -> None:
    with pytest.raises(ToolError, match="no-such-renode is not on PATH"):
        Renode("no-such-renode").run(build_tiny("bluepill"), pictures(1))


@pytest.mark.skipif(shutil.which("renode") is None, reason="Renode is not installed")
def test_renode_gives_the_same_bytes() -> None:
    images = pictures(2)
    result = Renode().run(build_tiny("nucleo-l4r5zi"), images, timeout_s=120)
    assert result.outputs == tuple(expected(image) for image in images)
