"""run and validate --on: a server that listens, end to end by the command line."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcucc import api as mcucc_api
from mcucc.backends import Unicorn
from mcucc.backends.choose import choose_emulator
from mcucc.backends.gdb import servers
from mcucc.boards.board import load_board
from mcucc.errors import McuccError
from mcucc.toolchain.machines import machine_of
from tests.backends.firmware_fixtures import BOARDS, require_tools
from tests.backends.gdb.boards import STAND_INS, board_file
from tests.backends.gdb.listening_qemu import listening_qemu
from tests.cli.project import Project, make_project, mcucc

pytestmark = pytest.mark.emulated


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    yield make_project(tmp_path_factory.mktemp("on"))


def compiled(project: Project, board: str) -> Path:
    """The network for a board (a TOML for a stand-in), compiled once."""
    out = project.folder / board
    if not out.is_dir():
        name = board_file(board, project.folder) if board in STAND_INS else board
        quick = ("--c-only", "--emulator", "none", "--quantize", "fast", "--schedule", "layers")
        done = project.compile("--board", name, *quick, out=board)
        assert done.code == 0, done.err
    return out


def ran(out: Path, project: Project, on: str, *more: str) -> dict[str, Any]:
    picture = project.data / "class1" / "2.png"
    done = mcucc("run", out, "--input", picture, "--on", on, "--json", *more)
    assert done.code == 0, done.err
    told: dict[str, Any] = json.loads(done.out)
    return told


@pytest.mark.parametrize("board", BOARDS)
def test_a_listening_qemu_gives_what_the_emulator_gives(board: str, project: Project) -> None:
    require_tools(load_board(board))
    out, machine = compiled(project, board), machine_of(load_board(board))
    expected = ran(out, project, "qemu")
    icount = machine.icount_shift
    with listening_qemu(machine.name, *machine.qemu_options, icount=icount) as on:
        found = ran(out, project, on)
    told = found.pop("board")
    assert {**found, "emulator": "qemu"} == expected and found["instructions"]
    assert told["machine"] == machine.name and told["emulated"]
    assert told["fence"] == "every byte but the network's is fenced off"
    assert told["cycles"] is None and told["uncounted"] == ""


def test_a_board_at_its_own_addresses_prints_its_cycles(project: Project) -> None:
    out = compiled(project, "lm3s6965evb")
    expected = ran(out, project, "qemu")
    with listening_qemu("lm3s6965evb", icount=7) as on:
        found = ran(out, project, on)
        picture = project.data / "class0" / "0.png"
        shown = mcucc("run", out, "--input", picture, "--on", on)
        valid = mcucc("validate", out, "--data", project.data, "--on", on)
    told = found.pop("board")
    assert found["outputs"] == expected["outputs"]
    assert told["instructions"] == expected["instructions"] and told["emulator"] == "qemu"
    assert told["counter"] == "SysTick" and told["memory"] == "RAM"
    assert told["cycles"] == pytest.approx(1.6 * told["instructions"], abs=4)
    assert [step["name"] for step in told["steps"]][1] == "n_conv_0"
    assert sum(step["cycles"] for step in told["steps"]) == pytest.approx(told["cycles"], rel=0.02)
    assert shown.code == valid.code == 0, shown.err + valid.err
    for words in ("cycles by SysTick", "ms at 50 MHz", "instructions by qemu, 1.6", "say nothing"):
        assert words in shown.out and words in valid.out
    assert "mcucc_conv2d" in shown.out
    assert "agree on every byte" in valid.out


def test_rows_cost_no_cycles_but_the_networks(project: Project) -> None:
    """By mcycle: at a stop QEMU winds its clock on to SysTick's next period."""
    file = board_file("sifive_e", project.folder)
    require_tools(load_board(file))
    quick = ("--c-only", "--emulator", "none", "--quantize", "fast", "--image", "rows")
    done = project.compile("--board", file, *quick, out="rows")
    assert done.code == 0, done.err
    with listening_qemu("sifive_e", icount=0) as on:
        told = ran(project.folder / "rows", project, on, "--flash")["board"]
    assert told["memory"] == "flash"
    assert told["counter"] == "mcycle" and told["cycles"] == told["instructions"]
    assert all(step["cycles"] == step["instructions"] for step in told["steps"])


