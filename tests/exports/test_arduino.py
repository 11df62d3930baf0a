"""Arduino: its builder compiles for an AVR, whose int has 16 bits, and simavr runs the sketch."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mcucc.base.package_data import resource_dir
from tests.exports.conftest import Exported
from tests.exports.tools import needs, run

HARDWARE = Path("/usr/share/arduino/hardware")
AVR = pytest.mark.skipif(
    not (HARDWARE / "arduino" / "avr").is_dir(),
    reason="not installed: arduino-core-avr (make extras)",
)
pytestmark = [pytest.mark.emulated, pytest.mark.slow, needs("avr-gcc")]
# What the builder's own platform.txt says, which Debian puts where it is not looked for.
CTAGS = "-u --language-force=c++ -f - --c++-kinds=svpf --fields=KSTtzns --line-directives"
PREFERENCES = {
    "tools.ctags.pattern": f'"/usr/bin/arduino-ctags" {CTAGS} "{{source_file}}"',
    "preproc.macros.flags": "-w -x c++ -E -CC",
    "compiler.path": "/usr/bin/",
    # gcc 5 defines it for C only, the core of this version uses it in C++.
    "compiler.cpp.extra_flags": "-DDECIMAL_DIG=17",
}
SKETCH = """
void run_first();
void run_second();
void setup() {
    Serial.begin(115200);
    run_first();
    run_second();
    Serial.print("##end\\n");
}
void loop() {}
"""


def example(network: Exported) -> str:
    """An example as one file of a larger sketch, which has the only setup and loop."""
    sketch = network.of("arduino") / "examples" / "first_run" / "first_run.ino"
    body = sketch.read_text("ascii").split("void setup()")[0]
    name = network.code.name
    return f"#include <Arduino.h>\n{body}\nvoid run_{name}() {{ one_inference(); }}\n"


def built(sketch: Path, libraries: Path, folder: Path) -> Path:
    """The sketch for an Arduino Mega; returns the ELF file."""
    folder.mkdir()
    preferences = [f"-prefs={key}={value}" for key, value in PREFERENCES.items()]
    run(
        *("arduino-builder", "-compile", "-hardware", HARDWARE, "-tools", "/usr/bin"),
        *("-libraries", libraries, "-fqbn", "arduino:avr:mega:cpu=atmega2560"),
        *("-build-path", folder, "-warnings", "all", *preferences, sketch),
    )
    return folder / f"{sketch.name}.elf"


def simulated(program: Path) -> str:
    """What the sketch prints until its last line, at most a minute long."""
    words = ["simavr", "-m", "atmega2560", "-f", "16000000", str(program)]
    output = program.with_suffix(".txt")
    with output.open("wb") as file:
        simulator = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end and simulator.poll() is None:
            if b"##end" in output.read_bytes():
                break
            time.sleep(0.1)
    finally:
        simulator.kill()
        simulator.wait()
    return re.sub(r"\x1b\[\d*m|\r", "", output.read_text("latin-1"))


@AVR
@needs("arduino-builder", "simavr")
def test_a_sketch_of_two_networks_computes_what_numpy_does(
    pair: tuple[Exported, Exported], tmp_path: Path
) -> None:
    sketch = tmp_path / "both" / "both.ino"
    sketch.parent.mkdir()
    sketch.write_text(SKETCH)
    libraries = tmp_path / "Bibliotheken für zwei"
    for network in pair:
        name = network.code.name
        shutil.copytree(network.of("arduino"), libraries / name)
        (sketch.parent / f"{name}_example.cpp").write_text(example(network))
    printed = simulated(built(sketch, libraries, tmp_path / "build"))
    wanted = "".join(network.printed() for network in pair) + "##end"
    # The simulator ends each line with two dots: what it prints of \\r and \\n.
    lines = [line.rstrip(".") for line in printed.splitlines()]
    assert [line for line in lines if line] == wanted.splitlines()


@AVR
@needs("arduino-builder")
def test_the_example_is_a_sketch_as_it_stands(
    pair: tuple[Exported, Exported], tmp_path: Path
) -> None:
    first = pair[0].of("arduino")
    sketch = first / "examples" / "first_run" / "first_run.ino"
    assert built(sketch, first.parent, tmp_path / "build").is_file()


def test_no_kernel_counts_on_more_than_16_bits_in_an_int() -> None:
    runtime = resource_dir("runtime_c")
    flags = ("-mmcu=atmega2560", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror")
    kernels = sorted((runtime / "kernels" / "portable").glob("*.c"))
    assert kernels
    run("avr-gcc", *flags, "-fsyntax-only", f"-I{runtime / 'include'}", *kernels)
