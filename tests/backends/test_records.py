"""Records, lost timer periods, semihosting and blocks, without a compiler."""

from __future__ import annotations

import pytest

from mcucc.backends.block_counter import count_instructions
from mcucc.backends.records import parse_records, unwrap_totals
from mcucc.backends.semihosting import SemihostingFiles
from mcucc.errors import ToolError


def test_records_are_found_among_other_text() -> None:
    text = (
        "noise\n##mcucc core=55\n##mcucc image.0.step.12=4294967295\r\n##mcucc bad=-1\n##exit 70\n"
    )
    records = parse_records(text)
    assert records.values == {"core": 55, "image.0.step.12": 4294967295}
    assert records.exit == 70
    assert parse_records("##mcucc core=3\n").exit is None


@pytest.mark.parametrize("periods", [0, 1, 3])
def test_a_total_longer_than_the_timer_gets_its_periods_back(periods: int) -> None:
    total = periods * 2**32 + 1_000
    steps = [total // 4, total // 4, total // 4, total - 3 * (total // 4) - 30]
    values = {"steps": 4, "overhead": 80, "image.0.ticks": total % 2**32}
    values |= {f"image.0.step.{index}": step + 80 for index, step in enumerate(steps)}
    assert unwrap_totals(values, 1, 32)["image.0.ticks"] == total


def test_thumb_instructions_are_two_or_four_bytes() -> None:
    assert count_instructions(bytes.fromhex("00bf 00bf")) == 2
    assert count_instructions(bytes.fromhex("00f0 01f8 00bf")) == 2  # bl, nop
    assert count_instructions(bytes.fromhex("fbe8 0001 70e7")) == 2  # 32-bit, b


def test_semihosting_reads_the_input_to_its_end() -> None:
    memory = bytearray(64)
    memory[0:12] = b"".join(word.to_bytes(4, "little") for word in (1, 32, 5))

    def write(address: int, data: bytes) -> None:
        memory[address : address + len(data)] = data

    files = SemihostingFiles(
        b"run 0", b"abcdefg", lambda at, size: bytes(memory[at : at + size]), write
    )
    assert files.call(0x06, 0) == 0
    assert memory[32:37] == b"abcde"
    assert files.call(0x06, 0) == 3
    assert files.call(0x06, 0) == 5
    with pytest.raises(ToolError, match="semihosting call 0x99"):
        files.call(0x99, 0)
