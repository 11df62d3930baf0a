"""The self-test: built by CMake alone, run by ctest in QEMU; a wrong byte is found.

Renode is not here: its scripts are read by a small check, and the .robot runs by Robot Framework
with keywords that do in QEMU what Renode's do.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcucc.answers.answer import Answer
from mcucc.boards.board import load_board
from mcucc.codegen.model import Origin, model_code
from mcucc.driver.target import bind
from mcucc.errors import ToolError
from mcucc.exports import Library, Trial, check_export, export_to
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.add import Add
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.row_outputs import RowOutputs
from mcucc.toolchain.machines import machine_of, renode_cpu
from tests.backends.firmware_fixtures import require_tools
from tests.exports.conftest import ANSWERS, detector, examples
from tests.graphs import Builder, mobile_net
from tests.renode_scripts import read_platform

pytestmark = [
    pytest.mark.emulated,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed"),
]
REPOSITORY = Path(__file__).parents[2]
STUB = Path(__file__).with_name("renode_keywords.resource")


def two_outputs() -> IntegerGraph:
    """Two maps, one made of the other."""
    b = Builder(9, 7, 3)
    x = b.conv("image", 4, 3, 1)
    y = b.node(Add(), x, b.conv(x, 4, 3, 1))
    return lower(b.graph(x, y, name="two"))


def one_map() -> IntegerGraph:
    b = Builder(9, 7, 3)
    return lower(b.graph(b.conv(b.conv("image", 4, 3), 2, 3), name="map"))


@dataclass(frozen=True, eq=False)
class Case:
    """A network as a kind of image that the core's code is generated for."""

    board: str
    image: ImagePolicy
    graph: str  # what it computes
    leaves: bool = False  # outputs by rows, those that can


GRAPHS = {
    "mobile": (lambda: lower(mobile_net()), ()),
    "detector": (detector, ANSWERS),
    "two": (two_outputs, ()),
    "map": (one_map, ()),
}
CASES = [
    Case("rpi-pico", ImagePolicy.RESIDENT, "two"),
    Case("bluepill", ImagePolicy.ROWS, "detector"),
    Case("nucleo-l4r5zi", ImagePolicy.MAPPED, "mobile"),
    Case("nucleo-l4r5zi", ImagePolicy.MAPPED, "map", leaves=True),
    Case("stm32f746g-disco", ImagePolicy.RESIDENT, "mobile"),
    Case("rpi-pico2", ImagePolicy.ROWS, "mobile"),
    Case("corstone-300", ImagePolicy.RESIDENT, "detector"),
    Case("esp32-c3", ImagePolicy.ROWS, "two", leaves=True),
]
ROBOT = CASES[1]


def written(case: Case, folder: Path, name: str = "net") -> Path:
    """The self-test's folder, as compile writes it."""
    board = load_board(case.board)
    require_tools(board)
    make, answers = GRAPHS[case.graph]
    integer: IntegerGraph = make()
    found: tuple[Answer, ...] = answers
    graph = bind(integer, board, "balanced")
    leaving = RowOutputs(every=True).chosen(graph) if case.leaves else ()
    program = expand(graph, layers_plan(graph, case.image, leaving))
    cameras = {"image": CameraInput.offset(integer.activations["image"].channels)}
    origin = Origin("a test", "0" * 64, "test")
    code = model_code(program, cameras, name, origin, answers=found)
    trial = Trial(board, lambda: examples(integer, cameras))
    return export_to("self-test", Library.of(code, graph, cameras, found, trial), folder)


def run(*words: object, cwd: Path | None = None, fails: bool = False) -> str:
    """What a command prints."""
    words = tuple(str(word) for word in words)
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, timeout=300)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout


def built(project: Path, *options: str) -> Path:
    """Builds as a user does; returns the folder of results."""
    build = project / "build"
    run("cmake", "-S", project, "-B", build, *options)
    run("cmake", "--build", build)
    return build


def robot(project: Path, fails: bool = False) -> str:
    """Runs inference.robot with keywords that do in QEMU what Renode's do."""
    options = [
        *(sys.executable, "-m", "robot", "--output", "NONE", "--log", "NONE", "--report", "NONE"),
        *("--pythonpath", REPOSITORY, "--variable", f"RENODEKEYWORDS:{STUB}"),
    ]
    return run(*options, project / "inference.robot", cwd=REPOSITORY, fails=fails)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.board}-{case.graph}")
def test_the_self_test_passes_in_qemu_and_finds_a_wrong_byte(case: Case, tmp_path: Path) -> None:
    project = written(case, tmp_path)
    build = built(project, "-DCMAKE_C_FLAGS_RELEASE=-Werror -Wconversion")
    log = run("ctest", "-V", "-R", "qemu", cwd=build)
    assert "##exit 0" in log and log.count("all bytes right") == 2
    if case is ROBOT:
        assert "1 test, 1 passed" in robot(project)

    data = project / "self_test_data.c"
    text = data.read_text("ascii")
    begin = text.index("outputs_1[]")
    at = re.compile(r"(\d+),").search(text, begin)
    assert at is not None
    wrong = (int(at[1]) + 1) % 256
    data.write_text(f"{text[: at.start()]}{wrong},{text[at.end() :]}", "ascii")
    run("cmake", "--build", build)
    log = run("ctest", "-V", "-R", "qemu", cwd=build, fails=True)
    assert re.search(rf"picture 1: output \w+, byte 0: expected {wrong}, got {at[1]}\n", log)
    assert "1: ##exit 1\n" in log and "1: ##exit 0" not in log
    if case is ROBOT:
        assert "failing string: ##exit 1" in robot(project, fails=True)

    # The wrong byte is of a picture that can be left out where flash is short.
    build = built(project, "-DSELF_TEST_PICTURES=1")
    log = run("ctest", "-V", "-R", "qemu", cwd=build)
    assert "pictures: 1" in log and log.count("all bytes right") == 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.board}-{case.graph}")
def test_renodes_platform_has_what_the_firmware_uses(case: Case, tmp_path: Path) -> None:
    project = written(case, tmp_path)
    board, machine = load_board(case.board), machine_of(load_board(case.board))
    entries = read_platform(project / "board.repl")
    assert entries["cpu"].fields["cpuType"] == f'"{renode_cpu(board.core)}"'
    assert entries["uart"].address == machine.uart
    script = (project / "emulator.ld").read_text("ascii")
    for name, origin, size in re.findall(r"(\w+) \(\w+\) : ORIGIN = (\w+), LENGTH = (\d+)", script):
        memory = entries[name.lower()]
        assert (memory.address, int(memory.fields["size"], 0)) == (int(origin, 0), int(size))
    for name in ("inference.robot", "run.resc"):
        text = (project / name).read_text("ascii")
        assert "board.repl" in text and f"0x{machine.harness_code.origin:08X}" in text


def test_a_network_called_as_the_test_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="--name gives the network another"):
        written(CASES[0], tmp_path, name="self_test")


def test_a_board_without_emulated_machine_is_refused_at_once() -> None:
    with pytest.raises(ToolError, match=r"no self-test: .*xtensa"):
        check_export("self-test", load_board("esp32-s3"))
