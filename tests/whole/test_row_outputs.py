"""Outputs by rows in C: whoever takes them ends a run at any row; servers, fences, sanitizers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mcucc.backends import Qemu
from mcucc.backends.camera_rows import in_order
from mcucc.backends.gdb.backend import Gdb
from mcucc.backends.host import HostModel, run_program
from mcucc.boards.board import load_board
from mcucc.ir.graph import Graph
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.toolchain import Transport, refence, retarget
from mcucc.toolchain.host import build_program, build_shared
from tests.backends.qemu_server import QemuServer
from tests.graphs import Builder
from tests.whole.library import Library, library

FIRST_CODE = 1000
ROWS = 12 + 24  # that leave
POINTER, INT = ctypes.c_void_p, ctypes.c_int32
READ = ctypes.CFUNCTYPE(INT, POINTER, INT, INT, POINTER)
WRITE = ctypes.CFUNCTYPE(INT, POINTER, INT, INT, POINTER)


def maps() -> Graph:
    """A small map that stays, as it is read again, one in the middle and a large one at the end."""
    b = Builder(12, 10, 3)
    read = b.conv("image", 4, 3)
    side = b.conv(read, 2, 1)
    large = b.node(DepthToSpace(2), b.conv(read, 8, 3), name="large")
    return b.graph(read, side, large)


def names(graph: Graph) -> tuple[str, ...]:
    return tuple(node.name for node in graph.nodes)


def one_stage(tile: tuple[int, int], image: ImagePolicy, strips: int = 1) -> Plan:
    graph = maps()
    stage = StagePlan(names(graph), tile, strips=strips)
    return Plan("test", image, (stage,), graph.outputs[1:])


def fed(image: ImagePolicy) -> Plan:
    """The last two nodes fed by the stage in front of them."""
    graph = maps()
    first, second = StagePlan(names(graph)[:2], (1, 0), feeds=True), names(graph)[2:]
    return Plan("test", image, (first, StagePlan(second, (2, 0))), graph.outputs[1:])


PLANS: dict[str, Callable[[], Plan]] = {
    "rows": lambda: one_stage((4, 0), ImagePolicy.ROWS),
    "tiles": lambda: one_stage((4, 4), ImagePolicy.ROWS),
    "strips": lambda: one_stage((4, 4), ImagePolicy.MAPPED, strips=2),
    "resident": lambda: one_stage((2, 0), ImagePolicy.RESIDENT),
    "chain": lambda: fed(ImagePolicy.ROWS),
}


def made(plan: Plan, folder: Path, board: str = "rpi-pico") -> Library:
    return library(maps(), load_board(board), folder, "net", plan=plan, image=plan.image)


class Camera(ctypes.Structure):
    _fields_ = [("read_row", READ), ("context", POINTER)]


class Sink(ctypes.Structure):
    _fields_ = [("write_row", WRITE), ("context", POINTER)]


@dataclass
class Taker:
    """Takes rows until it has had `most` of them: then it ends the run."""

    row_bytes: tuple[int, ...]
    most: int = 10**6
    rows: list[tuple[int, int, bytes]] = field(default_factory=list)

    def write_row(self, _context: int, output: int, row: int, values: int) -> int:
        self.rows.append((output, row, ctypes.string_at(values, self.row_bytes[output])))
        return FIRST_CODE + self.most if len(self.rows) == self.most else 0


class Runner:
    """A network of a shared object, called as its header says."""

    def __init__(self, net: Library, folder: Path) -> None:
        kernels = net.kernels
        self.path = build_shared([net.unit], kernels, folder)
        self.c, self.net = ctypes.CDLL(str(self.path)), net
        self.streams = net.program.plan.image.streams
        self.arena = ctypes.create_string_buffer(net.program.arena_bytes + 16)
        self.base = -(-ctypes.addressof(self.arena) // 16) * 16
        self.picture = b""
        shapes = [net.integer.activations[name] for name in net.integer.outputs]
        self.row_bytes = tuple(shape.row_bytes for shape in shapes)
        self.image = net.integer.activations["image"]

    def read_row(self, _context: int, _input: int, row: int, pixels: int) -> int:
        pitch = self.image.row_bytes
        ctypes.memmove(pixels, self.picture[row * pitch :][:pitch], pitch)
        return 0

    def run(self, taker: Taker, sliced: bool = False) -> int:
        """A run, as a whole or in slices; the image is put where it belongs."""
        camera, sink = Camera(READ(self.read_row)), Sink(WRITE(taker.write_row))
        ports = [ctypes.byref(camera)] * self.streams + [ctypes.byref(sink)]
        if not self.streams:
            place = self.net.program.buffer_of("image").offset
            ctypes.memmove(self.base + place, self.picture, len(self.picture))
        arena = POINTER(self.base)
        if not sliced:
            return int(self.c.net_run(arena, *ports))
        header = (self.net.folder / "net.h").read_text()
        count = int(header.split("#define NET_SLICES ")[1].split()[0])
        for number in range(count):
            ended = int(self.c.net_run_slice(arena, INT(number), *ports))
            if ended:
                return ended
        return 0


@pytest.mark.host
@pytest.mark.parametrize("name", PLANS)
def test_whoever_takes_rows_ends_the_run_and_the_next_one_is_right(
    name: str, tmp_path: Path
) -> None:
    net = made(PLANS[name](), tmp_path / "c")
    runner = Runner(net, tmp_path / "host")
    runner.picture = net.pictures(3)[2]
    whole = Taker(runner.row_bytes)
    assert runner.run(whole) == 0
    heights = {1: 12, 2: 24}
    for output, height in heights.items():
        assert [row for of, row, _ in whole.rows if of == output] == list(range(height))
    for most in range(1, len(whole.rows) + 1):
        for sliced in (False, True):
            taker = Taker(runner.row_bytes, most)
            assert runner.run(taker, sliced) == FIRST_CODE + most
            assert taker.rows == whole.rows[:most]  # and none after the one that ended it
    again = Taker(runner.row_bytes)
    assert runner.run(again, sliced=True) == 0
    assert again.rows == whole.rows
    model = HostModel(runner.path, "net")
    (expected,) = net.expected([runner.picture])
    assert model.run(runner.picture) == expected
    parts = {number: b"".join(r for of, _, r in whole.rows if of == number) for number in heights}
    assert expected.endswith(parts[1] + parts[2])


@pytest.mark.host
@pytest.mark.parametrize("name", ["tiles", "resident"])
def test_the_hosts_firmware_puts_rows_in_their_places(name: str, tmp_path: Path) -> None:
    net = made(PLANS[name](), tmp_path / "c")
    program = build_program(net.unit, net.kernels, tmp_path / "host")
    pictures = net.pictures(3)
    assert run_program(program, pictures) == b"".join(net.expected(pictures))


@pytest.mark.emulated
@pytest.mark.parametrize("board", ["nucleo-l4r5zi", "esp32-c3"])
@pytest.mark.parametrize("name", ["tiles", "resident"])
def test_firmware_sends_rows_as_they_come(board: str, name: str, tmp_path: Path) -> None:
    """With a fence at the last byte that it needs, and by a debugger's server."""
    net = made(PLANS[name](), tmp_path / "c", board)
    whole = made(layers_plan(net.program.graph, net.program.plan.image), tmp_path / "w", board)
    firmware, pictures = net.firmware(tmp_path / "f"), net.pictures(3)
    counted = Qemu().run(firmware, pictures, count=True)
    assert counted.stack_bytes is not None
    needed = firmware.sram_bytes(counted.stack_bytes)
    fenced = refence(firmware, needed)
    mailbox = retarget(firmware, firmware.machine, Transport.MAILBOX)
    runs = [counted, Qemu().run(fenced, pictures)]
    runs += [Gdb(QemuServer()).run(mailbox, pictures, count=True, timeout_s=60)]
    expected = net.expected(pictures)
    for run in runs:
        assert run.records["fence"] == 1
        assert tuple(in_order(net.program, each) for each in run.outputs) == expected
    # Each row is taken off by two readings of a timer, whose phase is another behind a server.
    apart = [run.instructions or 0 for run in (counted, runs[2])]
    assert abs(apart[0] - apart[1]) <= ROWS * firmware.machine.instructions(1)
    stays = whole.firmware(tmp_path / "wf")
    before = Qemu().run(stays, pictures)
    assert before.outputs == expected
    assert needed < stays.sram_bytes(before.stack_bytes or 0)
