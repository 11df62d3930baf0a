"""What tests of exports share: commands, and an application that runs two networks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.exports.conftest import Exported

STRICT = "-Wall -Wextra -Wconversion -Wpedantic -Werror"
MAIN = "int main(void)"
# CMake by ninja takes half the time of make.
QUICK = {"CMAKE_GENERATOR": "Ninja"} if shutil.which("ninja") else {}


def run(
    *words: object, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """What a command prints; its complaint when it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
        env={**os.environ, **QUICK, **(environment or {})},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(*tools: str) -> pytest.MarkDecorator:
    """Skips, and says which of these programs are missing: `make extras` installs them."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    reason = f"not installed: {', '.join(missing)} (make extras)"
    return pytest.mark.skipif(bool(missing), reason=reason)


def application(examples: Sequence[Path], folder: Path, entry: str = MAIN) -> list[Path]:
    """An application of two examples: the first in C, the second in C++, under one entry.

    The examples are the files as exported, each a `main` of its own; here they are functions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, (example, suffix) in enumerate(zip(examples, (".c", ".cpp"), strict=True)):
        text = example.read_text("ascii")
        function = f"int run{number}(void)"
        if suffix == ".cpp":
            function = f'extern "C" {function}'
        assert text.count(entry) == 1
        text = text.replace(entry, function)
        if entry != MAIN:  # a void one
            text = text.replace("one_inference();\n}", "one_inference();\n    return 0;\n}")
        made.append(folder / f"example{number}{suffix}")
        made[-1].write_text(text, "ascii")
    both = "run0();\n    run1();\n" + ("    return 0;\n" if entry == MAIN else "")
    made.append(folder / "application.c")
    made[-1].write_text(f"int run0(void);\nint run1(void);\n{entry}\n{{\n    {both}}}\n", "ascii")
    return made


def both_outputs(pair: tuple[Exported, Exported]) -> str:
    """What the application prints."""
    return "".join(network.printed() for network in pair)
