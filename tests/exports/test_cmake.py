"""CMake: add_subdirectory, FetchContent and find_package, and a toolchain for a board.

The board's part is done as the Pico SDK and its like do: the firmware's flags, startup code and
linker script are an INTERFACE library that an application links beside the network.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.exports.conftest import Exported
from tests.exports.tools import STRICT, application, both_outputs, needs, run

pytestmark = [pytest.mark.host, pytest.mark.slow, needs("cmake")]
FLAGS = (f"-DCMAKE_C_FLAGS={STRICT}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")


def built(project: Path, *options: str) -> Path:
    """Configures and builds a project; returns its folder of results."""
    build = project / "build"
    run("cmake", "-S", project, "-B", build, *options)
    run("cmake", "--build", build)
    return build


def example(network: Exported) -> Path:
    return network.of("cmake") / "examples" / "first_run" / "first_run.c"


def parts_of(pair: tuple[Exported, Exported], project: Path) -> None:
    """A project with one network as a subdirectory, and one that FetchContent brings."""
    first, second = pair
    shutil.copytree(first.of("cmake"), project / "libs" / "first")
    application([example(network) for network in pair], project)
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(both C CXX)\n"
        "add_subdirectory(libs/first)\ninclude(FetchContent)\n"
        f'FetchContent_Declare(second SOURCE_DIR "{second.of("cmake")}")\n'
        "FetchContent_MakeAvailable(second)\n"
        "add_executable(both application.c example0.c example1.cpp)\n"
        "target_link_libraries(both PRIVATE first::first second::second)\n"
        "install(TARGETS both)\n",
        "utf-8",
    )


def test_networks_are_parts_of_a_project(pair: tuple[Exported, Exported], tmp_path: Path) -> None:
    project = tmp_path / "ein Projekt für beide"
    project.mkdir()
    parts_of(pair, project)
    build = built(project, *FLAGS, "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    assert run(build / "both") == both_outputs(pair)
    commands = (build / "compile_commands.json").read_text("utf-8")
    of_the_application = 2  # in C
    flagged = commands.count("-O2 -ffunction-sections -fdata-sections")
    assert flagged == commands.count(".c.o -c") - of_the_application
    run("cmake", "--install", build, "--prefix", tmp_path / "prefix")
    installed = [path for path in (tmp_path / "prefix").rglob("*") if path.is_file()]
    assert [path.name for path in installed] == ["both"], "a part installs nothing of its own"


def test_a_package_is_installed_and_found(pair: tuple[Exported, Exported], tmp_path: Path) -> None:
    network = pair[0]
    prefix = tmp_path / "Präfix mit Lücke"
    package = shutil.copytree(network.of("cmake"), tmp_path / "package")
    run("cmake", "--build", built(package, f"-DCMAKE_INSTALL_PREFIX={prefix}"), "-t", "install")
    found = built(package / "examples" / "first_run", f"-DCMAKE_PREFIX_PATH={prefix}")
    assert run(found / "first_run") == network.printed()


# The emulated board's part: what an SDK brings.
SDK = """
add_library(board INTERFACE)
target_compile_options(board INTERFACE -mcpu=cortex-m4 -mthumb)
target_link_options(board INTERFACE -mcpu=cortex-m4 -mthumb --specs=rdimon.specs
    "-T{script}" -Wl,--gc-sections)
target_sources(board INTERFACE "{start}")
"""
TOOLCHAIN = """
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR cortex-m4)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_C_FLAGS_INIT "-mcpu=cortex-m4 -mthumb")
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
"""
# Vectors and the C library's start; its semihosting prints.
START = """
#include <stdint.h>
extern uint32_t board_stack;
void _start(void);
void reset(void) { _start(); }
__attribute__((section(".vectors"), used)) const void *const vectors[2] = {
    &board_stack, (const void *)reset};
"""
SCRIPT = """
ENTRY(reset)
MEMORY { code : ORIGIN = 0, LENGTH = 4M  ram : ORIGIN = 0x20000000, LENGTH = 1M }
SECTIONS {
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) KEEP(*(.init)) KEEP(*(.fini)) } > code
    .ARM.exidx : { __exidx_start = .; *(.ARM.exidx*) __exidx_end = .; } > code
    .data : { *(.data*) } > ram
    .bss : { __bss_start__ = .; *(.bss* COMMON) __bss_end__ = .; end = .; __end__ = .; } > ram
    board_stack = ORIGIN(ram) + LENGTH(ram);
}
"""


@pytest.mark.emulated
@needs("arm-none-eabi-gcc", "qemu-system-arm")
def test_a_toolchain_file_and_an_sdk_of_a_board(dsp: Exported, tmp_path: Path) -> None:
    project = tmp_path / "firmware"
    shutil.copytree(dsp.of("cmake"), project / "dsp")
    (project / "board.c").write_text(START)
    (project / "board.ld").write_text(SCRIPT)
    (project / "arm.cmake").write_text(TOOLCHAIN)
    sdk = SDK.format(script=project / "board.ld", start=project / "board.c")
    (project / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(firmware C)\n{sdk}"
        "add_subdirectory(dsp)\n"
        "add_executable(firmware dsp/examples/first_run/first_run.c)\n"
        "target_link_libraries(firmware PRIVATE board dsp::dsp)\n"
    )
    build = built(project, f"-DCMAKE_TOOLCHAIN_FILE={project / 'arm.cmake'}")
    emulator = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting")
    said = run(*emulator, "-kernel", build / "firmware")
    assert said == dsp.printed()
