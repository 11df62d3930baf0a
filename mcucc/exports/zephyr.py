"""Zephyr: a module with its Kconfig switch, and a sample that twister runs and judges."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcucc.exports.library import Files, Library, c_files

LONGEST = 200  # characters of a line that twister compares
OTHER_RAM = 16384  # bytes beside the arena: kernel, stacks, console


def files(library: Library) -> Files:
    """The module's folder, for ZEPHYR_EXTRA_MODULES or a west manifest."""
    placed = library.placed("include", "src")
    sample = "samples/first_run"
    return {
        "zephyr/module.yml": library.render("zephyr/module.yml.j2"),
        "CMakeLists.txt": library.render("zephyr/CMakeLists.txt.j2", sources=c_files(placed)),
        "Kconfig": library.render("zephyr/Kconfig.j2"),
        **library.papers(f"{sample}/src/main.c"),
        **placed,
        f"{sample}/CMakeLists.txt": library.render("zephyr/sample.cmake.j2"),
        f"{sample}/prj.conf": library.render("zephyr/prj.conf.j2"),
        f"{sample}/sample.yaml": sample_yaml(library),
        f"{sample}/src/main.c": library.first_run(),
    }


def sample_yaml(library: Library) -> str:
    """The test that twister runs: each line on the console as the reference in Python has it."""
    kilobytes = -(-(library.code.arena_bytes + OTHER_RAM) // 1024)
    lines = [
        "# Twister builds and runs the sample, and compares what it prints with the reference in",
        "# Python: twister -T . --device-testing, or -p an emulated board.",
        "sample:",
        f"  name: {_quoted(f'{library.name}: one inference')}",
        "tests:",
        f"  sample.mcucc.{library.name}:",
        "    tags: mcucc",
        f"    min_ram: {kilobytes}",
        "    timeout: 60",
        # Bytes are judged, not speed: twister makes warnings errors, on whatever core.
        "    extra_args: EXTRA_CFLAGS=-DMCUCC_ALLOW_SLOW",
        "    harness: console",
        "    harness_config:",
        "      type: multi_line",
        "      ordered: true",
        "      regex:",
        *(f"        - {_quoted(regex)}" for regex in _regexes(library)),
    ]
    return "\n".join(lines) + "\n"


def _regexes(library: Library) -> Iterator[str]:
    """A regular expression for each line; of a long one as many words as go into LONGEST."""
    for line in library.expected:
        if len(line) <= LONGEST:
            yield f"{re.escape(line)}\\s*$"
        else:
            yield re.escape(line[: line.rindex(" ", 0, LONGEST) + 1])


def _quoted(text: str) -> str:
    """Text in YAML, in single quotes, in which nothing but these is special."""
    return "'" + text.replace("'", "''") + "'"
