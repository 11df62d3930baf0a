"""A wrong import cannot pass `validate`: importers broken in six ways, in every form of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mcucc.driver.load as mcucc_network
from mcucc.base.progress import silent
from mcucc.driver.load import float_forms
from mcucc.errors import McuccError
from mcucc.evaluate.fingerprint import NodeFingerprint, fingerprint, first_changed
from mcucc.evaluate.float_check import WrongValue, first_wrong_value
from mcucc.evaluate.layers import shifted
from mcucc.evaluate.oracle_check import Agreement, agree
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.images.camera import CameraInput
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture, batch
from mcucc.ir.integer import IntegerGraph
from mcucc.numerics.fixed_point import Rounding
from mcucc.oracles.choose import open_oracle
from mcucc.oracles.oracle import Oracle
from mcucc.quantize.lower import lower
from tests.cli.project import BOARD, mcucc
from tests.evaluate.broken_imports import FAULTS, FILES, FORMS, SIDE, Patch, sabotage

# The layer that each fault is in, by form; a Resize that is the identity has another shape.
LAYERS = {
    "float": {
        "pad value": "n_pad_2",
        "weights": "n_conv_0",
        "bias": "n_conv_0",
        "activation": "n_leakyrelu_1",
    },
    "qdq": {
        "pad value": "n_pad_2",
        "zero point": "n_conv_4",
        "weights": "n_conv_0",
        "bias": "n_conv_0",
        "activation": "n_leakyrelu_1",
    },
    "tflite": {
        "pad value": "padded",
        "zero point": "last",
        "weights": "first",
        "bias": "first",
        "activation": "first",
    },
}
RESIZED = {"float": "resize_3", "qdq": "resize_3", "tflite": "large"}
PREPROCESS = Preprocess("rgb", (SIDE, SIDE), scale=1 / 255)
CASES = [(form, fault) for form in FORMS for fault in FAULTS if fault in LAYERS[form]]
TOML = f"""[preprocess]
channels = "rgb"
resize = [{SIDE}, {SIDE}]
scale = {1 / 255}
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {form: make(tmp_path_factory.mktemp(form)) for form, make in FILES.items()}


def camera_pictures(count: int = 3) -> list[np.ndarray]:
    return list(np.random.default_rng(5).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8))


def agreement(path: Path, rounding: Rounding, compiled: IntegerGraph | None = None) -> Agreement:
    """As `validate` asks it, of a network (default: the import itself)."""
    oracle = open_oracle(path, rounding, {})
    assert isinstance(oracle, Oracle)
    integer = compiled or lower(oracle.imported.graph, rounding)
    source = oracle.imported.graph.tensors[integer.inputs[0]]
    scale, offset = PREPROCESS.affine()
    camera = CameraInput.quantized(list(scale), list(offset), source)
    images = camera_pictures()
    samples = [Picture(image, PREPROCESS, camera, f"{i}.png") for i, image in enumerate(images)]
    values = integer.run(batch(integer.inputs, samples))
    reference = {name: values[name] for name in integer.outputs}
    return agree(oracle, integer, samples, reference, silent)


def wrong_value(path: Path) -> WrongValue | None:
    imported = import_onnx(path)
    (image,) = camera_pictures(1)
    return first_wrong_value(imported, imported.graph, Picture(image, PREPROCESS))


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("form", ["qdq", "tflite"])
def test_a_right_import_agrees(files: dict[str, Path], form: str, rounding: Rounding) -> None:
    found = agreement(files[form], rounding)
    assert found.divergences == ()
    assert found.exact == (form == "tflite" and rounding is Rounding.DOUBLE)
    if found.exact:
        assert found.equal


def test_a_right_float_import_agrees(files: dict[str, Path]) -> None:
    assert wrong_value(files["float"]) is None


@pytest.mark.parametrize(("form", "fault"), [c for c in CASES if c[0] != "float"])
def test_the_layer_of_a_wrong_import_is_named(
    files: dict[str, Path], monkeypatch: Patch, form: str, fault: str
) -> None:
    """With the importer that is broken, and when it has been mended since."""
    with monkeypatch.context() as patch:
        sabotage(patch, form, fault)
        (found,) = agreement(files[form], Rounding.SINGLE).divergences
        oracle = open_oracle(files[form], Rounding.SINGLE, {})
        assert isinstance(oracle, Oracle)
        broken = lower(oracle.imported.graph)
    assert found.layer == LAYERS[form][fault]
    assert abs(found.expected - found.found) > 1
    (later,) = agreement(files[form], Rounding.SINGLE, broken).divergences
    assert later.layer == LAYERS[form][fault]


