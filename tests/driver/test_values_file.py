"""values.json: read as it was written, refused as anything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.driver.values_file import read_values, write_values
from mcucc.errors import OutputError
from mcucc.evaluate.file_values import FileValues

VALUES = {
    "a/live": FileValues("a", (0, 2), (0.5, 4.0), (0.0, -1.25)),
    "b": FileValues("b", (), (2.0,), (0.0,)),
    'c "quoted"\n': FileValues("c", (1, 3, 5)),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    write_values(VALUES, path)
    assert read_values(path) == VALUES
    write_values({}, path)
    assert read_values(path) == {}


def test_a_folder_of_before_has_none(tmp_path: Path) -> None:
    assert read_values(tmp_path / "values.json") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"a": 1}',
        '{"a": {"tensor": "a", "channels": [], "scale": [1.0], "offset": []}}',
        '{"a": {"tensor": "a", "channels": [0], "scale": [1.0, 2.0], "offset": [0.0, 0.0]}}',
        '{"a": {"tensor": "a", "channels": [-1], "scale": [], "offset": []}}',
        '{"a": {"tensor": "a", "channels": [], "scale": [0.0], "offset": [0.0]}}',
        '{"a": {"tensor": "a", "channels": [], "scale": [NaN], "offset": [0.0]}}',
        "[" * 100_000,
    ],
)
def test_anything_else_is_one_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "values.json"
    path.write_text(text)
    with pytest.raises(OutputError, match="damaged"):
        read_values(path)
