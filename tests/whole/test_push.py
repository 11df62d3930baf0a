"""Rows that are pushed: each row, bands, rings of lines, frames that break off at every row."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.backends.host import run_program
from mcucc.backends.qemu import Qemu
from mcucc.base.package_data import resource_dir
from mcucc.report.definitions import frame_bytes
from mcucc.toolchain.host import build_program
from tests.whole.batch import SANITIZED, sanitizing
from tests.whole.test_rows import STREAMED, written


@pytest.mark.host
@pytest.mark.parametrize("name", STREAMED)
def test_every_way_to_push_gives_the_bytes_of_the_run_or_says_why_not(
    name: str, tmp_path: Path
) -> None:
    made = written(name, "rpi-pico", tmp_path / "c", "pushed")
    pictures = made.pictures(3)
    program = build_program(
        made.unit, made.kernels, tmp_path / "host", flags=SANITIZED, compiler=sanitizing()
    )
    assert run_program(program, pictures) == b"".join(made.expected(pictures))


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["rpi-pico", "nucleo-l4r5zi", "corstone-300"])
def test_pushed_on_a_core(board: str, tmp_path: Path) -> None:
    made = written("chain", board, tmp_path / "c", "pushed")
    pictures = made.pictures(2)
    result = Qemu().run(made.firmware(tmp_path / "elf"), pictures)
    assert result.outputs == made.expected(pictures)


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["bluepill", "nucleo-l4r5zi"])
def test_lines_by_an_interrupt_while_the_main_loop_steps(board: str, tmp_path: Path) -> None:
    """Counted, because virtual time then follows the instructions: paces are the same each time."""
    made = written("chain", board, tmp_path / "c", "interrupted")
    pictures = made.pictures(2)
    result = Qemu().run(made.firmware(tmp_path / "elf"), pictures, count=True)
    assert result.outputs == made.expected(pictures)


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["rpi-pico", "nucleo-l4r5zi", "esp32-c3"])
def test_a_run_in_steps_takes_little_more_stack(board: str, tmp_path: Path) -> None:
    """As the header and the report say, beside NAME_STACK_BYTES."""
    header = (resource_dir("runtime_c") / "include" / "mcucc" / "frame.h").read_text()
    said = int(header.split("MCUCC_FRAME_STACK_BYTES ")[1].split()[0])
    assert f"64 bytes of state, {said} of stack" in frame_bytes(1)  # stepped.c checks the 64
    plain = written("chain", board, tmp_path / "plain", "")
    steps = written("chain", board, tmp_path / "steps", "stepped")
    pictures = plain.pictures(2)
    one = Qemu().run(plain.firmware(tmp_path / "one"), pictures)
    other = Qemu().run(steps.firmware(tmp_path / "other"), pictures)
    assert one.outputs == other.outputs == plain.expected(pictures)
    assert one.stack_bytes is not None and other.stack_bytes is not None
    assert one.stack_bytes < other.stack_bytes <= one.stack_bytes + said
