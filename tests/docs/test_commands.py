"""Every command, program and setting that README and docs/ show is run, or says why not.

The shell and Python blocks of a page run in order in one folder, as a reader would run them at the
top of a checkout; C blocks compile against what they made.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.answers.read import read_output
from mcucc.boards.board import load_board
from mcucc.images.preprocess import load_preprocess
from tests.docs.blocks import PAGES, ROOT, blocks

LANGUAGES = {"sh", "python", "c", "toml", "text", "make"}
RUN = [page for page in PAGES if blocks(page, "sh") or blocks(page, "c")]


def pages(*, of: Sequence[Path] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", of, ids=[str(page.relative_to(ROOT)) for page in of])


@pages()
def test_blocks_say_their_language_and_why_they_are_not_run(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, block.text
        assert not block.mark or re.match(r"not run: \w|needs: \w+$|board$", block.mark), block.mark


@pages()
def test_no_command_hides_in_an_indented_block(page: Path) -> None:
    hidden = re.findall(
        r"^(?:    |\t)(?:\$ |\.venv/bin/|mcucc |make |pip ).*", page.read_text(), re.M
    )
    assert not hidden


@pages()
def test_settings_are_valid(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "toml"):
        path = tmp_path / "example.toml"
        path.write_text(block.text)
        tables = tomllib.loads(block.text)
        if "output" in tables:
            assert read_output(tables["output"], str(page))
        if "preprocess" in tables:
            assert load_preprocess(path).channel_count in (1, 3)
        elif "output" not in tables:
            assert load_board(str(path)).ram_bytes > 0


@pages()
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pages()
def test_files_that_a_page_names_are_there(page: Path) -> None:
    rooms = r"mcucc|schedule|runtime_c|templates|tests|benchmarks|driver|cli"
    named = re.findall(rf"`((?:{rooms})/[\w./]+\.\w+)", page.read_text())
    there = [ROOT, ROOT / "mcucc", ROOT / "runtime_c" / "include"]
    assert [name for name in named if not any((r / name).exists() for r in there)] == []


@pytest.mark.emulated
@pages(of=RUN)
def test_commands_run_and_c_compiles(page: Path, tmp_path: Path) -> None:
    prepare(tmp_path)
    for block in blocks(page):
        if not block.runs or (block.needs and importlib.util.find_spec(block.needs) is None):
            continue
        if block.language == "sh":
            run(["bash", "-euc", block.text], tmp_path)
        elif block.language == "python":
            run([sys.executable, "-c", block.text], tmp_path)
        elif block.language == "c":
            compile_c(block.text, tmp_path)


def prepare(folder: Path) -> None:
    """The checkout as the reader has it, and pictures of their own."""
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / ".venv" / "bin").mkdir(parents=True)
    for tool in ("mcucc", "python"):
        code = "-c 'from mcucc.cli import main; main()'" if tool == "mcucc" else ""
        script = folder / ".venv" / "bin" / tool
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {code} "$@"\n')
        script.chmod(0o755)
    (folder / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for index in range(6):
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(folder / f"pictures/{index}.png")


def run(command: list[str], folder: Path) -> None:
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def compile_c(text: str, folder: Path) -> None:
    """Syntax and types, with the headers of every compiled folder below build/."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no host compiler")
    includes = {path.parent for path in folder.glob("build/*/*.h")}
    includes |= set(folder.glob("build/*/runtime/include"))
    source = folder / "snippet.c"
    source.write_text(text)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    run([compiler, *flags, *(f"-I{place}" for place in sorted(includes)), str(source)], folder)
