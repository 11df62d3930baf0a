"""Every core computes the same bytes; QEMU and unicorn count the same instructions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.backends import HangError, Qemu, Unicorn
from mcucc.boards.board import load_board
from mcucc.errors import ToolError
from mcucc.toolchain import ModelUnit, build_firmware
from tests.backends.firmware_fixtures import (
    BOARDS,
    QEMU_ONLY,
    TINY,
    build_rows,
    build_tiny,
    expected,
    pictures,
    poke,
    row_sums,
)

pytestmark = pytest.mark.emulated


@pytest.mark.parametrize("board", [*BOARDS, "stm32h743", "stm32f407", "alif-e3"])
def test_qemu_and_unicorn_agree_on_bytes_and_counts(board: str) -> None:
    firmware = build_tiny(board)
    images = pictures(3)
    reference = Qemu().run(firmware, images, count=True, timeout_s=60)
    assert reference.outputs == tuple(expected(image) for image in images)
    assert reference.instructions is not None and reference.step_instructions is not None
    assert reference.instructions > sum(reference.step_instructions)
    if Unicorn().unavailable(firmware.board):
        assert board in QEMU_ONLY
        return
    result = Unicorn().run(firmware, images, count=True, timeout_s=60)
    assert result.outputs == reference.outputs
    assert result.instructions == reference.instructions
    assert result.step_instructions == reference.step_instructions
    assert result.image_instructions == reference.image_instructions
    assert result.stack_bytes == reference.stack_bytes


@pytest.mark.parametrize("board", ["rpi-pico", "corstone-300", "esp32-c3"])
def test_counts_repeat_exactly(board: str) -> None:
    image = pictures(1)[0]
    runs = [Qemu().run(build_tiny(board), [image] * 2, count=True) for _ in range(5)]
    assert len({count for run in runs for count in run.image_instructions or ()}) == 1
    assert len({run.step_instructions for run in runs}) == 1


@pytest.mark.parametrize("board", ["bluepill", "rpi-pico2", "corstone-300", "esp32-c3"])
def test_a_step_of_known_length_is_counted_exactly(board: str) -> None:
    firmware = build_tiny(board, "KNOWN_STEPS")
    steps = Qemu().run(firmware, pictures(1), count=True).step_instructions
    assert steps is not None
    assert steps[4] - steps[3] == 100
    assert 1001 < steps[3] < 1030


def test_a_timer_of_another_frequency_is_noticed() -> None:
    firmware = build_tiny("bluepill")
    other = replace(firmware, machine=replace(firmware.machine, timer_hz=24_900_000))
    with pytest.raises(ToolError, match=r"counted 50\d instructions where 502 ran"):
        Qemu().run(other, pictures(1), count=True)


def test_without_counting_there_are_no_counts_but_the_same_bytes() -> None:
    firmware = build_tiny("bluepill")
    images = pictures(200)
    for emulator in (Qemu(), Unicorn()):
        result = emulator.run(firmware, images)
        assert result.instructions is None and result.step_instructions is None
        assert result.outputs == tuple(expected(image) for image in images)


def test_stack_and_arena_marks_are_what_the_code_uses() -> None:
    small = Qemu().run(build_tiny("nucleo-l4r5zi"), pictures(2))
    large = build_tiny("nucleo-l4r5zi", "FRAME_BYTES=1064")
    result = Qemu().run(large, pictures(2))
    assert small.stack_bytes is not None and result.stack_bytes is not None
    assert result.stack_bytes - small.stack_bytes == 1000
    assert 64 < small.stack_bytes < 64 + 80
    assert 1064 <= large.stack_usage["mirror"] <= result.stack_bytes
    assert small.arena_high_water == 124


@pytest.mark.parametrize("board", ["bluepill", "esp32-c3"])
def test_a_row_is_as_wide_as_the_arena_admits(board: str) -> None:
    firmware, images = build_rows(board, 5000), pictures(2, size=20_000)
    assert firmware.sizes.harness_ram < 1024
    for emulator in (Qemu(), Unicorn()):
        if emulator.unavailable(firmware.board) is None:
            result = emulator.run(firmware, images, count=True)
            assert result.outputs == tuple(row_sums(image) for image in images)
            with pytest.raises(ToolError, match="images of the wrong size"):
                emulator.run(firmware, [images[0][:-1]])


def test_two_models_live_in_one_firmware(tmp_path: Path) -> None:
    other = tmp_path / "other.c"
    text = TINY.read_text(encoding="utf-8")
    other.write_text("#define NAME other\n#define FACTOR 5\n" + text, encoding="utf-8")
    models = [ModelUnit("tiny", 128, (TINY,)), ModelUnit("other", 256, (other,))]
    firmware = build_firmware(models, [], load_board("bluepill"), tmp_path / "out")
    assert firmware.sizes.arena == 256
    image = pictures(1)[0]
    for emulator in (Qemu(), Unicorn()):
        assert emulator.run(firmware, [image]).outputs[0] == expected(image)
        assert emulator.run(firmware, [image], model="other").outputs[0] == expected(image, 5)
    with pytest.raises(ToolError, match="no model 'third', only tiny, other"):
        Qemu().run(firmware, [image], model="third")


@pytest.mark.parametrize("emulator", [Qemu(), Unicorn()], ids=lambda each: each.name)
def test_an_endless_loop_is_a_clear_error(emulator: Qemu | Unicorn) -> None:
    images = [*pictures(1), poke("h", 0)]
    with pytest.raises(HangError, match=r"did not finish within 1 s in image 1"):
        emulator.run(build_tiny("bluepill"), images, timeout_s=1)


@pytest.mark.parametrize("emulator", [Qemu(), Unicorn()], ids=lambda each: each.name)
def test_an_image_of_the_wrong_size_is_refused(emulator: Qemu | Unicorn) -> None:
    with pytest.raises(ToolError, match="images of the wrong size"):
        emulator.run(build_tiny("bluepill"), [bytes(50)])


def test_reading_the_arena_before_writing_it_is_found(tmp_path: Path) -> None:
    source = tmp_path / "stale.c"
    text = TINY.read_text(encoding="utf-8")
    stale = text.replace("memcpy(bytes + CHECK, bytes + SUMS, 4);", "bytes[CHECK] ^= 1;")
    source.write_text(stale, encoding="utf-8")
    firmware = build_firmware(
        [ModelUnit("tiny", 128, (source,))], [], load_board("bluepill"), tmp_path / "out"
    )
    with pytest.raises(ToolError, match="reads arena bytes before writing them"):
        Qemu().run(firmware, pictures(1), count=True)


def test_a_missing_emulator_says_what_to_install() -> None:
    firmware = build_tiny("bluepill")
    missing = Qemu("no-such-qemu")
    assert "not installed" in (missing.unavailable(firmware.board) or "")
    with pytest.raises(ToolError, match="Debian: qemu-system-arm"):
        missing.run(firmware, pictures(1))


def test_counting_in_python_and_in_c_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    firmware, images = build_tiny("bluepill"), pictures(2)
    fast = Unicorn().run(firmware, images, count=True)
    monkeypatch.setattr("mcucc.backends.block_counter._native_hook", lambda: None)
    assert Unicorn().run(firmware, images, count=True) == fast
