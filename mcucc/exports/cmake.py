"""CMake: a package that is built, installed and found by find_package."""

from __future__ import annotations

from mcucc.exports.library import Files, Library, c_files


def files(library: Library) -> Files:
    """The project's folder."""
    placed = library.placed("include", "src")
    example = "examples/first_run"
    return {
        "CMakeLists.txt": library.render("cmake/CMakeLists.txt.j2", sources=c_files(placed)),
        f"cmake/{library.name}Config.cmake": library.render("cmake/Config.cmake.j2"),
        **library.papers(f"{example}/first_run.c"),
        **placed,
        f"{example}/CMakeLists.txt": library.render("cmake/example.cmake.j2"),
        f"{example}/first_run.c": library.first_run(),
    }
