"""Renode's scripts, and runs behind a program that plays Renode's console over QEMU's GDB server.

Renode itself is in no package that the tests can install: MCUCC_RENODE names a real one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mcucc.backends import EmulationFault, Qemu
from mcucc.backends.choose import check_on, choose_emulator
from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.gdb.client import Client
from mcucc.backends.gdb.session import check_core
from mcucc.backends.renode import Renode, parse_renode, version_of, write_scripts
from mcucc.boards.board import load_board
from mcucc.errors import McuccError, ToolError
from mcucc.toolchain import retarget
from mcucc.toolchain.fence import Protection, is_spoken
from mcucc.toolchain.firmware import Firmware, Transport
from mcucc.toolchain.machines import Guards, machine_of, renode_cpu
from tests.backends.firmware_fixtures import BOARDS, build_tiny, expected, pictures, poke
from tests.renode_scripts import read_platform

pytestmark = pytest.mark.emulated
FAKE = Path(__file__).with_name("fake_renode.py")
REAL = shutil.which(os.environ.get("MCUCC_RENODE", "renode"))
STM32F4 = """
nvic: IRQControllers.NVIC @ sysbus 0xE000E000
    -> cpu@0

cpu: CPU.CortexM @ sysbus
    cpuType: "cortex-m4"
    nvic: nvic

flash: Memory.MappedMemory @ sysbus 0x08000000
    size: 0x100000

sram: Memory.MappedMemory @ sysbus 0x20000000
    size: 0x20000

