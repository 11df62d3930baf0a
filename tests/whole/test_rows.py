"""Rows of a camera: a run that the camera ends at any row, and the next one; a run in slices."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.backends.host import run_program
from mcucc.backends.qemu import Qemu
from mcucc.boards.board import load_board
from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.slices import rows_by_slice
from mcucc.codegen.write import write_library
from mcucc.driver.target import bind
from mcucc.images.camera import CameraInput
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.toolchain.firmware import unit_of
from mcucc.toolchain.host import build_program
from tests.plan.test_texts import sections
from tests.plan.written import network, plan
from tests.whole.batch import SANITIZED, sanitizing
from tests.whole.library import Library

PLANS = Path(__file__).parents[1] / "plan"
# whole rows, tiles with caches, interleaved stages, a part that is not streamed behind it
STREAMED = ("rows", "tiles", "chain", "split")


def written(name: str, board: str, folder: Path, beside: str) -> Library:
    """The C of a plan of tests/plan, and `beside`, if any, as the network that firmware runs."""
    given = sections((PLANS / f"{name}.txt").read_text())
    integer = network(given["network"])
    program = expand(bind(integer, load_board(board), "balanced"), plan(given["plan"]))
    check(program)
    cameras = {x: CameraInput.offset(integer.activations[x].channels) for x in integer.inputs}
    code = model_code(program, cameras, "net", Origin("test", "0" * 64, "test"))
    folder.mkdir(parents=True)
    unit, kernels = unit_of("net", program.arena_bytes, folder, write_library(code, folder))
    made = Library(folder, integer, program, load_board(board), unit, tuple(kernels))
    if not beside:
        return made
    sources = [path for path in unit.sources if path.name != "net_model.c"]
    source = Path(shutil.copy(Path(__file__).with_name(f"{beside}.c"), folder))
    return replace(made, unit=replace(unit, name=beside, sources=(*sources, source)))


@pytest.mark.host
@pytest.mark.parametrize("name", STREAMED)
def test_a_run_that_its_camera_ends(name: str, tmp_path: Path) -> None:
    made = written(name, "rpi-pico", tmp_path / "c", "ended")
    pictures = made.pictures(3)
    program = build_program(
        made.unit, made.kernels, tmp_path / "host", flags=SANITIZED, compiler=sanitizing()
    )
    assert run_program(program, pictures) == b"".join(made.expected(pictures))


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["rpi-pico", "nucleo-l4r5zi"])
def test_a_run_that_its_camera_ends_on_a_core(board: str, tmp_path: Path) -> None:
    made = written("chain", board, tmp_path / "c", "ended")
    pictures = made.pictures(2)
    result = Qemu().run(made.firmware(tmp_path / "elf"), pictures)
    assert result.outputs == made.expected(pictures)


@pytest.mark.host
@pytest.mark.parametrize("name", STREAMED)
def test_slices_read_the_rows_they_say_and_give_the_bytes_of_the_run(
    name: str, tmp_path: Path
) -> None:
    made = written(name, "rpi-pico", tmp_path / "c", "sliced")
    pictures = made.pictures(3)
    program = build_program(
        made.unit, made.kernels, tmp_path / "host", flags=SANITIZED, compiler=sanitizing()
    )
    assert run_program(program, pictures) == b"".join(made.expected(pictures))


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["rpi-pico", "nucleo-l4r5zi", "corstone-300"])
def test_slices_on_a_core(board: str, tmp_path: Path) -> None:
    """Counted twice: with the slices as its steps, and pushed."""
    made = written("chain", board, tmp_path / "c", "sliced")
    pictures = made.pictures(2)
    result = Qemu().run(made.firmware(tmp_path / "elf"), pictures, count=True)
    assert result.outputs == made.expected(pictures)


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["rpi-pico", "nucleo-l4r5zi"])
def test_when_rows_are_asked_for_is_measured(board: str, tmp_path: Path) -> None:
    """The rows of a slice are asked for at its begin, one soon after the other; each slice begins
    when those before it have run, which are counted as steps here. By itself a slice takes a little
    longer than in the run, because it looks for its place in the chain.
    """
    whole = written("chain", board, tmp_path / "whole", "")
    slices = written("chain", board, tmp_path / "slices", "sliced")
    (picture,) = whole.pictures(1)
    result = Qemu().run(whole.firmware(tmp_path / "elf"), [picture], count=True)
    counted = Qemu().run(slices.firmware(tmp_path / "sliced"), [picture], count=True)
    asked, each = result.row_requests, counted.step_instructions
    assert asked is not None and each is not None and result.instructions is not None
    assert len(asked) == 10 and list(asked) == sorted(asked) and asked[-1] < result.instructions
    assert asked[0] < 300  # and the second is of the same row step
    code = model_code(whole.program, {}, "net", Origin("test", "0" * 64, "test"))
    reads = rows_by_slice(whole.program, code.stages)[:, 0]
    assert code.slice_count == len(reads) == len(each) == 11 * 3 + 5  # receive, a, b; c
    assert result.instructions < sum(each) < 1.08 * result.instructions
    share = result.instructions / sum(each)
    began = [share * sum(each[:number]) for number, rows in enumerate(reads) for _ in range(rows)]
    for measured, begin in zip(asked[2:], began[2:], strict=True):
        assert abs(measured - begin) < 0.03 * result.instructions
    assert sum(result.step_instructions or ()) == pytest.approx(result.instructions, abs=60)
