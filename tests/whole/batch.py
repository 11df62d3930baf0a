"""Many networks under many plans in one program: what random tests compile and compare."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mcucc.codegen.model import Origin, model_code
from mcucc.codegen.write import write_library
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.text import integer_text
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.program import Program
from mcucc.toolchain.compilers import WARNINGS, compile_objects, host_compiler, run_tool
from mcucc.toolchain.firmware import ModelUnit, include_folders, unit_of

PORTS = "const mcucc_camera *c, const mcucc_sink *o"
HERE = Path(__file__).resolve().parent
# -O0: the sanitizers see more and the compiler needs a third of the time.
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O0", "-g0")


@dataclass(frozen=True, eq=False)
class Case:
    """A network under a plan; `integer` is the network before kernels were chosen."""

    integer: IntegerGraph
    program: Program

    def cameras(self) -> dict[str, CameraInput]:
        """Camera bytes are int8 with the sign bit flipped."""
        shapes = {name: self.integer.activations[name] for name in self.integer.inputs}
        return {name: CameraInput.offset(a.channels) for name, a in shapes.items()}

    def pictures(self, count: int) -> list[bytes]:
        """Camera bytes of all inputs; the first are 0, the second 255."""
        size = sum(self.integer.activations[name].size for name in self.integer.inputs)
        drawn = np.random.default_rng(size).integers(0, 256, (count, size), np.uint8)
        drawn[:1], drawn[1:2] = 0, 255
        return [picture.tobytes() for picture in drawn]

    def expected(self, pictures: Sequence[bytes]) -> bytes:
        """Outputs of the layer-by-layer reference in NumPy."""
        parts = []
        for raw in pictures:
            inputs, at = {}, 0
            for name in self.integer.inputs:
                a = self.integer.activations[name]
                pixels = np.frombuffer(raw[at : at + a.size], np.uint8).reshape(1, *a.shape)
                inputs[name] = CameraInput.offset(a.channels).apply(pixels)
                at += a.size
            values = self.integer.run(inputs)
            parts += [values[name].tobytes() for name in self.integer.outputs]
        return b"".join(parts)

    def words(self) -> str:
        """All it takes to see what was drawn."""
        return f"{integer_text(self.integer)}\n{self.program.plan.to_json()}"


def write_units(cases: Sequence[Case], folder: Path) -> tuple[list[ModelUnit], list[Path]]:
    """The C of every case as net0, net1, ... and the kernels that they need, each once."""
    units, kernels = [], {}
    for number, case in enumerate(cases):
        check(case.program)
        name = f"net{number}"
        code = model_code(case.program, case.cameras(), name, Origin("test", "0" * 64, "test"))
        home = folder / name
        home.mkdir(parents=True)
        sources = write_library(code, home)
        unit, needed = unit_of(
            name, case.program.arena_bytes, home, sources, case.program.row_output_bytes
        )
        units.append(unit)
        kernels |= {path.relative_to(home): path for path in needed}
    return units, [kernels[key] for key in sorted(kernels)]


@cache
def sanitizing() -> str | None:
    """The compiler of what runs under sanitizers: clang where it links with them, else the usual.

    It takes two fifths of gcc's time for generated C, and its sanitizers look at more.
    """
    clang = shutil.which("clang")
    if clang is None:
        return None
    linked = subprocess.run(
        [clang, *SANITIZED, "-x", "c", "-", "-o", os.devnull],
        input="int main(void) { return 0; }\n",
        text=True,
        capture_output=True,
        check=False,
    )
    return clang if linked.returncode == 0 else None


def run_batch(cases: Sequence[Case], folder: Path, images: int = 2) -> list[bytes]:
    """Outputs of every case from one program under ASan and UBSan."""
    units, kernels = write_units(cases, folder)
    sources = []
    for unit in units:  # one file a network: half of the time is the compiler's start
        source = unit.sources[0].parent / "all.c"
        source.write_text("".join(f'#include "{path.name}"\n' for path in unit.sources))
        sources.append(source)
    table = folder / "table.c"
    table.write_text(batch_table(cases))
    compiler = host_compiler(sanitizing())
    include = [f"-I{each}" for each in (*include_folders(units), HERE)]
    options = ["-std=c99", *WARNINGS, *include, *SANITIZED]
    everything = [*sources, *kernels, table, HERE / "batch.c", HERE / "broken.c"]
    objects = compile_objects(compiler, everything, options, Path("objects"), folder)
    words = [str(each) for each in objects]
    run_tool([*compiler.command, *SANITIZED, *words, "-o", "batch"], what="linking", cwd=folder)
    (folder / "input.bin").write_bytes(
        b"".join(picture for case in cases for picture in case.pictures(images))
    )
    done = subprocess.run(
        [str(folder / "batch"), "input.bin", "output.bin", str(images)],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return split(cases, (folder / "output.bin").read_bytes(), images)


def batch_table(cases: Sequence[Case]) -> str:
    """The networks of batch.c, as a whole and in slices."""
    lines = [f'#include "net{number}.h"' for number in range(len(cases))]
    lines.append('#include "batch.h"')
    entries = []
    for number, case in enumerate(cases):
        name, plan = f"net{number}", case.program.plan
        ports = ["c"] * plan.image.streams + ["o"] * bool(plan.row_outputs)
        call = f"{name}_run_slice({', '.join(['a', 's', *ports])})"
        lines.append(f"static int32_t slice_{number}(void *a, int32_t s, {PORTS})")
        lines.append("{ (void)c; (void)o;")
        lines.append(f"return {call}; }}" if ports else f"{call}; return 0; }}")
        begun = ", ".join([f"state_{number} + turn_{number}", "a", *ports])
        lines += [
            f"static {name}_state state_{number}[2];",
            f"static int turn_{number};",
            f"static uint8_t *bands_{number}[{len(case.integer.inputs)}];",
            f"static mcucc_frame *begin_{number}(void *a, {PORTS})",
            f"{{ (void)c; (void)o; turn_{number} ^= 1; {name}_begin({begun});",
            f"return &state_{number}[turn_{number}].frame; }}",
        ]
        called = f"slice_{number}, begin_{number}, {int(plan.image is ImagePolicy.ROWS)}"
        slices = f"{name.upper()}_SLICES"
        entries.append(f"{{&{name}_model, {slices}, {called}, bands_{number}}},")
    lines += ["const batch_network batch_networks[] = {", *entries, "};"]
    return "\n".join([*lines, f"const int batch_count = {len(cases)};", ""])


def split(cases: Sequence[Case], data: bytes, images: int) -> list[bytes]:
    """The outputs of each case."""
    found, at = [], 0
    for case in cases:
        size = images * sum(case.integer.activations[n].size for n in case.integer.outputs)
        found.append(data[at : at + size])
        at += size
    assert at == len(data)
    return found
