"""Files beside the model: whatever their values, each is read as it is meant or refused."""

from __future__ import annotations

import io
import json
import shutil
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.base.package_data import resource_dir
from mcucc.boards.board import load_board
from mcucc.cli.output import PlainConsole
from mcucc.driver.folder import open_compiled
from mcucc.driver.network_file import load_graph
from mcucc.errors import DataError, McuccError, ModelError, OutputError
from mcucc.frontends.imported import Port
from mcucc.images.arrays import read_samples
from mcucc.images.datasets import load_dataset
from mcucc.images.preprocess import Preprocess, load_preprocess
from mcucc.images.samples import load_picture
from mcucc.quantize.lower import lower
from mcucc.report.compare import compare_reports
from mcucc.report.csv import layers_csv
from mcucc.report.html import report_page
from mcucc.report.stored import read_report, shown_of
from mcucc.report.terminal import print_layers, print_report
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.search.plan_file import read_plan
from tests.cli.project import TOML, Project
from tests.hostile.spoiled import spoiled
from tests.hostile.texts import MARK

COUNT = 60


def refused(data: Any, read: Callable[[Any], object], least: float = 0.5) -> None:
    """Spoiled copies of `data` are read or refused with a short message; most are refused."""
    refusals = 0
    for what, changed in spoiled(data, COUNT):
        try:
            read(changed)
        except McuccError as error:
            refusals += 1
            assert len(str(error)) < 3000, what
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    assert refusals >= least * COUNT


@pytest.fixture
def out(compiled: Project, tmp_path: Path) -> Path:
    """A copy of a compiled folder."""
    return Path(shutil.copytree(compiled.folder / "out", tmp_path / "out"))


def written(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data))


def test_plans(out: Path) -> None:
    compiled, path = open_compiled(out), out / "plan.json"

    def read(data: Any) -> None:
        written(path, data)
        check(expand(compiled.integer, read_plan(path)))

    refused(json.loads(path.read_text()), read)


def test_manifests(out: Path) -> None:
    path = out / "manifest.json"

    def read(data: Any) -> None:
        written(path, data)
        compiled = open_compiled(out)
        unit, kernels = compiled.unit()
        assert MARK not in unit.name
        for source in (*unit.sources, *kernels):
            assert source.resolve().is_relative_to(out)
        assert compiled.camera is not None
        compiled.program()

    refused(json.loads(path.read_text()), read, least=0.4)


def with_header(path: Path, header: Any) -> None:
    """The archive with another graph.json."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["graph.json"] = json.dumps(header).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def test_saved_networks(out: Path) -> None:
    path = out / "network.npz"
    with zipfile.ZipFile(path) as archive:
        header = json.loads(archive.read("graph.json"))

    def read(data: Any) -> None:
        with_header(path, data)
        lower(load_graph(path))

    refused(header, read)


def arrays(shape: tuple[int, ...], content: bytes) -> bytes:
    file = io.BytesIO()
    header = {"descr": "|i1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def test_archives_that_unfold(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = out / "network.npz"
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    (name, *_) = (name for name in entries if name.endswith(".npy"))
    bombs: dict[str, dict[str, bytes]] = {
        "a header that lies": {name: arrays((2**40,), b"x")},
        "a pickle": {name: np.lib.format.magic(1, 0) + b"v\0{'descr': '|O', }"},
        "no array": {name: b""},
        "deep JSON": {"graph.json": b"[" * 10**6},
    }
    for what, change in bombs.items():
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, content in {**entries, **change}.items():
                archive.writestr(key, content)
        with pytest.raises(ModelError, match="not a network saved by mcucc"):
            load_graph(path)
            pytest.fail(what)
    monkeypatch.setattr("mcucc.driver.network_file.LARGEST", 2**20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("graph.json", bytes(2**20 + 1))
    with pytest.raises(ModelError, match="unpacked"):
        load_graph(path)


def test_reports(out: Path) -> None:
    path = out / "report.json"
    whole = read_report(out)
    data = json.loads(path.read_text())

    def read(data: Any) -> None:
        written(path, data)
        report = read_report(out)
        console = PlainConsole()
        console.file = io.StringIO()
        with shown_of(out):
            print_report(report, console)
            print_layers(report, console)
            layers_csv(report)
            report_page(report).encode()
            compare_reports(whole, report)

    refused(data, read)


def toml_text(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Lines of TOML; JSON writes its scalars, None is left out."""
    inner = {k: v for k, v in table.items() if isinstance(v, dict)}
    rows = {k: v for k, v in table.items() if isinstance(v, list) and v and isinstance(v[0], dict)}
    for key, value in table.items():
        if key not in inner and key not in rows and value is not None:
            text = json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")
            yield f"{json.dumps(key)} = {text}"
    for key, value in inner.items():
        yield f"[{prefix}{json.dumps(key)}]"
        yield from toml_text(value, f"{prefix}{json.dumps(key)}.")
    for key, value in rows.items():
        for row in value:
            yield f"[[{prefix}{json.dumps(key)}]]"
            yield from toml_text(
                row if isinstance(row, dict) else {}, f"{prefix}{json.dumps(key)}."
            )


