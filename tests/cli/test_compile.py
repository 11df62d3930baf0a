"""`mcucc compile`: what it writes, the same every time."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import onnx
import pytest

from tests.cli.project import Project, mcucc, net

pytestmark = pytest.mark.emulated


def files_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_folder_holds_c_firmware_and_facts(compiled: Project) -> None:
    names = set(files_of(compiled.folder / "out"))
    assert {"net.h", "net.c", "net_weights.c", "net.elf", "CMakeLists.txt"} <= names
    assert {"manifest.json", "report.json", "network.npz", "source.onnx"} <= names
    assert "runtime/include/mcucc/mcucc.h" in names
    assert not [path for path in compiled.folder.iterdir() if path.name.startswith(".out")]


def test_the_report_adds_up(compiled: Project) -> None:
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    assert report["model"]["name"] == "net"
    assert report["model"]["sha256"] == hashlib.sha256(compiled.model.read_bytes()).hexdigest()
    assert report["board"]["name"] == "stm32f746g-disco"
    assert report["fits"] is True
    sram, flash = report["sram"], report["flash"]
    assert sram["total"] == sram["arena"] + sram["static"] + sram["stack"]
    assert sram["image"] == 14 * 12 * 3
    assert sram["output"] == 3
    assert sram["image_policy"] == "resident"
    assert 0 <= sram["scratch"] < sram["arena"]
    assert 0 < sram["stack"] < 2000
    assert flash["total"] == flash["weights"] + flash["code"]
    assert report["macs"]["network"] == 7 * 6 * (27 * 8 + 9 * 8 + 8 * 6) + 6 * 3
    assert report["model"]["macs"] == report["macs"]["executed"] == report["macs"]["network"]
    assert report["macs"]["factor"] == 1.0
    counted = [layer["instructions"] for layer in report["layers"]]
    assert 0 < sum(counted) < report["instructions"]["total"] < 2 * sum(counted) + 20_000
    assert sum(layer["macs"] for layer in report["layers"]) == report["macs"]["network"]
    parts = [*flash["layers"].values(), *flash["shared"].values()]
    assert sum(parts) == flash["total"]
    assert min(parts) >= 0
    assert [node["name"] for node in report["nodes"]] == list(flash["layers"])
    borders = {border["layer"]: border["biases"] for border in report["borders"]}
    for node in report["nodes"]:  # beside its tables, a layer has a struct of parameters, or more
        most = 80 * borders.get(node["name"], 1)
        assert 20 <= flash["layers"][node["name"]] - node["weight_bytes"] <= most
    memory, plan = report["memory"], report["plan"]
    assert memory["moments"][memory["peak"]]["bytes"] == plan["peak_bytes"]
    assert plan["peak_bytes"] <= plan["lower_bound"] <= plan["arena"]
    assert sum(live["size"] for live in plan["peak_live"]) == plan["peak_bytes"]
    assert "painted" not in report["counting"][0]["how"]
    assert "pattern" in report["counting"][0]["how"]


def test_the_header_has_the_measured_figures_and_the_core_s_alignment(compiled: Project) -> None:
    """The board's core is an M7, whose data cache has lines of 32 bytes."""
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    header = (compiled.folder / "out" / "net.h").read_text()
    macros = dict(re.findall(r"#define NET_(\w+) (\w+)$", header, re.MULTILINE))
    assert int(macros["STACK_BYTES"]) == report["sram"]["stack"]
    assert int(macros["CODE_BYTES"]) == report["flash"]["code"]
    assert int(macros["WEIGHTS_BYTES"]) == report["flash"]["weights"]
    assert "stm32f746g-disco (cortex-m7)" in header and report["tools"]["compiler"] in header
    assert macros["ARENA_ALIGNMENT"] == "32"


def test_without_a_run_the_header_has_no_figures(project: Project) -> None:
    result = project.compile("--c-only", out="library")
    assert result.code == 0, result.err
    assert "NET_STACK_BYTES" not in (project.folder / "library" / "net.h").read_text()


