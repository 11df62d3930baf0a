"""A preprocessing that is not the network's is named where labels show it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.driver.diagnose import examine
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.preprocess_check import replaced_warning
from mcucc.images.preprocess import Preprocess
from mcucc.oracles.float_session import FloatSession
from tests.quantize.float_nets import FloatNet

COUNT = 70
RIGHT = Preprocess("rgb", (12, 16), scale=1 / 255, mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A float network of twelve classes, and pictures with its own classes as labels."""
    folder: Path = tmp_path_factory.mktemp("net")
    net = FloatNet(12, 16, 3, seed=1)
    vector = net.pooled_vector(net.conv(net.conv("image", 12, stride=2), 24, kernel=1))
    model = net.model(folder, net.dense(vector, 12))
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (COUNT, 3, 4, 3))
    images = np.kron(coarse, np.ones((1, 4, 4, 1))).astype(np.uint8)
    session = FloatSession(model)
    (output,) = session.tensors
    labels = [int(session.run([RIGHT.real_values(i)])[output].argmax()) for i in images]
    np.savez(folder / "data.npz", images=images, labels=np.array(labels))
    return model.model_path, folder / "data.npz"


def warnings(network, tmp_path: Path, text: str) -> list[str]:
    path, data = network
    toml = tmp_path / "own.toml"
    toml.write_text(f"[preprocess]\nresize = [12, 16]\n{text}\n")
    options = NetworkOptions(data=data, preprocess=toml, calibrate=22)
    said = examine(load_network(path, options), options).warnings
    return [line for line in said if "labelled" in line]


def test_the_right_one_is_not_doubted(network, tmp_path: Path) -> None:
    right = 'channels = "rgb"\nscale = 0.00784313725\nmean = [1.0, 1.0, 1.0]\n'
    assert warnings(network, tmp_path, right) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('channels = "rgb"\nscale = 1.0', "bytes scaled to -1..1 on 48"),
        (
            'channels = "bgr"\nscale = 0.00784313725\nmean = [1.0, 1.0, 1.0]',
            "red and blue exchanged on 48",
        ),
    ],
)
def test_a_wrong_one_is_named_with_the_right_one(network, tmp_path, text, words) -> None:
    (line,) = warnings(network, tmp_path, text)
    assert "of 48 labelled pictures" in line and words in line


OWN = "[preprocess]\nscale = 0.5\nmean = [0.5]\nfilter = 'box'\n[output.embedding]\noutput = 'x'\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[preprocess]\nscale = 1", "[output] and of mean of [preprocess]"),
        ("[preprocess]\nmean = [0]\nscale = 1", "says nothing of its [output]:"),
        ("[preprocess]\n[output]\n", "says nothing of its scale, mean of [preprocess]:"),
    ],
)
def test_a_toml_in_place_of_the_models_own_says_what_is_lost(tmp_path, text, words) -> None:
    given = tmp_path / "camera.toml"
    given.write_text(text)
    assert replaced_warning(tmp_path / "net.onnx", given) == ""
    (tmp_path / "net.toml").write_text(OWN)
    said = replaced_warning(tmp_path / "net.onnx", given)
    assert said.startswith("camera.toml is read in place of net.toml") and words in said


@pytest.mark.parametrize("own", [OWN, "[broken", "preprocess = 3", ""])
def test_nothing_is_said_where_nothing_is_lost(tmp_path, own) -> None:
    given, beside = tmp_path / "camera.toml", tmp_path / "net.toml"
    given.write_text(OWN)
    beside.write_text(own)
    assert replaced_warning(tmp_path / "net.onnx", given) == ""
    assert replaced_warning(tmp_path / "net.onnx", beside) == ""
    assert replaced_warning(tmp_path / "net.onnx", None) == ""