def test_boards(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    table = tomllib.loads((resource_dir("boards") / "bluepill.toml").read_text())
    path.write_text("\n".join(toml_text(table)))
    assert load_board(path).clock_hz == load_board("bluepill").clock_hz

    def read(data: Any) -> None:
        path.write_text("\n".join(toml_text(data)))
        load_board(path)

    refused(table, read)
    path.write_text(f"a = {'[' * 100_000}")
    with pytest.raises(McuccError, match="not a readable TOML file"):
        load_board(path)


def test_preprocessing(tmp_path: Path) -> None:
    table = tomllib.loads(TOML)["preprocess"] | {"filter": "box", "center_crop": [8, 8]}
    refused(table, lambda data: Preprocess.from_dict(data, where="a.toml"))
    del table["center_crop"]
    table |= {"format": "yuv422", "camera": [30, 40], "crop": [2, 0, 28, 40], "yuv_range": "full"}
    refused(table, lambda data: Preprocess.from_dict(data, where="a.toml"))
    path = tmp_path / "net.toml"
    for text in (f"a = {'[' * 100_000}", "x" * 2**21, "preprocess = 1", f"a = {'9' * 10_000}"):
        path.write_text(text)
        with pytest.raises(DataError):
            load_preprocess(path)


def test_pictures_that_run_programs_or_unfold(tmp_path: Path) -> None:
    preprocess = Preprocess("gray", (8, 8))
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
    )
    with pytest.raises(DataError, match="cannot decode"):
        load_picture(tmp_path / "a.png", preprocess)
    np.savez_compressed(tmp_path / "bomb.npz", images=np.zeros((350, 256, 256, 3), np.uint8))
    with pytest.raises(DataError, match="unpacked"):
        load_dataset(tmp_path / "bomb.npz")


def test_raw_inputs_hold_what_they_claim_and_nothing_but_numbers(tmp_path: Path) -> None:
    head = b"{'descr': '%s', 'fortran_order': False, 'shape': %s}"
    lies = {
        "more than it holds": (b"<f4", b"(1000000000000, 4)", 16),
        "negative lengths": (b"<f4", b"(-2, -2)", 16),
        "objects": (b"|O", b"(1, 4)", 32),
        "texts": (b"<U4", b"(1, 4)", 64),
        "no sample": (b"<f4", b"(0, 4)", 0),
        "no axis": (b"<f4", b"()", 4),
    }
    port = Port("x", "x", (1, 4), (1, 4), (0, 1))
    path = tmp_path / "x.npy"
    for dtype, shape, size in lies.values():
        text = (head % (dtype, shape)).ljust(117) + b"\n"
        magic = b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little")
        path.write_bytes(magic + text + bytes(size))
        with pytest.raises(DataError, match=r"x\.npy"):
            read_samples(path, [port])
    np.savez_compressed(tmp_path / "bomb.npz", x=np.zeros((2**23, 4), np.float32))
    with pytest.raises(DataError, match="too many"):
        read_samples(tmp_path / "bomb.npz", [port])


def test_a_manifest_names_no_file_outside(out: Path, tmp_path: Path) -> None:
    (tmp_path / "other.c").write_text("int evil;")
    manifest = json.loads((out / "manifest.json").read_text())
    for name in ("../other.c", str(tmp_path / "other.c"), "runtime/../../other.c", "-o.c"):
        files = {**manifest["files"], name: "0" * 64}
        written(out / "manifest.json", {**manifest, "files": files})
        with pytest.raises(OutputError, match="paths below the folder"):
            open_compiled(out)
