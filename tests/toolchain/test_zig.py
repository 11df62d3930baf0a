"""zig cc in the place of gcc: the same bytes on every core, and on the host."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mcucc.backends import EmulationFault, Qemu, Unicorn
from mcucc.backends.host import run_host
from mcucc.boards.board import load_board
from mcucc.toolchain import (
    BuildOptions,
    ModelUnit,
    build_firmware,
    build_shared,
    cross_compiler,
    host_compiler,
)
from mcucc.toolchain.compilers import Kind, find_zig
from tests.backends.firmware_fixtures import ARENA_BYTES, TINY, expected, pictures, poke
from tests.whole.library import library
from tests.whole.networks import NETWORKS

needs_zig = pytest.mark.skipif(find_zig() is None, reason="zig is not installed (pip: ziglang)")


def test_zig_is_the_last_resort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "zig"
    fake.write_text("#!/bin/sh\necho 0.99.0\n")
    fake.chmod(0o755)
    for name in ("MCUCC_ZIG", "MCUCC_ARM_GCC", "MCUCC_CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    if shutil.which("gcc") is not None:
        assert host_compiler().kind is Kind.GCC
    monkeypatch.setenv("PATH", str(tmp_path))
    for compiler in (cross_compiler(load_board("rpi-pico")), host_compiler()):
        assert compiler.command == (str(fake), "cc")
        assert (compiler.version, compiler.kind) == ("zig cc 0.99.0", Kind.ZIG)
    monkeypatch.setenv("MCUCC_ZIG", "none")
    assert find_zig() is None


@pytest.fixture
def zig_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No gcc on PATH: whatever is built is built by zig."""
    zig, qemu = find_zig(), shutil.which("qemu-system-arm")
    assert zig is not None
    (tmp_path / "bin").mkdir()
    if qemu is not None:
        (tmp_path / "bin" / "qemu-system-arm").symlink_to(qemu)
    if len(zig.command) == 2:
        monkeypatch.setenv("MCUCC_ZIG", zig.command[0])
    for name in ("MCUCC_ARM_GCC", "MCUCC_CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@needs_zig
@pytest.mark.emulated
@pytest.mark.usefixtures("zig_alone")
@pytest.mark.parametrize(
    ("network", "board"), [("mobile", "nucleo-l4r5zi"), ("squeeze", "rpi-pico")]
)
def test_a_network_compiled_by_zig_computes_what_numpy_does(
    network: str, board: str, tmp_path: Path
) -> None:
    made = library(NETWORKS[network](), load_board(board), tmp_path / "c", network)
    firmware = made.firmware(tmp_path / "firmware")
    assert firmware.compiler.kind is Kind.ZIG
    images = made.pictures(3)
    counted = Unicorn().run(firmware, images, count=True, timeout_s=60)
    assert counted.outputs == made.expected(images)
    reference = Qemu().run(firmware, images, count=True, timeout_s=60)
    assert reference.outputs == counted.outputs
    assert reference.instructions == counted.instructions
    shared = build_shared([made.unit], made.kernels, tmp_path / "host")
    assert run_host(shared, network, images) == made.expected(images)


@needs_zig
@pytest.mark.emulated
@pytest.mark.usefixtures("zig_alone")
def test_the_fence_stands_around_what_zig_links(tmp_path: Path) -> None:
    firmware = build_firmware(
        [ModelUnit("tiny", ARENA_BYTES, (TINY,))],
        [],
        load_board("bluepill"),
        tmp_path,
        options=BuildOptions(),
    )
    images = pictures(1)
    assert Qemu().run(firmware, images).outputs == (expected(images[0]),)
    with pytest.raises(EmulationFault, match="1 bytes behind sram"):
        Qemu().run(firmware, [poke("w", firmware.layout.data.end)])
