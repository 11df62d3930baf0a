"""Zephyr: a module with its Kconfig switch, and a sample application."""

from __future__ import annotations

from mcucc.exports.library import Files, Library, c_files


def files(library: Library) -> Files:
    """The module's folder, for ZEPHYR_EXTRA_MODULES or a west manifest."""
    placed = library.placed("include", "src")
    sample = "samples/first_run"
    return {
        "zephyr/module.yml": library.render("zephyr/module.yml.j2"),
        "CMakeLists.txt": library.render("zephyr/CMakeLists.txt.j2", sources=c_files(placed)),
        "Kconfig": library.render("zephyr/Kconfig.j2"),
        **placed,
        f"{sample}/CMakeLists.txt": library.render("zephyr/sample.cmake.j2"),
        f"{sample}/prj.conf": library.render("zephyr/prj.conf.j2"),
        f"{sample}/src/main.c": library.first_run(),
    }