def test_all_pictures_are_one_session(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """st-util and pyOCD end with the first client."""
    connected = []
    connect = servers.open_connection
    monkeypatch.setattr(
        servers, "open_connection", lambda *place: connected.append(place) or connect(*place)
    )
    out = compiled(project, "netduinoplus2")
    with listening_qemu("netduinoplus2") as on:
        done = mcucc("validate", out, "--data", project.data, "--on", on, "--json")
    assert done.code == 0 and json.loads(done.out)["all_equal"] and len(connected) == 1, done.err


def test_a_stopped_server(project: Project) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        on = f"gdb:127.0.0.1:{free.getsockname()[1]}"
    out = compiled(project, "lm3s6965evb")
    for verb in (("run", out, "--input"), ("validate", out, "--data")):
        done = mcucc(*verb, project.data, "--on", on)
        assert done.code == 2 and "Traceback" not in done.err
        assert "nobody listens" in done.err and "openocd -f" in done.err


def test_another_core_and_a_board_too_small(project: Project) -> None:
    picture = project.data / "class0" / "0.png"
    with listening_qemu("netduinoplus2") as on:
        out = compiled(project, "lm3s6965evb")
        done = mcucc("run", out, "--input", picture, "--on", on)
    assert done.code == 2 and "the core there is cortex-m4" in done.err
    with listening_qemu("stm32vldiscovery") as on:
        out = compiled(project, "stm32vldiscovery")
        done = mcucc("run", out, "--input", picture, "--on", on)
        flash = mcucc("run", out, "--input", picture, "--on", on, "--flash", "--json")
    assert done.code == 2 and "bytes are missing" in done.err and "--flash" in done.err
    # QEMU's server lets a debugger write its flash like RAM.
    assert flash.code == 0 and json.loads(flash.out)["board"]["memory"] == "flash", flash.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--on", "gdb:localhost"), ("lacks a port", "gdb:HOST:PORT")),
        (("--on", "bochs"), ("'bochs'", "openocd:CONFIG", "host")),
        (("--emulator", "openocd"), ("lacks its CONFIG",)),
        (("--on", "qemu", "--flash"), ("--flash", "no flash to write")),
        (("--on", "probe-rs:X", "--flash"), ("does not write flash safely",)),
    ],
)
def test_mistakes(options: tuple[str, ...], words: tuple[str, ...], project: Project) -> None:
    out = compiled(project, "lm3s6965evb")
    done = mcucc("run", out, "--input", project.data, *options)
    assert done.code == 2 and all(word in done.err for word in words), done.err


def test_the_api_takes_the_same_words(project: Project) -> None:
    folder = mcucc_api.open_folder(compiled(project, "lm3s6965evb"))
    picture = project.data / "class0" / "0.png"
    with listening_qemu("lm3s6965evb", icount=7) as on:
        found = mcucc_api.run(folder, picture, on=on)
    assert found.board is not None and found.board.counter == "SysTick"
    for words in ({"on": "gdb:localhost"}, {"emulator": "gdb:localhost"}):
        with pytest.raises(McuccError, match="lacks a port"):
            mcucc_api.run(folder, picture, **words)
        with pytest.raises(McuccError, match="lacks a port"):
            mcucc_api.validate(folder, project.data, **words)


def test_auto_never_takes_what_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("renode", "openocd"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("MCUCC_QEMU", "/nonexistent")
    monkeypatch.setattr(Unicorn, "unavailable", lambda self, board: "not installed")
    assert choose_emulator("auto", load_board("bluepill")) is None