ccm: Memory.MappedMemory @ sysbus 0x10000000
    size: 0x10000
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `renode` on PATH; it writes its process's number where it was started."""
    program = tmp_path / "bin" / "renode"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(FAKE)!r}, run_name='__main__')\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("MCUCC_RENODE", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return program


def behave(monkeypatch: pytest.MonkeyPatch, manners: str) -> None:
    monkeypatch.setenv("MCUCC_FAKE_RENODE", manners)


def nothing_runs(folder: Path) -> bool:
    """No process was started from a folder below this one, or for a file in it, and still runs."""
    for _ in range(50):
        found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        if str(folder) not in found:
            return True
        time.sleep(0.1)
    return False


def placed(firmware: Firmware, server: Renode) -> Firmware:
    return retarget(firmware, server.machine(firmware), Transport.MAILBOX)


@pytest.mark.parametrize("board", BOARDS)
def test_the_platform_has_every_byte_that_the_firmware_has(board: str, tmp_path: Path) -> None:
    firmware = placed(build_tiny(board), Renode())
    write_scripts(firmware, tmp_path, 4321)
    entries = read_platform(tmp_path / "platform.repl")
    assert entries["cpu"].fields["cpuType"] == f'"{renode_cpu(firmware.board.core)}"'
    memories = [each for each in entries.values() if each.kind == "Memory.MappedMemory"]
    for segment in firmware.image.segments:
        last = segment.address + len(segment.data) - 1
        for address in (segment.address, last, firmware.layout.data.end - 1):
            assert any(
                0 <= address - (memory.address or 0) < int(memory.fields["size"], 0)
                for memory in memories
            )
    if firmware.machine.protection is Protection.PMSA7:
        assert entries["cpu"].fields["numberOfMPURegions"] == "16"
    if firmware.machine.timer:
        timer = entries["timer"]
        assert timer.address == firmware.machine.timer & -4096
        assert timer.fields["filename"] == f'"{tmp_path}/timer.py"'
    script = (tmp_path / "run.resc").read_text("utf-8")
    assert script.endswith("machine StartGdbServer 4321\n")


@pytest.mark.parametrize("capital", [True, False])
def test_the_timer_counts_what_the_processor_has_executed(capital: bool, tmp_path: Path) -> None:
    write_scripts(placed(build_tiny("bluepill"), Renode()), tmp_path)
    script = (tmp_path / "timer.py").read_text("utf-8")
    machine = {"sysbus.cpu": SimpleNamespace(ExecutedInstructions=(1 << 32) + 502)}
    machines = SimpleNamespace(CurrentEmulation=SimpleNamespace(Machines=[machine]))

    def access(reading: bool) -> int:
        fields = {"IsInit": False, "IsRead": reading, "Offset": 24, "Value": 7}
        names = {name if capital else name[0].lower() + name[1:]: fields[name] for name in fields}
        request = SimpleNamespace(**names)
        exec(
            compile(script, "timer.py", "exec"), {"request": request, "emulationManager": machines}
        )
        return int(request.Value if capital else request.value)

    assert access(reading=True) == 502
    assert access(reading=False) == 7


def test_a_tick_is_an_instruction() -> None:
    for board in BOARDS:
        machine = Renode().machine(build_tiny(board))
        assert [machine.instructions(ticks) for ticks in (0, 1, 502)] == [0, 1, 502]


@pytest.mark.parametrize(
    ("board", "number"),
    [
        ("rpi-pico", 0x410CC200),  # of the M0: Renode's M0+ has no number of its own
        ("bluepill", 0x410FC231),
        ("nucleo-l4r5zi", 0x410FC240),
        ("stm32f746g-disco", 0x411FC272),
        ("rpi-pico2", 0x411FD210),
        ("corstone-300", 0x411FD221),
    ],
)
def test_renodes_processors_are_the_boards(board: str, number: int) -> None:
    """CPUID as Renode's cores answer it."""
    client = SimpleNamespace(has_register=lambda name: True, word=lambda address: number)
    described = load_board(board)
    check_core(cast(Client, client), described, machine_of(described), "renode")


@pytest.mark.parametrize("board", BOARDS)
def test_a_run_is_qemus(board: str, fake: Path, tmp_path: Path) -> None:
    firmware, images = build_tiny(board), pictures(2)
    # QEMU's timer on Arm counts time, and minstret counts instructions.
    count = board == "esp32-c3"
    run = Gdb(Renode()).run(firmware, images, count=count, timeout_s=60)
    wanted = Qemu().run(firmware, images, count=count)
    assert run.outputs == wanted.outputs == tuple(expected(image) for image in images)
    assert (run.stack_bytes, run.arena_high_water) == (wanted.stack_bytes, wanted.arena_high_water)
    assert (run.instructions, run.step_instructions) == (
        wanted.instructions,
        wanted.step_instructions,
    )
    assert run.records["fence"] == 1
    assert nothing_runs(tmp_path)


def test_a_timer_that_counts_something_else_gives_no_count(fake: Path) -> None:
    """QEMU's, behind the fake: the known stretch is not 502."""
    run = Gdb(Renode()).run(build_tiny("bluepill"), pictures(1), count=True, timeout_s=60)
    assert run.instructions is None and run.step_instructions is None
    assert run.place is not None and "does not count instructions" in run.place.uncounted
    assert run.place.emulated and run.outputs == (expected(pictures(1)[0]),)


def test_the_fence_faults_as_in_qemu(fake: Path) -> None:
    firmware = build_tiny("rpi-pico2")
    faults = []
    for emulator in (Qemu(), Gdb(Renode())):
        with pytest.raises(EmulationFault) as caught:
            emulator.run(firmware, [poke("w", firmware.layout.data.end)], timeout_s=60)
        faults.append(caught.value.fault)
    assert faults[0] == faults[1]


@pytest.mark.parametrize(
    ("manners", "board", "guards"),
    [
        ("", "rpi-pico2", Guards.ALL),
        ("1.15", "rpi-pico2", Guards.NOTHING),  # its MPU of Armv8-M denies nothing
        ("1.15", "bluepill", Guards.ALL),
    ],
)
def test_what_is_fenced_is_said(
    manners: str, board: str, guards: Guards, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(monkeypatch, manners)
    run = Gdb(Renode()).run(build_tiny(board), pictures(1), timeout_s=60)
    assert run.place is not None and run.place.guards == guards.value


@pytest.mark.parametrize("manners", ["slow", "late"])
def test_slow_starts_and_late_stops_change_nothing(
    manners: str, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behave(monkeypatch, manners)
    images = pictures(2)
    run = Gdb(Renode()).run(build_tiny("nucleo-l4r5zi"), images, timeout_s=60)
    assert run.outputs == tuple(expected(image) for image in images)


@pytest.mark.parametrize(
    ("manners", "board", "words"),
    [
        ("1.15", "corstone-300", ("refuses its script", "Unknown CPU type", "1.16 has one")),
        ("broken", "bluepill", ("ended at once, with exit code 2", "Cannot open assembly")),
        ("deaf", "bluepill", ("did not open its GDB server within 2 s",)),
        ("dies", "bluepill", ("closed the connection", "CPU abort")),
    ],
)
def test_one_clear_message_and_nothing_left(
    manners: str,
    board: str,
    words: tuple[str, ...],
    fake: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    behave(monkeypatch, manners)
    server = Renode(limit_s=2.0 if manners == "deaf" else 60.0)
    image = poke("h", 0) if manners == "dies" else pictures(1)[0]
    begun = time.monotonic()
    with pytest.raises(ToolError) as caught:
        Gdb(server).run(build_tiny(board), [image], timeout_s=60)
    assert time.monotonic() - begun < 30
    text = str(caught.value)
    assert text.startswith("renode: ") and all(word in text for word in words), text
    assert nothing_runs(tmp_path)


def test_a_bad_platform_is_told_at_once(fake: Path, tmp_path: Path) -> None:
    platform = tmp_path / "board.repl"
    platform.write_text(STM32F4.replace("cortex-m4", "cortex-m99"))
    with pytest.raises(ToolError, match=r"refuses its script:\n.*\n.*cortex-m99"):
        Gdb(Renode(platform)).run(build_tiny("stm32f405"), pictures(1), timeout_s=60)


def test_the_fake_ends_with_its_input(fake: Path, tmp_path: Path) -> None:
    """As Renode does: what made mcucc's first Renode backend fail always."""
    write_scripts(placed(build_tiny("bluepill"), Renode()), tmp_path, 0)
    command = [fake, "--disable-xwt", "--console", "--plain", "-e", "include @run.resc"]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.stdout.endswith(b"Disposed.\n") and done.returncode == 0


def test_the_users_platform_has_the_boards_own_addresses(tmp_path: Path) -> None:
    platform = tmp_path / "board.repl"
    platform.write_text(STM32F4)
    server = parse_renode(f"renode:{platform}")
    assert server is not None
    board, firmware = load_board("stm32f405"), build_tiny("stm32f405")
    machine = server.machine(firmware)
    assert machine.guards is Guards.ALL or len(machine.fence) <= 8
    real = retarget(firmware, machine, Transport.MAILBOX)
    for segment in real.image.segments:
        assert any(m.origin <= segment.address < m.end for m in board.memories)
    assert not machine.fence or is_spoken(machine.fence, machine.protection)
    folder = tmp_path / "scripts"
    folder.mkdir()
    write_scripts(real, folder, 4321, platform)
    script = (folder / "run.resc").read_text("utf-8")
    assert f"LoadPlatformDescription @{platform}\n" in script
    assert f"LoadPlatformDescription @{folder}/counter.repl\n" in script
    counter = read_platform(folder / "counter.repl")["mcuccCounter"]
    assert counter.address == machine.timer
    sixteen = STM32F4.replace("    nvic: nvic\n", "    nvic: nvic\n    numberOfMPURegions: 16\n")
    platform.write_text(sixteen)
    assert server.machine(firmware).guards is Guards.ALL


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.repl", None, "no such file"),
        ("board.resc", STM32F4, "is no FILE.repl"),
        ("with space.repl", STM32F4, "reads no path with such characters"),
        ("other.repl", STM32F4.replace("cpu:", "core:"), "must be called cpu"),
    ],
)
def test_platforms_that_cannot_be_used(
    name: str, text: str | None, words: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(McuccError, match=words):
        check_on(f"renode:{tmp_path / name}")


def test_a_ram_whose_fence_would_not_stand_is_refused(
    fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such sizes are those of tests/toolchain/test_fence_regions.py."""
    monkeypatch.setattr("mcucc.backends.renode.is_spoken", lambda *_: False)
    with pytest.raises(ToolError, match=r"of 20480 bytes .*Renode needs two more"):
        Gdb(Renode()).run(build_tiny("bluepill"), pictures(1), timeout_s=60)


def test_without_renode_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCUCC_RENODE", "no-such-renode")
    with pytest.raises(ToolError, match="no-such-renode is not on PATH"):
        choose_emulator("renode", load_board("bluepill"))
    with pytest.raises(ToolError, match="no-such-renode is not on PATH"):
        Gdb(Renode()).run(build_tiny("bluepill"), pictures(1))
    assert choose_emulator("auto", load_board("bluepill")) is not None


@pytest.mark.skipif(REAL is None, reason="Renode is not installed")
@pytest.mark.parametrize("board", BOARDS)
def test_renode_itself_gives_qemus_bytes_counts_and_faults(board: str) -> None:
    """Not run where this was written."""
    firmware, images = build_tiny(board), pictures(2)
    server = Gdb(Renode())
    if board == "corstone-300" and version_of(str(REAL)) < (1, 16):
        with pytest.raises(ToolError, match=r"1\.16 has one"):
            server.run(firmware, images, timeout_s=300)
        return
    run = server.run(firmware, images, count=True, timeout_s=300)
    wanted = Qemu().run(firmware, images, count=True)
    assert run.outputs == wanted.outputs
    assert run.step_instructions == wanted.step_instructions
    if run.place is not None and run.place.guards == Guards.ALL.value:
        with pytest.raises(EmulationFault, match="1 bytes behind"):
            server.run(firmware, [poke("w", firmware.layout.data.end)], timeout_s=300)
