"""`mcucc boards`: the list a person reads, the JSON a program reads, a board of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcucc.base.package_data import resource_dir
from mcucc.boards.board import board_names
from tests.cli.project import Project, mcucc


def own_board(folder: Path, *changes: tuple[str, str]) -> Path:
    """A user's TOML: the Blue Pill's, changed."""
    text = (resource_dir("boards") / "bluepill.toml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_boards_one_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcucc.cli.output.console._width", 160)
    result = mcucc("boards")
    assert result.code == 0
    head, *lines = result.out.splitlines()
    assert [line.split()[0] for line in lines] == list(board_names())
    assert "SRAM kB" in head and "emulated on" in head
    disco = next(line for line in lines if line.startswith("stm32f746g"))
    for figure in ("cortex-m7 dsp fpu", "327.7", "1,048.6", "216", "mps2-an500", "DISCOVERY"):
        assert figure in disco


def test_a_narrow_terminal_shows_one_board_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcucc.cli.output.console._width", 80)
    head, *lines = mcucc("boards").out.splitlines()
    assert [line.split()[0] for line in lines] == list(board_names())
    assert "SRAM kB" in head and max(map(len, (head, *lines))) <= 80
    assert any("cortex-m7 dsp fpu" in line and "1,048.6" in line for line in lines)


def test_json_has_memories_and_source() -> None:
    (board,) = json.loads(mcucc("boards", "stm32f407", "--json").out)
    assert (board["sram"], board["flash"], board["clock_hz"]) == (196_608, 1_048_576, 168_000_000)
    assert [memory["holds"] for memory in board["memories"]] == [
        ["code", "weights"],
        ["data"],
        ["arena"],
    ]
    assert board["emulated_on"] == "mps2-an386"
    assert "DS8626" in board["source"]["title"]
    assert len(json.loads(mcucc("boards", "--json").out)) == len(board_names())


def test_a_board_of_ones_own_is_checked_by_name(tmp_path: Path) -> None:
    good = own_board(tmp_path, ("Blue Pill", "Green Pill"))
    assert json.loads(mcucc("boards", good, "--json").out)[0]["title"].endswith("Green Pill")
    wrong = mcucc("boards", own_board(tmp_path, ("clock_hz", "clock")))
    assert wrong.code == 2
    assert "mine.toml: clock_hz: missing; expected a whole number of at least 1" in wrong.err


@pytest.mark.emulated
def test_a_folder_for_a_board_of_ones_own_can_be_run_after_the_board_is_gone(
    project: Project, tmp_path: Path
) -> None:
    board = own_board(tmp_path, ("20_480", "16_384"))
    result = project.compile("--board", board, "--emulator", "none")
    assert result.code == 0, result.err
    board.unlink()
    out, picture = project.folder / "out", project.data / "class0" / "0.png"
    assert mcucc("run", out, "--input", picture, "--emulator", "auto").code == 0
    report = json.loads((out / "report.json").read_text())
    assert (report["board"]["name"], report["board"]["sram"]) == ("mine", 16_384)
