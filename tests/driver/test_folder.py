"""The output folder takes its place whole or not at all, and only compile's own files go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcucc.driver.folder import check_target, open_compiled, staging
from mcucc.errors import OutputError


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def result(folder: Path, **files: str) -> Path:
    """What stands for a compiled folder: files, and a manifest that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "manifest.json").write_text(json.dumps({"mcucc": "0", "files": dict(files)}))
    return folder


def test_one_of_several_folders_takes_the_place(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with staging(out) as scratch:
        first, second = scratch.new_folder(), scratch.new_folder()
        result(first, c="first")
        result(second, c="second")
        assert not out.exists()
        scratch.publish(first)
    assert files_of(out)["c"] == "first"
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_an_older_result_goes_and_what_others_put_there_stays(tmp_path: Path) -> None:
    out = result(tmp_path / "out", c="old", gone="old")
    (out / "notes").mkdir()
    (out / "notes" / "mine.txt").write_text("mine")
    (out / "validate.html").write_text("of the old network")
    with staging(out) as scratch:
        scratch.publish(result(scratch.new_folder(), c="new"))
    found = files_of(out)
    assert (found["c"], found["notes/mine.txt"], "gone" in found) == ("new", "mine", False)
    assert "validate.html" not in found
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_no_trace(error: type[BaseException], tmp_path: Path) -> None:
    old = result(tmp_path / "old", c="old")
    before = files_of(tmp_path)
    for out in (old, tmp_path / "new" / "deep"):
        with pytest.raises(error), staging(out) as scratch:
            result(scratch.new_folder(), c="half")
            raise error
    assert files_of(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_targets_are_new_empty_or_our_own(tmp_path: Path) -> None:
    check_target(tmp_path / "new")
    check_target(tmp_path)
    check_target(result(tmp_path / "ours"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        check_target(tmp_path / "file")
    with pytest.raises(OutputError, match="holds other files"):
        check_target(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "a web app", "files": {}}')
    with pytest.raises(OutputError, match="holds other files"):
        check_target(tmp_path)


def test_what_is_no_compiled_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        open_compiled(tmp_path / "none")
    with pytest.raises(OutputError, match="not a folder made by mcucc compile"):
        open_compiled(tmp_path)
