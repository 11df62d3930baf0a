"""A network that ends in indices, from the file to `run`: ArgMax over channels and over places."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from mcucc.cli.run import index_lines
from mcucc.evaluate.float_check import first_wrong_value
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.images.samples import ArraySample
from mcucc.ops.arg_max import ArgMax
from mcucc.quantize.ends import compared_tensors, end_tensors
from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, Project, make_project, mcucc
from tests.frontends.onnx_nets import Net

pytestmark = pytest.mark.host


def segmenter(folder: Path) -> Path:
    """`mask` is the class of each pixel, `place` where each of two maps is largest, of 168."""
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n("Relu", n.conv("image", 3, 6))
    n("ArgMax", n.conv(x, 6, 4, 1), axis=1, keepdims=0, out="mask")
    flat = n("Reshape", n.conv(x, 6, 2, 1), n.ints(1, 2, -1))
    n("ArgMax", n("Concat", flat, n("Neg", flat), axis=2), axis=2, keepdims=0, out="place")
    model = n.model("mask", "place")
    for value in model.graph.output:
        value.type.tensor_type.elem_type = onnx.TensorProto.INT64
    onnx.save(model, str(folder / "net.onnx"))
    return folder / "net.onnx"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("segmenter"))
    segmenter(project.folder)
    (project.folder / "net.toml").write_text(TOML)
    options = ("--board", BOARD, "--data", project.data, "--c-only", "--keep-constant-channels")
    result = mcucc("compile", project.model, *options, "--out", project.folder / "out")
    assert result.code == 0, result.err
    return project


def test_the_header_says_how_an_index_is_stored(made: Project) -> None:
    header = (made.folder / "out" / "net.h").read_text()
    assert "An index into 4 entries: q + 128." in header
    assert "const int8_t *net_output_mask(const void *arena);" in header
    assert "An index into 336 entries." in header
    assert "const int16_t *net_output_place(const void *arena);" in header


def test_validate_counts_equal_indices(made: Project) -> None:
    """No cosine and no signal to noise of numbers that are names."""
    arguments = ("--data", made.data, "--emulator", "none", "--limit", "3", "--json")
    found = json.loads(mcucc("validate", made.folder / "out", *arguments).out)
    ways = {way["name"]: way for way in found["ways"]}
    assert ways["float"]["agreement"] == 1.0
    assert 0.8 < ways["quantized"]["agreement"] <= 1.0
    assert ways["host"]["agreement"] == ways["quantized"]["agreement"]
    assert ways["quantized"]["cosine"] is ways["quantized"]["worst"] is None
    assert ways["host"]["largest_difference"] == 0


def test_run_prints_indices(made: Project) -> None:
    picture = next(made.data.rglob("*.png"))
    arguments = ("--input", picture, "--emulator", "host", "--top", "4")
    lines = mcucc("run", made.folder / "out", *arguments).out.splitlines()
    mask = lines.index("mask: 1x14x12, scale 1, zero point -128")
    assert lines[mask + 1].endswith(f" of {HEIGHT * WIDTH}")
    place = lines.index("place: 1x1x2, scale 1, zero point 0")
    assert [line.split()[:2] for line in lines[place + 1 :]] == [["[0]", "index"], ["[1]", "index"]]


def test_index_lines_count_what_is_many() -> None:
    assert index_lines([3, 1, 3, 7, 3, 1], 2) == ["index    3: 3 of 6", "index    1: 2 of 6"]
    assert index_lines([3, 300], 2) == ["[0] index 3", "[1] index 300"]


def test_noise_is_measured_at_the_scores(made: Project) -> None:
    """An index has no slope. What moves scores to it holds them too: no range of theirs is cut."""
    graph = import_onnx(made.model).graph
    scores = [node.inputs[0] for node in graph.nodes if isinstance(node.op, ArgMax)]
    assert list(end_tensors(graph)) == scores
    assert compared_tensors(graph) > set(scores)


@pytest.mark.parametrize("largest", [True, False])
def test_scores_that_float32_cannot_tell_apart_may_choose_otherwise(
    largest: bool, tmp_path: Path
) -> None:
    """The import's second score is larger by less than sums differ; a wrong index is none such."""
    net = Net([1, 1, 2, 2], 13)
    kernel = np.array([1.0, 1.0, -1.0], np.float32).reshape(3, 1, 1, 1)
    scores = net("Conv", "image", net.const(kernel), kernel_shape=[1, 1])
    index = net("ArgMax", scores, axis=1, keepdims=0)
    net("Add", net("Cast", index, to=1), net.const(2.0), out="y")
    model = import_onnx(net.save(tmp_path, "y"))
    conv, argmax, *rest = model.graph.nodes
    tensors = dict(model.graph.tensors)
    kernel[1] += 1e-6
    weights = conv.inputs[1]
    tensors[weights] = dataclasses.replace(tensors[weights], data=kernel)
    argmax = dataclasses.replace(argmax, op=ArgMax(3, largest))
    graph = model.graph.with_(nodes=(conv, argmax, *rest), tensors=tensors)
    sample = ArraySample(model.inputs, (np.full((1, 1, 2, 2), 0.7, np.float32),))
    found = first_wrong_value(model, graph, sample)
    assert (found.layer if found else None) == (None if largest else argmax.name)