def test_the_report_names_kernels_and_requantization(compiled: Project) -> None:
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    assert {node["isa"] for node in report["nodes"]} <= {"armv7em", "portable"}
    weighted = [n for n in report["nodes"] if n["op"].split()[0] in ("Conv2d", "DepthwiseConv2d")]
    assert len(weighted) == 3
    for node in weighted:
        assert node["isa"] == "armv7em" and node["variant"].startswith("armv7em")
        assert node["requantization"].startswith("high multiply")
    (pool,) = (node for node in report["nodes"] if node["op"].startswith("GlobalAveragePool"))
    assert pool["isa"] == "armv7em"
    assert report["constant_channels"]["layers"] == []


def test_the_report_says_how_borders_are_computed(compiled: Project) -> None:
    """Mean and std of the TOML differ by channel: 0 is three different bytes."""
    report = json.loads((compiled.folder / "out" / "report.json").read_text())
    (border,) = report["borders"]
    assert (border["layer"], border["padding"]) == ("n_conv_0", "biases")
    assert border["biases"] == 4 and border["error"] == 0 < border["inside"]
    (node,) = (n for n in report["nodes"] if n["name"] == "n_conv_0")
    assert node["op"].endswith("4 biases")
    page = (compiled.folder / "out" / "report.html").read_text()
    assert "exact, by 4 sets of biases" in page


def test_constant_channels_are_removed_unless_they_are_to_be_kept(project: Project) -> None:
    """A channel that ReLU always cuts: fewer MACs, the same bytes on the emulated board."""
    model = onnx.load(project.model)
    (norm,) = (node for node in model.graph.node if node.op_type == "BatchNormalization")
    (beta,) = (each for each in model.graph.initializer if each.name == norm.input[2])
    values = onnx.numpy_helper.to_array(beta).copy()
    values[2] = -1000.0
    beta.CopyFrom(onnx.numpy_helper.from_array(values, beta.name))
    onnx.save(model, project.model)
    reports = {}
    for out, more in (("less", ()), ("kept", ("--keep-constant-channels",))):
        result = project.compile("--emulator", "none", *more, out=out)
        assert result.code == 0, result.err
        reports[out] = json.loads((project.folder / out / "report.json").read_text())
    removed = reports["less"]["constant_channels"]
    assert reports["kept"]["constant_channels"] is None
    assert removed["macs_before"] == reports["kept"]["macs"]["network"]
    assert removed["macs_after"] == reports["less"]["macs"]["network"] < removed["macs_before"]
    assert [layer["dropped"] for layer in removed["layers"]][:2] == [1, 1]
    picture, outputs = project.data / "class0" / "0.png", []
    for out in reports:
        ran = mcucc("run", project.folder / out, "--input", picture, "--emulator", "qemu", "--json")
        outputs.append(json.loads(ran.out)["outputs"])
    assert outputs[0] == outputs[1]


def test_the_manifest_hashes_every_file(compiled: Project) -> None:
    files = files_of(compiled.folder / "out")
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert manifest["model"]["sha256"] == hashlib.sha256(compiled.model.read_bytes()).hexdigest()
    assert manifest["preprocess"]["mean"] == [0.5, 0.4, 0.5]


def test_the_same_bytes_every_time(compiled: Project) -> None:
    result = compiled.compile("--json", out="again/deep")
    assert result.code == 0, result.err
    again = compiled.folder / "again" / "deep"
    assert files_of(again) == files_of(compiled.folder / "out")
    assert json.loads(result.out) == json.loads((again / "report.json").read_text())
    assert result.err == ""


def test_without_an_emulator_nothing_is_counted(project: Project) -> None:
    result = project.compile("--emulator", "none", "--optimize", "size")
    assert result.code == 0, result.err
    report = json.loads((project.folder / "out" / "report.json").read_text())
    assert report["instructions"]["total"] is None
    assert all(layer["instructions"] is None for layer in report["layers"])
    assert report["sram"]["stack"] > 0


