"""Two versions of the runtime: each network calls its own, headers of another are refused."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import mcucc.codegen.write as write
from mcucc import __version__
from mcucc.base.package_data import resource_dir
from mcucc.boards.board import load_board
from mcucc.runtime.abi import ABI_HEADER, runtime_abi
from mcucc.toolchain import host_compiler
from tests.codegen.test_golden import residual
from tests.whole.library import Library, library

pytestmark = pytest.mark.host
RUNTIME = resource_dir("runtime_c")
OFFSET = ("0x80808080", "0x90808080")  # of camera bytes: what the other version computes otherwise
MAIN = """
#include <mcucc/mcucc.h>
#include <stdio.h>
#include <string.h>
static uint64_t arena[8192];
extern const mcucc_model first_model, second_model;
static void show(const mcucc_model *model)
{
    const mcucc_tensor *const image = model->inputs, *const y = model->outputs;
    const int32_t bytes = image->height * image->width * image->channels;
    memset((int8_t *)arena + image->offset, 200, (size_t)bytes);
    model->run(arena);
    for (int32_t i = 0; i < y->height * y->width * y->channels; i++) {
        printf("%d ", ((const int8_t *)arena)[y->offset + i]);
    }
    printf("\\n");
}
int main(void) { show(&first_model); show(&second_model); return 0; }
"""


def made(name: str, folder: Path) -> Library:
    return library(residual(), load_board("rpi-pico"), folder / name, name)


def made_by_another(name: str, folder: Path, patch: pytest.MonkeyPatch) -> Library:
    """The same network written by a mcucc whose runtime differs in one byte."""
    root = folder / "another"
    for part in ("include", "kernels"):
        shutil.copytree(RUNTIME / part, root / part)
    unit = root / "kernels" / "portable" / "camera.c"
    text = unit.read_text()
    assert text.count(OFFSET[0]) == 1
    unit.write_text(text.replace(*OFFSET))
    with patch.context() as patched:
        patched.setattr(write, "resource_dir", lambda _: root)
        return made(name, folder)


def gcc(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    (compiler,) = host_compiler().command
    return subprocess.run(
        [compiler, "-std=c99", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


def objects_of(sources: Sequence[Path], folder: Path, *flags: str) -> list[Path]:
    """All of them from one call of the compiler."""
    headers = ["-I", folder, "-I", folder / "runtime" / "include"]
    done = gcc("-O0", *flags, *headers, "-c", *sources, cwd=folder)
    assert done.returncode == 0, done.stderr
    return [folder / f"{source.stem}.o" for source in sources]


def archive(net: Library, *flags: str) -> Path:
    """The network and its runtime as a static library."""
    objects = objects_of([*net.unit.sources, *net.kernels], net.folder, *flags)
    subprocess.run(["gcc-ar", "rcs", net.folder / "lib.a", *objects], check=True)
    return net.folder / "lib.a"


def shown(first: Library, second: Library, folder: Path, *flags: str) -> list[str]:
    """What the two networks compute, linked into one program as two static libraries."""
    main = folder / "main.c"
    main.write_text(MAIN)
    archives = [net.folder / "lib.a" for net in (first, second)]
    for net in (first, second):
        if not (net.folder / "lib.a").exists():
            archive(net, *flags)
    include = f"-I{first.folder / 'runtime' / 'include'}"
    done = gcc("-O0", *flags, include, main, *archives, "-Wl,--gc-sections", "-o", folder / "both")
    assert done.returncode == 0, done.stderr
    program = [folder / "both"]
    return subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize(
    "flags",
    [
        "-ffunction-sections -fPIC",
        pytest.param("-flto -ffunction-sections -O2", marks=pytest.mark.slow),
    ],
)
def test_each_network_runs_the_runtime_it_was_written_with(
    flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made("first", tmp_path)
    second = made_by_another("second", tmp_path, monkeypatch)
    plain, other = shown(first, second, tmp_path, *flags.split())
    again = made("second", tmp_path / "same")
    assert shown(first, again, tmp_path, *flags.split()) == [plain, plain]
    assert other != plain, "the changed byte does not show: the test says nothing"


def test_a_runtime_of_another_version_is_a_link_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = made("first", tmp_path)
    another = made_by_another("second", tmp_path, monkeypatch)
    main = tmp_path / "main.c"
    main.write_text("#include <first.h>\nint main(void) { return first_model.step_count; }\n")
    include = ["-I", net.folder, "-I", net.folder / "runtime" / "include"]
    own = objects_of(net.unit.sources, net.folder)
    kernels = objects_of(another.kernels, another.folder)
    done = gcc(*include, main, *own, *kernels, "-Wl,--gc-sections", "-o", tmp_path / "mixed")
    abi = runtime_abi(RUNTIME)
    version = __version__.replace(".", "_")
    assert done.returncode != 0
    assert f"mcucc_camera_offset_of_runtime_{version}_{abi.digest}" in done.stderr
    kernels = objects_of(net.kernels, net.folder)
    done = gcc(*include, main, *own, *kernels, "-Wl,--gc-sections", "-o", tmp_path / "right")
    assert done.returncode == 0, done.stderr


def test_headers_of_another_version_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = made("first", tmp_path)
    another = made_by_another("second", tmp_path, monkeypatch)
    digest = runtime_abi(RUNTIME).digest
    for headers in (another.folder / "runtime" / "include", RUNTIME / "include"):
        for source in (net.folder / "first.c", net.folder / "first_model.c"):
            done = gcc("-I", headers, "-fsyntax-only", source)
            said = f"#error .*first was generated with the runtime of mcucc {__version__} {digest}"
            assert done.returncode != 0 and re.search(said, done.stderr), source


def test_every_function_of_a_header_carries_its_version(tmp_path: Path) -> None:
    shutil.copytree(RUNTIME / "include", tmp_path / "include")
    abi = runtime_abi(RUNTIME)
    (tmp_path / ABI_HEADER).write_text(abi.header())
    headers = sorted(path.name for path in (tmp_path / "include" / "mcucc").iterdir())
    every = tmp_path / "every.c"
    every.write_text("".join(f'#include "mcucc/{name}"\n' for name in headers))
    text = gcc("-E", "-P", "-I", tmp_path / "include", every).stdout.replace(";", ";\n")
    declared = set(re.findall(r"^ *(?!return)\w+ \*?(mcucc_\w+)\([^{};]*;", text, re.MULTILINE))
    assert len(declared) > 150
    assert [name for name in sorted(declared) if not name.endswith(abi.suffix)] == []


CROSS = {
    "portable": ["-mcpu=cortex-m0plus"],
    "armv7m": ["-mcpu=cortex-m3"],
    "armv7em": ["-mcpu=cortex-m4"],
    "mve": ["-mcpu=cortex-m55", "-mfloat-abi=hard"],
}


@pytest.mark.parametrize("old", [(), ("-DMCUCC_OLD_COMPILER",)], ids=["new", "old"])
@pytest.mark.parametrize("isa", [pytest.param(i, marks=pytest.mark.slow) for i in CROSS])
def test_every_function_of_the_runtime_carries_its_version(
    isa: str, old: tuple[str, ...], tmp_path: Path
) -> None:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("no arm-none-eabi-gcc")
    shutil.copytree(RUNTIME / "include", tmp_path / "include")
    abi = runtime_abi(RUNTIME)
    (tmp_path / ABI_HEADER).write_text(abi.header())
    names = []
    for unit in sorted((RUNTIME / "kernels" / isa).glob("*.c")):
        target = tmp_path / "unit.o"
        words = ["-mthumb", *CROSS[isa], *old, "-std=gnu99", "-O0", "-I", tmp_path / "include"]
        subprocess.run(["arm-none-eabi-gcc", *words, "-c", unit, "-o", target], check=True)
        with target.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".symtab")
            bound = [s for s in table.iter_symbols() if s["st_info"]["bind"] == "STB_GLOBAL"]
        own = [s.name for s in bound if s["st_shndx"] != "SHN_UNDEF"]
        names += own + [s.name for s in bound if s.name.startswith("mcucc_")]
    assert names and [name for name in names if not name.endswith(abi.suffix)] == []
