"""No compiler and no checker has anything to say of the C: runtime_c file by file, and networks.

What is asked, and what was decided not to hear, stands in c_checkers.py and .clang-tidy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.write import write_library
from mcucc.driver.target import bind
from mcucc.images.camera import CameraInput
from mcucc.ir import Graph
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from tests.codegen.test_answers import everything
from tests.codegen.test_golden import parts_of
from tests.graphs import Builder
from tests.runtime.c_checkers import (
    RUNTIME,
    SIXTEEN_BITS,
    TARGETS,
    clang_says,
    cppcheck_says,
    gcc_says,
    tidy_says,
)
from tests.schedule.parts import head
from tests.whole.networks import NETWORKS

pytestmark = pytest.mark.host

INCLUDE = f"-I{RUNTIME / 'include'}"
LESS_ANALYZER = "-clang-analyzer-*"
# 215 CPU seconds.
rare = pytest.mark.skipif("MCUCC_BATCHES" not in os.environ, reason="`make nightly` alone")
WIDENING = "-*,bugprone-implicit-widening-of-multiplication-result"


@pytest.mark.parametrize("target", TARGETS)
def test_clang_has_nothing_to_say_of_the_runtime(target: str) -> None:
    aim = TARGETS[target]
    assert clang_says(aim.units(), [*aim.flags, INCLUDE]) == ""


@pytest.mark.nightly
@rare
def test_gcc_has_nothing_to_say_of_the_runtime(tmp_path: Path) -> None:
    assert gcc_says(TARGETS["host"].units(), tmp_path, ["-fanalyzer", INCLUDE]) == ""


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_clang_tidy_has_nothing_to_say_of_the_runtime(target: str) -> None:
    aim = TARGETS[target]
    checks = WIDENING if aim.flags == SIXTEEN_BITS else LESS_ANALYZER
    assert tidy_says(aim.units(), [*aim.flags, INCLUDE], checks) == ""


@pytest.mark.nightly
@rare
@pytest.mark.parametrize("folder", ["portable", "armv7m"])
def test_clangs_analyzer_finds_no_path_to_a_fault(folder: str) -> None:
    units = sorted((RUNTIME / "kernels" / folder).glob("*.c"))
    assert tidy_says(units, [INCLUDE], "-*,clang-analyzer-*") == ""


def test_cppcheck_has_nothing_to_say_of_the_runtime() -> None:
    assert cppcheck_says(TARGETS["host"].units(), [INCLUDE]) == ""


def test_checkers_speak_of_what_is_wrong(tmp_path: Path) -> None:
    """Nothing said is something only where they would have spoken."""
    unit = tmp_path / "wrong.c"
    unit.write_text(
        "int first(const signed char *x, long n);\n"
        "int first(const signed char *x, long n)\n"
        "{\n    int y[2] = {0, 1};\n    long z = (int)n << 1;\n"
        "    long w = (1 << 20) * (int)n;\n    return z > w ? y[2] : *x;\n}\n"
    )
    assert "shift count" in clang_says([unit], SIXTEEN_BITS)
    assert "array-bounds" in clang_says([unit], [])
    assert "-Wuseless-cast" not in gcc_says([unit], tmp_path, []) != ""
    assert "multiplication" in tidy_says([unit], SIXTEEN_BITS, WIDENING)
    assert "out of bounds" in cppcheck_says([unit], [])


def detector() -> Graph:
    """Scores and box sides of one map."""
    b = Builder(12, 10, 3, seed=4)
    return b.graph(head(b, b.conv("image", 6, 3, 2)), name="detector")


def network(name: str, folder: Path) -> list[Path]:
    """The C of a network: layer by layer, of a streamed plan of tests/plan, or with answers."""
    if name == "answers":
        code, _ = everything()
    else:
        if name == "detector":
            graph, plan = lower(detector()), None
        elif name in NETWORKS:
            graph, plan = lower(NETWORKS[name]()), None
        else:
            graph, plan = parts_of(name)
        bound = bind(graph, load_board("rpi-pico"), "balanced")
        program = expand(bound, plan or layers_plan(bound))
        cameras = {x: CameraInput.offset(graph.activations[x].channels) for x in graph.inputs}
        code = model_code(program, cameras, name, Origin("test", "0" * 64, "test"))
    write_library(code, folder)
    return sorted(folder.glob("*.c"))


CHECKERS: dict[str, Callable[[list[Path], Path, list[str]], str]] = {
    "clang": lambda units, _, flags: clang_says(units, flags),
    "clang, int of 16 bits": lambda units, _, flags: clang_says(units, [*SIXTEEN_BITS, *flags]),
    "gcc": lambda units, folder, flags: gcc_says(units, folder, ["-fanalyzer", *flags]),
    "clang-tidy": lambda units, _, flags: tidy_says(units, flags, ""),
    "products of 16 bits": lambda units, _, flags: tidy_says(
        units, [*SIXTEEN_BITS, *flags], WIDENING
    ),
    "cppcheck": lambda units, _, flags: cppcheck_says(units, flags),
}


@pytest.mark.parametrize(
    "name", ["outputs", "wide_squeeze", "rows", "strips", "chain", "answers", "detector"]
)
def test_no_checker_has_anything_to_say_of_a_network(name: str, tmp_path: Path) -> None:
    units = network(name, tmp_path / "c")
    flags = [f"-I{tmp_path / 'c'}", f"-I{tmp_path / 'c' / 'runtime' / 'include'}"]
    assert len(units) >= 3
    heard = {checker: says(units, tmp_path, flags) for checker, says in CHECKERS.items()}
    assert {checker: text[:2000] for checker, text in heard.items() if text} == {}
