"""ESP-IDF: Espressif's component manager takes the manifest; the CMake files run under a stand-in.

ESP-IDF is no package. What of it a component sees is played here as documented: components are
found in a project's `components` and in EXTRA_COMPONENT_DIRS, `main` requires them by name.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from mcucc import __version__
from tests.exports.conftest import Exported
from tests.exports.tools import application, both_outputs, needs, run

Pair = tuple[Exported, Exported]

PROJECT = """
function(idf_component_register)
  cmake_parse_arguments(part "" "" "SRCS;INCLUDE_DIRS;REQUIRES" ${ARGN})
  get_filename_component(name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  add_library(__idf_${name} STATIC ${part_SRCS})
  target_include_directories(__idf_${name} PUBLIC ${part_INCLUDE_DIRS})
  target_compile_options(__idf_${name} PRIVATE -Og)
  foreach(required ${part_REQUIRES})
    target_link_libraries(__idf_${name} PUBLIC __idf_${required})
  endforeach()
  set(COMPONENT_LIB __idf_${name} PARENT_SCOPE)
endfunction()
macro(project name)
  _project(${name} C CXX)
  file(GLOB found ${CMAKE_SOURCE_DIR}/components/*)
  foreach(component ${EXTRA_COMPONENT_DIRS} ${found} ${CMAKE_SOURCE_DIR}/main)
    get_filename_component(component ${component} ABSOLUTE)
    get_filename_component(folder ${component} NAME)
    add_subdirectory(${component} component_${folder})
  endforeach()
  file(WRITE ${CMAKE_BINARY_DIR}/start.c
       "void app_main(void);\\nint main(void) { app_main(); return 0; }\\n")
  add_executable(${name} ${CMAKE_BINARY_DIR}/start.c)
  target_link_libraries(${name} __idf_main)
endmacro()
"""


def built(project: Path, name: str, folder: Path) -> str:
    """Builds a project as idf.py does and returns what it prints."""
    (folder / "tools" / "cmake").mkdir(parents=True)
    (folder / "tools" / "cmake" / "project.cmake").write_text(PROJECT, "utf-8")
    build = folder / "build"
    run("cmake", "-S", project, "-B", build, environment={"IDF_PATH": str(folder)})
    run("cmake", "--build", build)
    return run(build / name)


@pytest.mark.host
@pytest.mark.slow
@needs("cmake", "g++")
def test_the_example_project_builds_as_it_stands(pair: Pair, tmp_path: Path) -> None:
    project = pair[0].of("esp-idf") / "examples" / "first_run"
    assert built(project, "first_run", tmp_path / "idf") == pair[0].printed()


@pytest.mark.host
@pytest.mark.slow
@needs("cmake", "g++")
def test_two_networks_are_components_of_a_project(pair: Pair, tmp_path: Path) -> None:
    project = tmp_path / "Projekt für zwei"
    for network in pair:
        shutil.copytree(network.of("esp-idf"), project / "components" / network.code.name)
    examples = [
        network.of("esp-idf") / "examples" / "first_run" / "main" / "first_run.c"
        for network in pair
    ]
    application(examples, project / "main", "void app_main(void)")
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\n"
        "include($ENV{IDF_PATH}/tools/cmake/project.cmake)\nproject(both)\n"
    )
    (project / "main" / "CMakeLists.txt").write_text(
        'idf_component_register(SRCS "application.c" "example0.c" "example1.cpp"\n'
        "    REQUIRES first second)\n"
    )
    assert built(project, "both", tmp_path / "idf") == both_outputs(pair)


@pytest.mark.skipif(
    importlib.util.find_spec("idf_component_manager") is None,
    reason="not installed: idf-component-manager (the extra `test`)",
)
def test_the_component_manager_packs_it_without_a_warning(pair: Pair, tmp_path: Path) -> None:
    component, name = pair[1].of("esp-idf"), pair[1].code.name
    run(
        *(sys.executable, "-m", "idf_component_manager", "--warnings-as-errors"),
        *("component", "pack", "--name", name, "--project-dir", component),
        *("--dest-dir", tmp_path / "dist"),
        cwd=tmp_path,
        environment={"IDF_TOOLS_PATH": str(tmp_path / "tools")},
    )
    with tarfile.open(tmp_path / "dist" / f"{name}_{__version__}.tgz") as packed:
        inside = {path.removeprefix("./") for path in packed.getnames()}
    assert {"idf_component.yml", "CMakeLists.txt", "LICENSE", "README.md"} <= inside
    assert f"include/{name}.h" in inside
    assert (tmp_path / "dist" / f"{name}_{__version__}_examples.tgz").is_file()
