"""The manifest reads back what was written, and nothing that compile cannot have written."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from mcucc.answers.answer import (
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.driver.manifest import (
    InFile,
    Manifest,
    ModelOrigin,
    PostTraining,
    Search,
    hashes_of,
    read_manifest,
    write_manifest,
)
from mcucc.errors import OutputError
from mcucc.evaluate.fingerprint import NodeFingerprint
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import CalibrationFacts
from mcucc.numerics.fixed_point import Rounding
from mcucc.quantize.split_outputs import OutputPart, SplitOutput
from mcucc.schedule.search.limits import SearchLimits
from mcucc.schedule.search.wishes import ScheduleOptions

HERE = PostTraining(
    observer="min-max",
    rounding=Rounding.SINGLE,
    correct_biases=True,
    calibration=CalibrationFacts("pictures", 8, "0.png", "7.png"),
    split_outputs=(
        SplitOutput("boxes", 2, 1, (OutputPart("a", 0, 4, -0.1, 320.0, 1.25),)),
        SplitOutput("none", 0, 0, ()),
    ),
    weights={"conv": "int4"},
    float_network=(NodeFingerprint("conv", "Conv2d", ((0.1, 1 / 3), (1e-30, -2.0))),),
)
GIVEN = Manifest(
    schema=5,
    mcucc="0.1.0",
    name="net",
    model=ModelOrigin("net.onnx", "0" * 64),
    board="bluepill",
    optimize="balanced",
    rounding=Rounding.SINGLE,
    preprocess=Preprocess("bgr", (7, 8), "box", (3, 4), 0.5, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
    input_shapes={"image": (1, 3, 3, 4)},
    outputs=("boxes",),
    quantization=HERE,
    answers=(
        BoxesAnswer("boxes", ("a", "b"), ("cat",), 0.3, 0.45, 20, 2, ("left", "right")),
        KeypointsAnswer("points", ("heat",), ("nose",), 0.1),
        ClassesAnswer("classes", ("logits",), ("cat", "dog"), 0.5, several=True),
        MaskAnswer("mask", ("map",), ("road",)),
        EmbeddingAnswer("vector", ("vector",)),
    ),
    search=Search(schedule="auto", objective="speed", effort="quick", sram=13_000),
    arena_bytes=1234,
    compiler="gcc 12",
    files={"net.c": "1" * 64},
)
IN_FILE = dataclasses.replace(
    GIVEN, quantization=InFile("as in the file (tflite)", Rounding.DOUBLE), preprocess=None
)


def changed(folder: Path, **keys: Any) -> Path:
    """The folder with other values in its manifest; None leaves a key out."""
    write_manifest(GIVEN, folder)
    path = folder / "manifest.json"
    data = json.loads(path.read_text()) | keys
    path.write_text(json.dumps({key: each for key, each in data.items() if each is not None}))
    return folder


@pytest.mark.parametrize("manifest", [GIVEN, IN_FILE], ids=["float", "quantized"])
def test_it_reads_back_every_value(manifest: Manifest, tmp_path: Path) -> None:
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert manifest.is_float is (manifest is GIVEN)


def test_how_a_network_became_int8_is_a_type(tmp_path: Path) -> None:
    write_manifest(IN_FILE, tmp_path)
    assert read_manifest(tmp_path).splits == ()
    write_manifest(GIVEN, tmp_path)
    assert read_manifest(tmp_path).splits == HERE.split_outputs


def test_folders_from_before_some_keys_are_read(tmp_path: Path) -> None:
    old = json.loads(json.dumps({"scheme": "post-training int8", "observer": "mse"}))
    old |= {"rounding": "single", "correct_biases": True}
    old["calibration"] = dataclasses.asdict(HERE.calibration)
    made = read_manifest(
        changed(tmp_path, outputs=None, answers=None, search=None, quantization=old)
    )
    assert isinstance(made.quantization, PostTraining)
    assert made.answers == () and made.search is None
    assert (made.outputs, made.splits, made.quantization.float_network) == ((), (), None)


def test_what_the_plan_was_looked_for_by() -> None:
    wanted = ScheduleOptions(max_slowdown=1.1, limits=SearchLimits.of("thorough"))
    found = Search.of(wanted)
    assert found == Search(schedule="auto", objective="sram", effort="thorough", max_slowdown=1.1)
    assert Search.of(dataclasses.replace(wanted, plan=Path("plan.json"))) is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"optimize": "fast"}, "optimize: expected one of speed, balanced, size, got 'fast'"),
        ({"rounding": "up"}, "rounding: expected one of single, double"),
        ({"name": "a b"}, "name: expected a name in C"),
        ({"arena_bytes": -1}, "arena_bytes: expected a number of bytes"),
        ({"input_shapes": {"image": [0]}}, "input_shapes: expected lengths from 1"),
        ({"preprocess": {}}, "preprocess: the key 'channels' is missing"),
        ({"quantization": {"scheme": "?"}}, "quantization: the key 'observer' is missing"),
        ({"files": {"../x.c": ""}}, "files: expected paths below the folder"),
        ({"more": 1}, "unknown key 'more'"),
        ({"board": None}, "the key 'board' is missing"),
    ],
)
def test_other_values_are_refused(keys: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"manifest\.json is damaged") as caught:
        read_manifest(changed(tmp_path, **keys))
    assert message in str(caught.value)


def test_preprocessing_that_cannot_be_is_damage_too(tmp_path: Path) -> None:
    table = json.loads((changed(tmp_path) / "manifest.json").read_text())["preprocess"]
    with pytest.raises(OutputError, match="channels = 'cmyk' is none of"):
        read_manifest(changed(tmp_path, preprocess=table | {"channels": "cmyk"}))


@pytest.mark.parametrize(
    ("axis", "begin"), [(3, 0), (-1, 0), (0, 4), (0, -1)], ids=["axis", "axis", "empty", "before"]
)
def test_parts_lie_within_an_output(axis: int, begin: int, tmp_path: Path) -> None:
    part = OutputPart("a", begin, 4, 0.0, 1.0)
    made = dataclasses.replace(HERE, split_outputs=(SplitOutput("o", axis, 1, (part,)),))
    write_manifest(dataclasses.replace(GIVEN, quantization=made), tmp_path)
    with pytest.raises(OutputError, match="split_outputs"):
        read_manifest(tmp_path)


def test_hashes_are_of_every_file_below(tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "a.c").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    found = hashes_of(tmp_path)
    assert list(found) == ["b", "runtime/a.c"]
    assert found["b"] == empty != found["runtime/a.c"]
