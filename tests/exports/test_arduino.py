"""Arduino: its builder compiles the sketch for an AVR, whose int has 16 bits, and simavr runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exports.conftest import Exported
from tests.exports.tools import needs, run

CORE = Path("/usr/share/arduino/hardware")
pytestmark = [
    pytest.mark.emulated,
    pytest.mark.slow,
    needs("arduino-builder", "avr-gcc", "simavr"),
    pytest.mark.skipif(
        not (CORE / "arduino" / "avr").is_dir(), reason="not installed: arduino-core-avr"
    ),
]
# Both networks in one sketch: each example is a file of it, with a name of its own.
SKETCH = """
void run_first();
void run_second();
void setup() { Serial.begin(115200); }
void loop() { run_first(); run_second(); Serial.println("##end"); Serial.flush(); for (;;) ; }
"""


def example(network: Exported) -> str:
    """The example as a file of a sketch: what stands in setup and loop is left to that."""
    name = network.code.name
    sketch = network.of("arduino") / "examples" / "first_run" / "first_run.ino"
    text = sketch.read_text("ascii")
    body = text[: text.index("void setup()")]
    return f"#include <Arduino.h>\n{body}\nvoid run_{name}() {{ one_inference(); }}\n"


def built(sketch: Path, libraries: Path, folder: Path) -> Path:
    """The sketch for an Arduino Mega; returns the ELF file."""
    folder.mkdir()
    run(
        *("arduino-builder", "-compile", "-hardware", CORE, "-hardware", CORE.parent / "hardware"),
        *("-tools", "/usr/bin", "-tools", "/usr/share/arduino-builder"),
        *("-libraries", libraries, "-fqbn", "arduino:avr:mega:cpu=atmega2560"),
        *("-build-path", folder, "-warnings", "all", sketch),
    )
    return folder / f"{sketch.name}.elf"
