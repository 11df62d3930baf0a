"""The headers in C++: all of them are read, what they declare is found by the linker."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mcucc.base.package_data import resource_dir
from mcucc.boards.board import load_board
from mcucc.schedule.plan.plan import ImagePolicy
from tests.codegen.test_golden import residual
from tests.whole.library import library

pytestmark = pytest.mark.host
MAIN = """
#include "net.h"
#include "net_weights.h"
#include "mcucc/boxes.h"
#include "mcucc/camera.h"
#include <stdio.h>
#include <string.h>

NET_STATIC_ARENA(arena);
static uint8_t picture[NET_IMAGE_HEIGHT * NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS];

int main()
{
    mcucc_mapped_image image = {picture, NET_IMAGE_WIDTH * NET_IMAGE_CHANNELS};
    mcucc_box box;
    static const int8_t list[sizeof(mcucc_box)] = {};
    memset(picture, 7, sizeof picture);
    mcucc_mapped_row(&image, 0, 1, picture);
    net_run_mapped(arena, picture);
    for (int i = 0; i < 3; i++) {
        printf("%d ", net_output_fc_7(arena)[i]);
    }
    printf("%d\\n", int(mcucc_read_boxes(list, 1, 0, &box)));
    return 0;
}
"""


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["c++98", "c++11", "gnu++17"])
def test_every_header_of_the_runtime_is_read_alone(
    compiler: str, standard: str, tmp_path: Path
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    include = resource_dir("runtime_c") / "include"
    public = ("abi", "boxes", "camera", "compiler", "frame", "lines", "mcucc")
    for path in sorted((include / "mcucc").iterdir()):
        if standard != "c++98" or path.stem in public:
            source = tmp_path / f"{path.stem}.cpp"
            source.write_text(f'#include "mcucc/{path.name}"\n#include "mcucc/{path.name}"\n')
    words = [compiler, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    words += [f"-I{include}", "-Wno-unused-function", *map(str, sorted(tmp_path.glob("*.cpp")))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]


def test_a_program_in_cplusplus_links_with_the_network(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("no g++")
    board, image = load_board("rpi-pico"), ImagePolicy.MAPPED
    made = library(residual(), board, tmp_path, "net", image=image)
    include = ["-I.", "-Iruntime/include"]
    runtime = resource_dir("runtime_c")
    shutil.copy(runtime / "include" / "mcucc" / "boxes.h", tmp_path / "runtime/include/mcucc")
    boxes = runtime / "kernels" / "portable" / "boxes.c"
    sources = [*made.unit.sources, *made.kernels, boxes]
    (tmp_path / "main.cpp").write_text(MAIN)
    subprocess.run(["gcc", "-c", *include, *sources], check=True, cwd=tmp_path)
    warnings = ["-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror"]
    subprocess.run(["g++", *warnings, *include, "-c", "main.cpp"], check=True, cwd=tmp_path)
    objects = [path.name for path in tmp_path.glob("*.o")]
    subprocess.run(["g++", *objects, "-o", "main"], check=True, cwd=tmp_path)
    said = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout
    scores = made.expected([bytes([7]) * (6 * 6 * 3)])[0]
    assert said.split() == [str(v - 256 if v > 127 else v) for v in scores] + ["0"]
