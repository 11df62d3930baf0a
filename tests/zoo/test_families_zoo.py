"""Families of examples/families from torch to emulated firmware, streamed: exact.

`python -m benchmarks.families` prints the table of what they take.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.families import draw_pictures, measure

pytestmark = [pytest.mark.zoo, pytest.mark.emulated]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "families"
FILES = ("maps", "attention")  # the other forty take as long as the whole zoo: benchmarks.families
KINDS = ("nearest", "bilinear", "transposed")  # of the U-Nets, which one loop registers


def names_in(file: str) -> list[str]:
    """The families that a file registers."""
    text = (EXAMPLES / f"{file}.py").read_text()
    names = re.findall(r'family\(f?"([a-z0-9_{}]+)"', text)
    return [n.format(kind=kind) for n in names for kind in (KINDS if "{" in n else ("",))]


@pytest.mark.parametrize("file", FILES)
def test_families(file: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    names = names_in(file)
    command = [sys.executable, str(EXAMPLES / "export.py"), str(tmp_path), *names]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    data = draw_pictures(tmp_path / "pictures")
    for name in names:
        row = measure(tmp_path / f"{name}.onnx", data, "streamed", tmp_path / "out")
        assert row.equal, name
