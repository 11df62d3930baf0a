"""--on: what it takes, and that a server's program is started, waited for, and ended always."""

from __future__ import annotations

import socket
import stat
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import pytest

from mcucc.backends.gdb.servers import PROGRAMS, Listening, Started, parse_server, usages
from mcucc.errors import McuccError, ToolError
from mcucc.toolchain.firmware import Firmware

NO_FIRMWARE = cast(Firmware, None)  # these servers do not look at it


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("gdb:localhost:3333", "localhost", 3333),
        ("gdb::2331", "localhost", 2331),
        ("gdb:192.168.0.7:1", "192.168.0.7", 1),
        ("gdb:[::1]:65535", "::1", 65535),
        ("gdb:[fe80::1%eth0]:4242", "fe80::1%eth0", 4242),
        ("gdb:lab-pc.local:3333", "lab-pc.local", 3333),
    ],
)
def test_a_listening_server_has_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert parse_server(text) == Listening(host, port)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gdb", ("HOST:PORT", "gdb:localhost:3333")),
        ("gdb:", ("HOST:PORT",)),
        ("gdb:localhost", ("'localhost' lacks a port",)),
        ("gdb:3333", ("lacks a port",)),
        ("gdb:localhost:", ("'' is no port",)),
        ("gdb:localhost:0", ("'0' is no port", "65535")),
        ("gdb:localhost:65536", ("'65536'",)),
        ("gdb:localhost:-1", ("'-1'",)),
        ("gdb:localhost:http", ("'http'",)),
        ("gdb:::1:3333", ("brackets", "[::1]")),
        ("gdb:a b:3333", ("'a b' is no host",)),
        ("openocd", ("lacks its CONFIG", "openocd:CONFIG")),
        ("openocd:", ("lacks its CONFIG",)),
        ("openocd:-c shutdown", ("'-c shutdown' is no CONFIG", "gdb:HOST:PORT")),
        ("openocd:a.cfg,,b.cfg", ("empty",)),
        ("openocd:a.cfg,-d3", ("'-d3'",)),
        ("openocd:a};shutdown;#", ("is no CONFIG",)),
        ("pyocd:", ("lacks its TARGET",)),
        ("pyocd:--elf", ("is no TARGET",)),
        ("jlink:STM32F407VG\n-x", ("is no DEVICE",)),
        ("probe-rs", ("lacks its CHIP",)),
        ("st-util:F4", ("takes nothing", "write st-util")),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(McuccError) as caught:
        parse_server(text)
    message = str(caught.value)
    assert message.startswith("--on: ") and "hint" in message
    assert all(word in message for word in words), message


def test_other_names_are_no_servers() -> None:
    assert parse_server("qemu") is parse_server("bochs:1") is parse_server("") is None


def test_flash_is_refused_where_the_server_cannot() -> None:
    found = parse_server("openocd:board/st_nucleo_f4.cfg", flash=True)
    assert isinstance(found, Started) and found.flash
    with pytest.raises(McuccError, match="probe-rs does not write flash"):
        parse_server("probe-rs:STM32F407VGTx", flash=True)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda each: each.name)
def test_a_row_is_whole(program: Any) -> None:
    argument = "some/thing.cfg" if program.takes else ""
    command = program.command("/bin/x", argument, [11, 22, 33])
    assert command[0] == "/bin/x" and not any("{" in word for word in command)
    assert any("11" in word for word in command)
    assert (argument in command) is bool(program.takes)
    assert program.usage in usages() and program.reset and program.install
    assert parse_server(program.usage.replace("CONFIG", "x")) is not None


def test_openocd_takes_several_configs() -> None:
    openocd = next(each for each in PROGRAMS if each.name == "openocd")
    command = openocd.command("o", "interface/stlink.cfg, target/stm32f4x.cfg", [1, 2, 3])
    assert command[-4:] == ["-f", "interface/stlink.cfg", "-f", "target/stm32f4x.cfg"]


def test_a_config_of_the_users_is_found_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.cfg").write_text("adapter speed 100\n")
    monkeypatch.chdir(tmp_path)
    openocd = next(each for each in PROGRAMS if each.name == "openocd")
    command = openocd.command("o", "mine.cfg,target/stm32f4x.cfg", [1, 2, 3])
    assert command[-4:] == ["-f", str(tmp_path / "mine.cfg"), "-f", "target/stm32f4x.cfg"]
    assert command[1:3] == ["-s", str(tmp_path)]


