"""A plan that computes a gated tensor twice, from the command line to a clone that is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.project import CLASSES, HEIGHT, WIDTH, make_project, mcucc
from tests.frontends.onnx_nets import Net

pytestmark = pytest.mark.host


def save_network(folder: Path) -> None:
    """A depthwise convolution with a gate, a classifier: in the place of the project's model."""
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n.conv(n("Relu", n.conv("image", 3, 6, strides=[2, 2])), 6, 6, group=6)
    gate = n("HardSigmoid", n.conv(n("GlobalAveragePool", x), 6, 6, 1), alpha=1 / 6)
    x = n("Flatten", n("GlobalAveragePool", n.conv(n("Mul", x, gate), 6, 4, 1)))
    scores = n("Gemm", x, n.weights(CLASSES, 4), n.weights(CLASSES), out="scores", transB=1)
    n.save(folder, scores)


def test_a_clone_is_compiled_told_of_compared_and_named_where_it_is_wrong(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    save_network(tmp_path)
    made = project.compile("--c-only", "--image", "resident", "--schedule", "layers")
    assert made.code == 0, made.err
    plan = json.loads((tmp_path / "out/plan.json").read_text())
    nodes = [stage["nodes"][0] for stage in plan["stages"]]
    depth, gated = (next(name for name in nodes if word in name) for word in ("n_conv_2", "n_mul"))
    at = nodes.index(gated)
    clone = {**plan["stages"][nodes.index(depth)], "again": [depth]}
    plan["stages"].insert(at, clone)
    (tmp_path / "twice.json").write_text(json.dumps(plan))

    made = project.compile("--c-only", "--plan", tmp_path / "twice.json")
    assert made.code == 0, made.err
    report = json.loads((tmp_path / "out/report.json").read_text())
    (told,) = (node for node in report["nodes"] if node["again"])
    assert told["name"] == f"{depth}.again" and told["executed"] > 0
    assert report["macs"]["executed"] == report["macs"]["network"] + told["executed"]

    command = ("validate", tmp_path / "out", "--data", project.data, "--emulator", "none")
    assert mcucc(*command).code == 0
    (source,) = (p for p in (tmp_path / "out").rglob("*.c") if "again_params" in p.read_text())
    text = source.read_text()
    broken = re.sub(r"(again_params = \{.*?addend = )-?\d+", r"\g<1>90", text, flags=re.S)
    assert broken != text
    source.write_text(broken)
    found = mcucc(*command)
    assert found.code != 0 and f"{depth}.again" in found.out + found.err
