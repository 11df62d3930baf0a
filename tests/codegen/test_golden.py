"""The generated C as a reader sees it, and free of warnings.

Stored are the stages of one network layer by layer and of five streamed plans of tests/plan.
MCUCC_UPDATE_GOLDEN=1 writes them anew; the difference is then read in the commit.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.write import library_sources
from mcucc.driver.target import bind
from mcucc.images.camera import CameraInput
from mcucc.ir import Graph
from mcucc.ir.integer import IntegerGraph
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import Plan
from mcucc.toolchain.firmware import include_folders
from tests.graphs import Builder
from tests.plan.test_texts import sections
from tests.plan.written import network, plan
from tests.whole.library import library
from tests.whole.networks import NETWORKS

GOLDEN = Path(__file__).parent / "golden"
PLANS = Path(__file__).parents[1] / "plan"
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
GOLDEN_NAMES = ("residual", "rows", "tiles", "chain", "strips", "split")


def parts_of(name: str) -> tuple[IntegerGraph, Plan | None]:
    """A golden network and its plan: one layer by layer, the others of tests/plan."""
    if name in TINY:
        return lower(TINY[name]()), None
    given = sections((PLANS / f"{name}.txt").read_text())
    return network(given["network"]), plan(given["plan"])


def stages_of(name: str) -> str:
    """The buffers and functions of all stages, without weights and API."""
    graph, chosen = parts_of(name)
    chosen = layers_plan(graph) if chosen is None else chosen
    program = expand(bind(graph, load_board("nucleo-l4r5zi"), "balanced"), chosen)
    check(program)
    cameras = {x: CameraInput.offset(graph.activations[x].channels) for x in graph.inputs}
    code = model_code(program, cameras, "net", Origin("test", "0" * 64, "test"))
    text = library_sources(code)["net.c"]
    end = text.index(f"MCUCC_CODE {code.returns} net_run_step(")
    return text[text.index("/* Stage 0") : end].rstrip() + "\n"


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_stages_in_c_are_as_stored(name: str) -> None:
    made, stored = stages_of(name), GOLDEN / f"{name}.c"
    if os.environ.get(UPDATE):
        GOLDEN.mkdir(exist_ok=True)
        stored.write_text(made)
    assert made == stored.read_text(), f"{name} changed: {UPDATE}=1 writes it anew"


@pytest.mark.parametrize("name", GOLDEN_NAMES)
def test_stages_in_c_are_laid_out_as_the_runtime_is(name: str) -> None:
    formatter = Path(sys.executable).parent / "clang-format"
    if not formatter.exists():
        pytest.skip("clang-format is not installed")
    stored = GOLDEN / f"{name}.c"
    assert max(map(len, stored.read_text().splitlines())) <= 100
    command = [formatter, "--dry-run", "--Werror", stored]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]


def test_long_names_make_no_long_lines(tmp_path: Path) -> None:
    long = "/".join(f"blocks_{i}/inverted_bottleneck_{i}" for i in range(4))
    graph = TINY["residual"]()
    nodes = [replace(n, name=f"{long}/{i}/{n.name}") for i, n in enumerate(graph.nodes)]
    made = library(graph.with_(nodes=nodes), load_board("nucleo-l4r5zi"), tmp_path, "long")
    text = (made.folder / "long.c").read_text()
    assert "inverted_bottleneck" in text
    assert max(map(len, text.splitlines())) <= 100


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


def test_numbers_of_many_slices_are_wide() -> None:
    """A stage of tiles of one pixel has more slices than int16 counts."""
    graph, chosen = parts_of("tiles")
    assert chosen is not None
    program = expand(bind(graph, load_board("nucleo-l4r5zi"), "balanced"), chosen)
    cameras = {x: CameraInput.offset(graph.activations[x].channels) for x in graph.inputs}
    code = model_code(program, cameras, "net", Origin("test", "0" * 64, "test"))
    texts = {n: library_sources(replace(code, slice_count=n))["net.c"] for n in (32767, 32768)}
    for table in ("net_slice_counts", "rows_after_slices"):
        assert f"static const int16_t {table}[" in texts[32767]
        assert f"static const int32_t {table}[" in texts[32768]