def script(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Started:
    """A server whose program is this Python; its last words name its process and its port."""
    path = folder / "fake-server"
    head = f"#!{sys.executable}\nimport os, re, signal, socket, subprocess, sys, time\n"
    path.write_text(head + "port = int(sys.argv[-1])\n" + dedent(body), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("MCUCC_ST_UTIL", str(path))
    found = parse_server("st-util")
    assert isinstance(found, Started)
    return replace(found, limit_s=10.0)


LISTENS = """
    child = subprocess.Popen(["sleep", "60"])
    open("pids", "w").write(f"{os.getpid()} {child.pid}")
    print("warming up", flush=True)
    time.sleep(0.2)
    server = socket.create_server(("127.0.0.1", port))
    taken, _ = server.accept()
    taken.sendall(b"hello")
    print("taken", flush=True)
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def ended(folder: Path) -> bool:
    """Whether the program and what it started are gone, within two seconds."""
    pids = [int(word) for word in (folder / "pids").read_text().split()]
    deadline = time.monotonic() + 2.0
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not any(map(alive, pids))


@pytest.mark.parametrize("how", ["well", "an error", "Ctrl-C"])
def test_a_program_is_waited_for_and_ended(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = script(tmp_path, monkeypatch, LISTENS)

    def use() -> None:
        with server.started(NO_FIRMWARE, tmp_path) as endpoint:
            assert endpoint.connection.recv(5) == b"hello" and endpoint.reset == ("reset", "halt")
            if how == "an error":
                raise ToolError("broken off")
            if how == "Ctrl-C":
                raise KeyboardInterrupt

    if how == "well":
        use()
    else:
        with pytest.raises(ToolError if how == "an error" else KeyboardInterrupt):
            use()
    assert ended(tmp_path)


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for program in PROGRAMS:
        monkeypatch.delenv(program.variable, raising=False)
        server = Started(program, "x")
        assert "not installed" in str(server.unavailable(cast(Any, None)))
        with pytest.raises(ToolError) as caught, server.started(NO_FIRMWARE, tmp_path):
            pass
        assert program.install in str(caught.value) and program.variable in str(caught.value)


def test_a_program_that_dies_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = script(tmp_path, monkeypatch, 'print("Error: no device found"); sys.exit(3)')
    with pytest.raises(ToolError) as caught, server.started(NO_FIRMWARE, tmp_path):
        pass
    text = str(caught.value)
    assert "st-util ended at once, with exit code 3" in text
    assert "Error: no device found" in text and "connected and powered" in text


def test_a_program_that_never_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = 'open("pids", "w").write(str(os.getpid())); print("waiting", flush=True); time.sleep(60)'
    server = replace(script(tmp_path, monkeypatch, body), limit_s=1.0)
    with pytest.raises(ToolError) as caught, server.started(NO_FIRMWARE, tmp_path):
        pass
    assert "did not listen within 1 s" in str(caught.value) and "waiting" in str(caught.value)
    assert ended(tmp_path)


def test_a_program_that_dies_in_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = LISTENS.replace("time.sleep(60)", 'print("probe unplugged", flush=True); sys.exit(1)')
    server = script(tmp_path, monkeypatch, body)
    with pytest.raises(ToolError) as caught, server.started(NO_FIRMWARE, tmp_path) as endpoint:
        while endpoint.connection.recv(100):
            pass
        time.sleep(0.3)
        raise ToolError("the server closed the connection", where="st-util")
    assert "closed the connection:\n" in str(caught.value)
    assert "probe unplugged" in str(caught.value)


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Listening("127.0.0.1", port)
    with pytest.raises(ToolError) as caught, server.started(NO_FIRMWARE, tmp_path):
        pass
    text = str(caught.value)
    assert f"nobody listens at 127.0.0.1:{port}" in text
    assert "openocd -f" in text and "--on openocd:CONFIG" in text
    assert "JLinkGDBServerCLExe" in Listening("localhost", 2331)._how_to_start()


def test_somebody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=lambda: listening.accept()[0].sendall(b"+"), daemon=True).start()
        server = Listening("127.0.0.1", listening.getsockname()[1])
        with server.started(NO_FIRMWARE, tmp_path) as endpoint:
            assert endpoint.connection.recv(1) == b"+"
        assert endpoint.connection.fileno() == -1
    assert not list(tmp_path.iterdir())
