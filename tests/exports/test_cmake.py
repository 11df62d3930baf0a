"""The CMake package: configured, built, installed, found by find_package, and right on the host."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.exports.conftest import Exported, twin_of

pytestmark = [
    pytest.mark.host,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed"),
]


def run(*words: object) -> str:
    """What a command prints; its complaint when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(package: Path, folder: Path) -> Path:
    """Builds and installs a package; the prefix is `folder`/prefix."""
    build = folder / f"build-{package.name}"
    prefix = folder / "prefix"
    flags = "-DCMAKE_C_FLAGS=-Wall -Wextra -Wconversion -Wpedantic -Werror"
    run("cmake", "-S", package, "-B", build, f"-DCMAKE_INSTALL_PREFIX={prefix}", flags)
    run("cmake", "--build", build, "--target", "install")
    return prefix


def build(project: Path, prefix: Path, folder: Path) -> Path:
    """Builds a project that consumes installed packages; returns its folder of results."""
    run("cmake", "-S", project, "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder)
    return folder


def test_the_installed_package_computes_what_numpy_does(made: Exported, tmp_path: Path) -> None:
    package = made.of("cmake")
    prefix = install(package, tmp_path)
    example = build(package / "examples" / "first_run", prefix, tmp_path / "example")
    assert run(example / "first_run") == made.grey_outputs()


def test_two_packages_share_one_program(made: Exported, tmp_path: Path) -> None:
    package = made.of("cmake")
    twin, name = twin_of(package, made.code, tmp_path / "twin"), made.code.name
    prefix = install(package, tmp_path)
    install(twin, tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    for number, (each, source) in enumerate(((name, package), ("twin", twin))):
        text = (source / "examples" / "first_run" / "first_run.c").read_text("ascii")
        (project / f"{each}.c").write_text(text.replace("int main(void)", f"int run{number}(void)"))
    (project / "main.c").write_text(
        "int run0(void);\nint run1(void);\nint main(void) { return run0() + run1(); }\n"
    )
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(both C)\n"
        f"find_package({name} CONFIG REQUIRED)\nfind_package(twin CONFIG REQUIRED)\n"
        f"add_executable(both main.c {name}.c twin.c)\n"
        f"target_link_libraries(both {name}::{name} twin::twin)\n"
    )
    found = run(build(project, prefix, tmp_path / "both") / "both")
    assert found == 2 * made.grey_outputs()
