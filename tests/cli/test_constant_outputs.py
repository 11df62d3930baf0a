"""Outputs that no input reaches: tables in C, named by every verb, compared with the file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcucc.codegen.constant_outputs import MOST_VALUES, constant_tables
from mcucc.frontends.imported import ConstantOutput
from mcucc.ir.tensor import Quant
from mcucc.toolchain.compilers import host_compiler
from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, mcucc
from tests.codegen.test_golden import STRICT
from tests.frontends.onnx_nets import Net
from tests.frontends.test_tflite_constants_out import network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network with anchors whose name is not one of C, compiled for a board."""
    place = tmp_path_factory.mktemp("constants")
    n = Net([1, 3, HEIGHT, WIDTH])
    anchors = n("Tile", n.const([[1.0, 0.1]]), n.ints(3, 1), out='an"chors/*')
    n.save(place, anchors, n.conv("image", 3, 4, out="scores"))
    (place / "net.toml").write_text(TOML)
    rng = np.random.default_rng(0)
    np.savez(place / "data.npz", images=rng.integers(0, 256, (4, HEIGHT, WIDTH, 3), np.uint8))
    np.save(place / "one.npy", rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    options = ("--board", BOARD, "--data", place / "data.npz", "--out", place / "out")
    done = mcucc("compile", place / "net.onnx", *options)
    assert done.code == 0, done.err
    assert "net_constant_an_chors of net_constants.h" in " ".join(done.out.split())
    return place


def test_they_are_tables_in_c_that_are_linked_only_where_used(folder: Path) -> None:
    out = folder / "out"
    assert "const float net_constant_an_chors[6]" in (out / "net_constants.h").read_text()
    assert b"net_constant_an_chors" not in (out / "net.elf").read_bytes()
    assert "net_constants.c" in (out / "CMakeLists.txt").read_text()
    (fact,) = json.loads((out / "report.json").read_text())["constant_outputs"]
    assert fact == {
        "name": 'an"chors/*',
        "shape": [3, 2],
        "dtype": "float32",
        "symbol": "net_constant_an_chors",
    }
    assert "the table net_constant_an_chors of" in (out / "report.html").read_text()


def test_run_gives_their_values(folder: Path) -> None:
    run = ("run", folder / "out", "--input", folder / "one.npy", "--emulator", "host")
    told = json.loads(mcucc(*run, "--json").out)
    want = np.float32([[1.0, 0.1]] * 3).tolist()
    assert told["constant_outputs"] == {'an"chors/*': want}
    assert "the same for every picture" in mcucc(*run).out


def test_validate_reads_the_table_and_asks_the_runtime(folder: Path) -> None:
    command = ("validate", folder / "out", "--data", folder / "data.npz", "--emulator", "none")
    done = mcucc(*command)
    assert done.code == 0, done.out
    assert "net_constant_an_chors, as in the file" in " ".join(done.out.split())
    source = folder / "out" / "net_constants.c"
    right = source.read_text()
    source.write_text(right.replace("0.100000001f", "0.1000001f", 1))
    wrong = mcucc(*command)
    source.write_text(right)
    assert wrong.code == 1
    assert "the C has other values than the import" in " ".join(wrong.out.split())


def test_those_of_an_int8_file_are_litert_s(tmp_path: Path) -> None:
    path, value = network(tmp_path, computed=True)
    np.save(tmp_path / "x.npy", value)
    out = tmp_path / "out"
    compiled = mcucc("compile", path, "--board", BOARD, "--out", out, "--c-only")
    assert compiled.code == 0, compiled.err
    done = mcucc("validate", out, "--data", tmp_path / "x.npy", "--emulator", "none")
    assert done.code == 0, done.out
    assert "net_constant_anchors, as in the file" in " ".join(done.out.split())


def test_every_type_is_written_as_itself(tmp_path: Path) -> None:
    """Read back by a C compiler, with all warnings: the least and the largest of every type."""
    kinds = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    outputs = {
        kind: ConstantOutput(np.array([np.iinfo(kind).min, np.iinfo(kind).max], kind))
        for kind in kinds
    }
    reals = [np.pi, -np.inf, np.inf, 1e30, 3.0, 5e-324]
    outputs |= {kind: ConstantOutput(np.array(reals, kind)) for kind in ("float32", "float64")}
    outputs["bool"] = ConstantOutput(np.array([True, False]))
    outputs["float16"] = ConstantOutput(np.array([0.1, 65504], np.float16))
    outputs["int8 too"] = ConstantOutput(np.array(-3, np.int8), Quant((0.5,), 7))
    tables = constant_tables("net", outputs)
    lines = ["#include <stdint.h>", "#include <stdio.h>", "#include <math.h>"]
    for table in tables:
        assert table.values is not None
        body = "\n".join(table.lines)
        lines.append(f"static const {table.c_type} {table.symbol}[] = {{\n{body}\n}};")
    writes = "".join(f"fwrite({t.symbol}, 1, sizeof {t.symbol}, stdout);" for t in tables)
    lines.append(f"int main(void) {{ {writes} return 0; }}")
    source = tmp_path / "tables.c"
    source.write_text("\n".join(lines))
    command = [*host_compiler(None).command, "-std=c99", *STRICT, source, "-o", tmp_path / "show"]
    subprocess.run(command, check=True)
    shown = subprocess.run([tmp_path / "show"], capture_output=True, check=True).stdout
    assert shown == b"".join(t.values.tobytes() for t in tables if t.values is not None)


def test_texts_and_too_many_values_have_no_table() -> None:
    outputs = {
        "words": ConstantOutput(np.array(["a"])),
        "many": ConstantOutput(np.zeros(MOST_VALUES + 1, np.int8)),
        "few": ConstantOutput(np.zeros(2, np.int8)),
    }
    symbols = [table.symbol for table in constant_tables("net", outputs)]
    assert symbols == ["", "", "net_constant_few"]