def test_recompiling_replaces_its_own_files_and_keeps_others(project: Project) -> None:
    fast = ("--emulator", "none")
    assert project.compile(*fast, "--name", "before").code == 0
    out = project.folder / "out"
    (out / "notes").mkdir()
    (out / "notes" / "mine.txt").write_text("keep me")
    result = project.compile(*fast, "--name", "after it-2")
    assert result.code == 0, result.err
    assert (out / "notes" / "mine.txt").read_text() == "keep me"
    assert (out / "after_it_2.c").is_file()
    assert not (out / "before.c").exists()
    assert sorted(path.name for path in project.folder.iterdir()) == [
        "data",
        "net.onnx",
        "net.toml",
        "out",
    ]


@pytest.mark.parametrize("stem", ["mcucc", "1 模型 (final)"])
def test_any_file_name_makes_valid_c(stem: str, project: Project) -> None:
    model = project.folder / f"{stem}.onnx"
    shutil.copyfile(project.model, model)
    shutil.copyfile(project.folder / "net.toml", model.with_suffix(".toml"))
    result = project.compile("--emulator", "none", model=model)
    assert result.code == 0, result.err


def test_open_sizes_are_given_once(project: Project) -> None:
    n, output = net("height", "width")
    n.save(project.folder, output)
    refused = project.compile()
    assert refused.code == 2
    assert "--input-shape" in refused.err
    assert "image" in refused.err
    result = project.compile("--input-shape", "image=1,3,14,12", "--emulator", "none")
    assert result.code == 0, result.err
    found = mcucc(
        "validate", project.folder / "out", "--data", project.data, "--emulator", "none", "--json"
    )
    assert json.loads(found.out)["float_top1"] is not None


def test_external_weights_come_along(project: Project) -> None:
    model = onnx.load(str(project.model))
    place = project.folder / "export"
    place.mkdir()
    onnx.save(
        model,
        str(place / "net.onnx"),
        save_as_external_data=True,
        location="net.bin",
        size_threshold=0,
    )
    shutil.copyfile(project.folder / "net.toml", place / "net.toml")
    assert project.compile("--emulator", "none", model=place / "net.onnx").code == 0
    shutil.rmtree(place)
    found = mcucc(
        "validate", project.folder / "out", "--data", project.data, "--emulator", "none", "--json"
    )
    assert found.code == 0, found.err
    assert json.loads(found.out)["ways"][0]["absent"] == ""


def test_stages_can_be_printed(project: Project) -> None:
    result = project.compile("--emulator", "none", "--print-after", "all", "--json")
    json.loads(result.out)
    for stage in ("import", "fold_affine", "fold_input", "quantize", "lower", "schedule"):
        assert f"# after {stage}\n" in result.err


def test_stack_that_is_not_needed_goes_to_a_faster_plan(project: Project) -> None:
    rows = ("--image", "rows", "--keep-constant-channels")
    plan = project.folder / "smallest.json"
    found = mcucc("plan", project.model, *rows, "--objective", "sram", "--save", plan, "--json")
    smallest = json.loads(found.out)["chosen"]  # its `sram` is with the stack reserved
    made = project.compile(rows[2], "--plan", plan, "--json", out="smallest")
    needed = json.loads(made.out)["sram"]["total"]

    def arena_within(limit: int) -> int:
        made = project.compile(*rows, "--sram", limit, "--json", out=f"out{limit}")
        assert made.code == 0, made.err
        report = json.loads(made.out)
        assert report["sram"]["total"] <= limit
        arena: int = report["plan"]["arena"]
        return arena

    # The last limit where a plan fits with the stack reserved, and the first where none does.
    assert arena_within(smallest["sram"]) > smallest["arena"]
    assert arena_within(smallest["sram"] - 1) > smallest["arena"]
    # What the smallest plan needs with its own stack, to the byte.
    assert needed < smallest["sram"]
    assert arena_within(needed) == smallest["arena"]
    refused = project.compile(*rows, "--sram", needed - 1)
    assert refused.code != 0
    assert "SRAM" in refused.err