def test_one_step_everywhere_is_no_rounding(files: dict[str, Path], monkeypatch: Patch) -> None:
    sabotage(monkeypatch, "tflite", "one step")
    (found,) = agreement(files["tflite"], Rounding.SINGLE).divergences
    assert found.layer == LAYERS["tflite"]["zero point"]
    assert abs(found.expected - found.found) <= 2  # 2: where a tie is beside it


def test_ties_are_some_and_a_shift_is_all() -> None:
    wanted = np.random.default_rng(0).integers(-100, 100, (8, 8, 3))
    ties = (np.random.default_rng(1).random(wanted.shape) < 0.5).astype(np.int64)
    assert not shifted(ties, wanted).size
    assert not shifted(np.ones_like(wanted), np.zeros_like(wanted)).size  # one value: one tie
    one_channel = np.zeros_like(wanted)
    one_channel[..., 2] = -1
    assert shifted(one_channel, wanted).tolist() == list(range(2, wanted.size, 3))


@pytest.mark.parametrize("fault", LAYERS["float"])
def test_the_layer_of_a_wrong_float_import_is_named(
    files: dict[str, Path], monkeypatch: Patch, fault: str
) -> None:
    sabotage(monkeypatch, "float", fault)
    found = wrong_value(files["float"])
    assert found is not None
    assert found.layer == LAYERS["float"][fault]


@pytest.mark.parametrize("fault", LAYERS["float"])
def test_a_folder_of_a_broken_importer_is_told_when_it_was_mended(
    files: dict[str, Path], monkeypatch: Patch, fault: str
) -> None:
    def made() -> tuple[NodeFingerprint, ...]:
        return fingerprint(float_forms(import_onnx(files["float"]), PREPROCESS)[-1])

    right = made()
    assert first_changed(right, made()) is None
    sabotage(monkeypatch, "float", fault)
    assert first_changed(right, made()) == LAYERS["float"][fault]


@pytest.mark.parametrize("form", FORMS)
def test_a_resize_that_does_nothing_is_no_import(
    files: dict[str, Path], monkeypatch: Patch, form: str
) -> None:
    sabotage(monkeypatch, form, "resize")
    with pytest.raises(McuccError, match=RESIZED[form]):
        wrong_value(files[form]) if form == "float" else agreement(files[form], Rounding.SINGLE)


def project(folder: Path, form: str) -> tuple[Path, Path]:
    """A model with its preprocessing and two pictures."""
    model = FILES[form](folder)
    model.with_suffix(".toml").write_text(TOML)
    (folder / "data").mkdir()
    for index, picture in enumerate(camera_pictures(2)):
        Image.fromarray(picture).save(folder / "data" / f"{index}.png")
    return model, folder / "data"


def compiled(folder: Path, form: str) -> tuple[Any, Path, Path]:
    model, data = project(folder, form)
    out = folder / "out"
    options = ("--board", BOARD, "--data", data, "--emulator", "none", "--c-only", "--out", out)
    return mcucc("compile", model, *options), out, data


def test_a_wrong_float_import_is_not_compiled(tmp_path: Path, monkeypatch: Patch) -> None:
    sabotage(monkeypatch, "float", "pad value")
    made, out, _ = compiled(tmp_path, "float")
    assert made.code == 2
    assert "n_pad_2" in made.err
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.parametrize(("form", "fault"), CASES)
def test_validate_fails(tmp_path: Path, monkeypatch: Patch, form: str, fault: str) -> None:
    """The whole way, had `compile` not looked: the importer still broken, then mended."""
    with monkeypatch.context() as patch:
        sabotage(patch, form, fault)
        patch.setattr(mcucc_network, "check_float", lambda *_: None)
        made, out, data = compiled(tmp_path, form)
        assert made.code == 0, made.err
        found = mcucc("validate", out, "--data", data, "--emulator", "none")
        assert found.code == 1, found.err
        assert f"{LAYERS[form][fault]} (tensor" in " ".join(found.out.split())
    found = mcucc("validate", out, "--data", data, "--emulator", "none")
    assert found.code == 1, found.err
    assert LAYERS[form][fault] in " ".join(found.out.split())
    found = mcucc("validate", out, "--data", data, "--emulator", "none", "--json")
    assert found.code == 1
    assert json.loads(found.out)["passed"] is False


@pytest.mark.host
def test_validate_has_a_row_for_onnx_runtime(tmp_path: Path) -> None:
    made, out, data = compiled(tmp_path, "qdq")
    assert made.code == 0, made.err
    found = mcucc("validate", out, "--data", data, "--emulator", "none", "--json")
    assert found.code == 0, found.err
    report = json.loads(found.out)
    row = next(way for way in report["ways"] if way["name"] == "onnxruntime")
    assert row["absent"] == ""
    assert row["largest_difference"] <= 2
    assert report["passed"] is True
