"""Arduino: library.properties, everything to compile in src/, a sketch in examples/.

The builder compiles src/ with all its folders and gives the compiler no include path but src/.
"""

from __future__ import annotations

from mcucc.exports.library import Files, Library


def files(library: Library) -> Files:
    """The library's folder, for the sketchbook's `libraries`."""
    return {
        "library.properties": library.render("arduino/library.properties.j2"),
        **library.papers("examples/first_run/first_run.ino"),
        **library.placed("src", "src"),
        "examples/first_run/first_run.ino": library.render("arduino/first_run.ino.j2"),
    }
