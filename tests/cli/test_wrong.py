"""Every mistake in the table of wrong_table.py gets one clear message, and nothing is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.errors_page import messages_in
from tests.cli.project import Project, Result, mcucc
from tests.cli.wrong import Wrong
from tests.cli.wrong_table import GROUPS

ALL = [wrong for group in GROUPS.values() for wrong in group]


def made(wrong: Wrong, project: Project, monkeypatch: pytest.MonkeyPatch) -> Result:
    """What the command says to the mistake."""
    words = wrong.command(project)
    monkeypatch.chdir(project.folder)
    for name, value in wrong.environment_in(project).items():
        monkeypatch.setenv(name, value)
    before = files(project.folder)
    result = mcucc(*words)
    assert files(project.folder) == before
    return result


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(wrong: Wrong, result: Result) -> None:
    assert result.code == 2, result.err
    assert result.out == ""
    assert len([line for line in result.err.splitlines() if line.startswith("error: ")]) == 1
    for word in wrong.says:
        assert word in result.err, result.err
    for word in ("Traceback", "defect"):
        assert word not in result.err


@pytest.mark.parametrize("wrong", [w for w in ALL if not w.compiled], ids=lambda w: w.what)
def test_a_mistake_before_anything_is_compiled(
    wrong: Wrong, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(wrong, made(wrong, project, monkeypatch))


@pytest.mark.emulated
@pytest.mark.parametrize("wrong", [w for w in ALL if w.compiled], ids=lambda w: w.what)
def test_a_mistake_with_a_compiled_folder(
    wrong: Wrong, project: Project, compiled: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(compiled.folder / "out", project.folder / "out")
    check(wrong, made(wrong, project, monkeypatch))


def test_the_page_of_messages_lists_the_table() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
    messages = messages_in(page.read_text())
    assert list(messages) == [wrong.what for wrong in ALL]
    for wrong in ALL:
        missing = [word for word in wrong.says if word not in messages[wrong.what]]
        assert not missing, f"{wrong.what}: run python -m tests.cli.errors_page > docs/errors.md"
