"""Arduino, PlatformIO, Zephyr, ESP-IDF: manifests with what they must name, sources that build.

The ecosystems' own tools are not needed: their build steps are played as documented.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from mcucc import __version__
from mcucc.exports import export_names
from mcucc.toolchain import host_compiler
from tests.exports.conftest import Exported, twin_of

WARNINGS = ("-Wall", "-Wextra", "-Werror")

# Arduino.h as far as the sketch goes.
ARDUINO_H = """
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
struct Port {
    void begin(long) {}
    void print(const char *text) { std::fputs(text, stdout); }
    void print(int value) { std::printf("%d", value); }
    void println() { std::puts(""); }
};
static Port Serial;
static void delay(long) { std::exit(0); }
"""


def run(*words: object, cwd: Path | None = None) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiled(sources: Sequence[Path], include: Path, folder: Path, *flags: str) -> list[Path]:
    """Every source as an object, with one include path."""
    (compiler,) = host_compiler().command
    objects = [folder / f"{number}.o" for number in range(len(sources))]
    for source, target in zip(sources, objects, strict=True):
        run(compiler, "-std=gnu11", *WARNINGS, *flags, f"-I{include}", "-c", source, "-o", target)
    return objects


def linked(objects: Sequence[Path], folder: Path) -> str:
    """Links a program and returns what it prints."""
    (compiler,) = host_compiler().command
    program = folder / "program"
    run(compiler, *objects, "-o", program)
    return run(program)


def test_every_ecosystem_is_a_file() -> None:
    assert export_names() == ("arduino", "cmake", "esp-idf", "platformio", "zephyr")


def test_arduino_properties_name_what_the_specification_demands(made: Exported) -> None:
    text = (made.of("arduino") / "library.properties").read_text("ascii")
    values = dict(line.split("=", 1) for line in text.splitlines())
    required = {"name", "version", "author", "maintainer", "sentence", "paragraph", "category"}
    assert required | {"url", "architectures"} <= set(values)
    assert values["name"] == made.code.name and len(values["name"]) <= 63
    assert re.fullmatch(r"\d+\.\d+\.\d+", values["version"])
    assert values["category"] == "Data Processing"
    assert values["dot_a_linkage"] == "true", "two networks bring the same kernels"
    assert (made.of("arduino") / "src" / values["includes"]).is_file()


@pytest.mark.host
@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_arduino_builds_as_its_builder_does(made: Exported, tmp_path: Path) -> None:
    library = made.of("arduino")
    objects = compiled(sorted(library.glob("src/**/*.c")), library / "src", tmp_path)
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    sketch = library / "examples" / "first_run" / "first_run.ino"
    assert sketch.stem == sketch.parent.name
    unit = tmp_path / "sketch.cpp"
    unit.write_text(f'#include "Arduino.h"\n{sketch.read_text("ascii")}')
    main = tmp_path / "main.cpp"
    main.write_text("void setup();\nvoid loop();\nint main() { setup(); for (;;) loop(); }\n")
    paths = (f"-I{library / 'src'}", f"-I{tmp_path}")
    for source in (unit, main):
        target = source.with_suffix(".o")
        run("g++", "-std=gnu++11", *WARNINGS, *paths, "-c", source, "-o", target)
        objects.append(target)
    run("g++", *objects, "-o", tmp_path / "program")
    assert run(tmp_path / "program") == made.grey_outputs()


@pytest.mark.host
def test_platformio_manifest_and_example(made: Exported, tmp_path: Path) -> None:
    library = made.of("platformio")
    manifest = json.loads((library / "library.json").read_text("ascii"))
    assert {"name", "version", "description", "keywords", "frameworks"} <= set(manifest)
    assert (manifest["name"], manifest["version"]) == (made.code.name, __version__)
    assert manifest["build"]["libArchive"], "two networks bring the same kernels"
    (header,) = manifest["headers"]
    assert (library / "src" / header).is_file()
    (example,) = manifest["examples"]
    sources = sorted(library.glob("src/**/*.c"))
    sources += [library / example["base"] / file for file in example["files"]]
    objects = compiled(sources, library / "src", tmp_path)
    assert linked(objects, tmp_path) == made.grey_outputs()


ZEPHYR = """cmake_minimum_required(VERSION 3.20)
project(fake C)
macro(zephyr_library_named name)
  set(library ${name})
  add_library(${name} STATIC)
endmacro()
macro(zephyr_library_sources)
  target_sources(${library} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  include_directories(${ARGN})
endmacro()
set(CONFIG_MCUCC_%(macro)s y)
set(CONFIG_MCUCC_TWIN y)
add_subdirectory(%(module)s module)
add_subdirectory(%(twin)s twin)
add_executable(app main.c)
target_link_libraries(app -Wl,--whole-archive mcucc_%(name)s mcucc_twin -Wl,--no-whole-archive)
target_include_directories(app PRIVATE %(module)s/include)
"""


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_zephyr_modules_build_under_their_switches_and_share_kernels(
    made: Exported, tmp_path: Path
) -> None:
    module = made.of("zephyr")
    manifest = yaml.safe_load((module / "zephyr" / "module.yml").read_text("ascii"))
    assert manifest["name"] == f"mcucc_{made.code.name}"
    assert (module / manifest["build"]["cmake"] / "CMakeLists.txt").is_file()
    kconfig = (module / manifest["build"]["kconfig"]).read_text("ascii")
    switch = f"MCUCC_{made.code.macro}"
    assert re.search(rf"^config {switch}\n\tbool ", kconfig)
    sample = module / "samples" / "first_run"
    assert f"CONFIG_{switch}=y" in (sample / "prj.conf").read_text("ascii").splitlines()
    twin = twin_of(module, made.code, tmp_path / "twin")
    values = {"macro": made.code.macro, "module": module, "name": made.code.name, "twin": twin}
    (tmp_path / "CMakeLists.txt").write_text(ZEPHYR % values)
    shutil.copyfile(sample / "src" / "main.c", tmp_path / "main.c")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "app") == made.grey_outputs()


IDF = """cmake_minimum_required(VERSION 3.16)
project(fake C)
function(idf_component_register)
  cmake_parse_arguments(part "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
  get_filename_component(name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_library(${name} STATIC ${part_SRCS})
  target_include_directories(${name} PUBLIC ${part_INCLUDE_DIRS})
  target_link_libraries(${name} PUBLIC ${part_REQUIRES})
endfunction()
add_subdirectory(%(component)s component)
add_subdirectory(%(component)s/examples/first_run/main main)
add_executable(app start.c)
target_link_libraries(app main)
"""


@pytest.mark.host
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_esp_idf_component_registers_its_sources(made: Exported, tmp_path: Path) -> None:
    component = made.of("esp-idf")
    manifest = yaml.safe_load((component / "idf_component.yml").read_text("ascii"))
    assert manifest["version"] == __version__
    assert manifest["description"] and manifest["dependencies"]["idf"].startswith(">=")
    project = (component / "examples" / "first_run" / "CMakeLists.txt").read_text("ascii")
    assert "$ENV{IDF_PATH}/tools/cmake/project.cmake" in project
    (tmp_path / "CMakeLists.txt").write_text(IDF % {"component": component})
    (tmp_path / "start.c").write_text("void app_main(void);\nint main(void) { app_main(); }\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build")
    run("cmake", "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "app") == made.grey_outputs()
