"""The generated C as a reader sees it, and free of warnings.

MCUCC_UPDATE_GOLDEN=1 writes the stored files anew; the difference is then read in the commit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mcucc.base.package_data import resource_dir
from mcucc.boards.board import load_board
from mcucc.ir import Graph
from mcucc.runtime.abi import runtime_abi
from mcucc.toolchain.firmware import include_folders
from tests.graphs import Builder
from tests.whole.library import library
from tests.whole.networks import NETWORKS

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "MCUCC_UPDATE_GOLDEN"
STRICT = ("-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")


def residual() -> Graph:
    """A block with a residual add and a classifier."""
    b = Builder(6, 6, 3, seed=11)
    x = b.block(b.conv("image", 4, 3, 2), 2, 4)
    return b.graph(b.classifier(x, 3), name="residual")


def two_outputs() -> Graph:
    """Two outputs, one of them read on."""
    b = Builder(4, 5, 1, seed=12)
    x = b.conv("image", 2, 3)
    return b.graph(x, b.depthwise(x, 3, 2), name="two outputs")


TINY = {"residual": residual, "two_outputs": two_outputs}


@pytest.mark.parametrize("name", TINY)
def test_generated_c_is_as_stored(name: str, tmp_path: Path) -> None:
    library(TINY[name](), load_board("rpi-pico"), tmp_path, name)
    digest = runtime_abi(resource_dir("runtime_c")).digest
    made = {
        path.name: path.read_text().replace(digest, "0" * 8)
        for path in tmp_path.iterdir()
        if path.suffix in (".c", ".h")
    }
    if os.environ.get(UPDATE):
        GOLDEN.mkdir(exist_ok=True)
        for file, text in made.items():
            (GOLDEN / file).write_text(text)
    stored = {path.name: path.read_text() for path in GOLDEN.glob(f"{name}*.[ch]")}
    assert sorted(made) == sorted(stored), f"{UPDATE}=1 writes them anew"
    for file, text in made.items():
        assert text == stored[file], f"{file} changed: {UPDATE}=1 writes it anew"


@pytest.mark.host
@pytest.mark.parametrize(("compiler", "board"), [("gcc", "nucleo-l4r5zi"), ("clang", "rpi-pico")])
def test_generated_c_has_no_warnings(compiler: str, board: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    sources, units = [], []
    for name, make in (NETWORKS | TINY).items():
        made = library(make(), load_board(board), tmp_path / name, name)
        sources += made.unit.sources
        units.append(made.unit)
    includes = [f"-I{folder}" for folder in include_folders(units)]
    done = subprocess.run(
        [compiler, "-std=c99", *STRICT, *includes, "-fsyntax-only", *map(str, sources)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]
    assert len(sources) >= 3 * len(NETWORKS)
