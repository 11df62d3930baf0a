"""[output] end to end: a detector's map inside the file, points, and outputs that stay."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mcucc.driver.folder import open_compiled
from mcucc.driver.manifest import MANIFEST
from mcucc.errors import OutputError
from tests.cli.project import TOML, Project, mcucc
from tests.cli.test_samples import ran, validated
from tests.frontends.onnx_nets import Net

pytestmark = [pytest.mark.host, pytest.mark.slow]
OUTPUT = """
[output.boxes]
decoder = "yolox"
classes = ["cat", "dog"]
threshold = 0.2
most = 4
[[output.boxes.heads]]
tensor = "raw"
[output.keypoints]
heatmap = "heat"
names = ["nose", "tail"]
"""


@pytest.fixture
def answering(project: Project) -> Project:
    """A network whose decoded boxes are cut back to the map `raw`."""
    n = Net([1, 3, 14, 12])
    x = n("Relu", n.conv("image", 3, 8, 3, strides=[2, 2]))
    decoded = n("Exp", n.conv(x, 8, 7, 1, out="raw"), out="decoded")
    heat = n("Identity", n.conv(x, 8, 2, 1), out="heat")
    scores = n("Gemm", n("Flatten", n("GlobalAveragePool", x)), n.weights(8, 3), out="scores")
    n.save(project.folder, decoded, heat, scores)
    (project.folder / "net.toml").write_text(TOML + OUTPUT)
    return project


def test_answers_stand_where_their_heads_stood_and_the_rest_stays(answering: Project) -> None:
    made = answering.compile("--c-only")
    assert made.code == 0, made.err
    line = "boxes says: at most 4 boxes of cat, dog, from a score of 0.2 on, overlap 0.45"
    assert line in " ".join(made.out.split())
    folder = open_compiled(answering.folder / "out")
    told = json.loads((folder.path / "report.json").read_text())["answers"]
    assert [(each["task"], each["heads"]) for each in told] == [
        ("boxes", ["raw"]),
        ("keypoints", ["heat"]),
    ]
    assert folder.manifest.outputs == ("heat", "scores", "raw")  # the file was cut
    assert folder.integer.outputs == ("keypoints", "scores", "boxes")
    assert folder.heads[1].outputs == ("heat", "scores", "raw")
    assert [answer.heads for answer in folder.answers] == [("raw",), ("heat",)]
    report = validated(folder.path, answering.data)
    rows = {way["name"]: way for way in report["ways"]}
    assert rows["quantized"]["cosine"] > 0.99  # of the heads
    picture = answering.data / "class0" / "0.png"
    assert ran(folder.path, picture)["boxes"].shape == (1, 1, 4 * 12)


def test_a_switch_leaves_answers_out(answering: Project) -> None:
    assert answering.compile("--c-only", "--raw-outputs").code == 0
    folder = open_compiled(answering.folder / "out")
    assert folder.answers == () and folder.integer.outputs == ("decoded", "heat", "scores")


WRONG = {
    "output": ("scores", "gone"),
    "heads": (["gone"], []),
    "most": (5, -4, 2**40),
    "points": (1000, 2**40),
    "threshold": ("0.2",),
    "more": (1,),
}


def test_answers_of_another_network_are_refused(answering: Project) -> None:
    assert answering.compile("--c-only").code == 0
    path = answering.folder / "out" / MANIFEST
    given = path.read_text()
    for key, values in WRONG.items():
        for value in values:
            data = json.loads(given)
            data["answers"][0][key] = value
            path.write_text(json.dumps(data))
            with pytest.raises(OutputError, match=r"manifest\.json is damaged"):
                open_compiled(answering.folder / "out")


def test_plan_counts_what_decodes(answering: Project) -> None:
    with_answers = json.loads(mcucc("plan", answering.model, "--json").out)["chosen"]
    raw = json.loads(mcucc("plan", answering.model, "--raw-outputs", "--json").out)["chosen"]
    assert with_answers["stages"] > raw["stages"]
    assert np.isfinite(with_answers["cost"]) and with_answers["macs"] == raw["macs"]
