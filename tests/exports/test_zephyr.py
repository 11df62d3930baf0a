"""Zephyr: the module and its sample under a small stand-in for Zephyr's build.

Zephyr is no package. What of it a module sees is played here as documented: modules are found by
ZEPHYR_EXTRA_MODULES and read by zephyr/module.yml, Kconfig is evaluated by kconfiglib (whose copy
Zephyr uses) with prj.conf, libraries are linked whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.exports.conftest import Exported
from tests.exports.tools import application, both_outputs, needs, run

Pair = tuple[Exported, Exported]

PACKAGE = """
include(${ZEPHYR_CONFIGURATION})
project(zephyr C CXX)
macro(zephyr_library_named name)
  set(zephyr_current ${name})
  add_library(${name} STATIC)
  set_property(GLOBAL APPEND PROPERTY zephyr_libraries ${name})
endmacro()
macro(zephyr_library_sources)
  target_sources(${zephyr_current} PRIVATE ${ARGN})
endmacro()
macro(zephyr_library_compile_options)
  target_compile_options(${zephyr_current} PRIVATE ${ARGN})
endmacro()
macro(zephyr_include_directories)
  foreach(folder ${ARGN})
    get_filename_component(folder ${folder} ABSOLUTE)
    set_property(GLOBAL APPEND PROPERTY zephyr_include ${folder})
  endforeach()
endmacro()
set(number 0)
foreach(module ${ZEPHYR_EXTRA_MODULES})
  math(EXPR number "${number} + 1")
  add_subdirectory(${module} module${number})
endforeach()
get_property(include GLOBAL PROPERTY zephyr_include)
get_property(libraries GLOBAL PROPERTY zephyr_libraries)
add_executable(app)
target_include_directories(app PRIVATE ${include})
foreach(library ${libraries})
  target_include_directories(${library} PRIVATE ${include})
endforeach()
target_link_libraries(app PRIVATE -Wl,--whole-archive ${libraries} -Wl,--no-whole-archive)
"""
# Of Zephyr's own Kconfig, what a sample sets.
KCONFIG = """
config CONSOLE
\tbool "console"
config PRINTK
\tbool "printk"
config MAIN_STACK_SIZE
\tint "stack of main"
"""


def configured(modules: Sequence[Path], settings: Path, folder: Path) -> dict[str, str]:
    """What settings make of the modules' Kconfig: name to value. Warnings are errors."""
    kconfiglib = pytest.importorskip("kconfiglib")
    files = []
    for module in modules:
        about = yaml.safe_load((module / "zephyr" / "module.yml").read_text("ascii"))
        files.append(module / about["build"]["kconfig"])
    text = KCONFIG + "".join(f'osource "{file}"\n' for file in files)
    (folder / "Kconfig").write_text(text, "utf-8")
    config = kconfiglib.Kconfig(str(folder / "Kconfig"), warn_to_stderr=False)
    config.warn_assign_undef = True
    config.load_config(str(settings))
    assert config.warnings == []
    return {name: symbol.str_value for name, symbol in config.syms.items() if symbol.nodes}


def built(application: Path, modules: Sequence[Path], folder: Path, *options: str) -> str:
    """Builds an application as west does and returns what it prints."""
    folder.mkdir()
    values = configured(modules, application / "prj.conf", folder)
    chosen = [f'set(CONFIG_{name} "{value}")' for name, value in values.items() if value != "n"]
    (folder / "config.cmake").write_text("\n".join(chosen), "utf-8")
    (folder / "ZephyrConfig.cmake").write_text(PACKAGE, "utf-8")
    configuration = f"-DZEPHYR_CONFIGURATION={folder / 'config.cmake'}"
    base = {"ZEPHYR_BASE": str(folder)}
    words = ("-S", application, "-B", folder / "build", configuration, *options)
    run("cmake", *words, environment=base)
    run("cmake", "--build", folder / "build")
    return run(folder / "build" / "app")


@pytest.mark.host
@pytest.mark.slow
@needs("cmake", "g++")
def test_the_sample_builds_as_it_stands(pair: Pair, tmp_path: Path) -> None:
    module = pair[0].of("zephyr")
    sample = module / "samples" / "first_run"
    assert built(sample, [module], tmp_path / "zephyr") == pair[0].printed()


@pytest.mark.host
@pytest.mark.slow
@needs("cmake", "g++")
def test_an_application_switches_two_networks_on(pair: Pair, tmp_path: Path) -> None:
    modules = [network.of("zephyr") for network in pair]
    project = tmp_path / "Anwendung für zwei"
    samples = [module / "samples" / "first_run" for module in modules]
    application([sample / "src" / "main.c" for sample in samples], project)
    settings = "".join((sample / "prj.conf").read_text("ascii") for sample in samples)
    (project / "prj.conf").write_text("\n".join(dict.fromkeys(settings.splitlines())))
    (project / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\n"
        "find_package(Zephyr REQUIRED HINTS $ENV{ZEPHYR_BASE})\nproject(both)\n"
        "target_sources(app PRIVATE application.c example0.c example1.cpp)\n"
    )
    extra = f"-DZEPHYR_EXTRA_MODULES={';'.join(str(module) for module in modules)}"
    assert built(project, modules, tmp_path / "zephyr", extra) == both_outputs(pair)


def test_a_network_is_off_until_it_is_asked_for(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "prj.conf").write_text("CONFIG_MCUCC_SECOND=y\n")
    modules = [network.of("zephyr") for network in pair]
    values = configured(modules, tmp_path / "prj.conf", tmp_path)
    assert (values["MCUCC_FIRST"], values["MCUCC_SECOND"]) == ("n", "y")


def test_a_module_of_another_place_is_found_by_the_sample(pair: Pair, tmp_path: Path) -> None:
    module = shutil.copytree(pair[0].of("zephyr"), tmp_path / "modules" / "lib" / "first")
    text = (module / "samples" / "first_run" / "CMakeLists.txt").read_text("ascii")
    assert "${CMAKE_CURRENT_SOURCE_DIR}/../.." in text and str(tmp_path) not in text
