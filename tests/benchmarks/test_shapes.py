"""Networks of the tables that the zoo does not have."""

from pathlib import Path

import onnx
import pytest

from benchmarks.shapes import SHAPES, model
from mcucc.driver.load import NetworkOptions, load_network


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_the_macs_of_its_table(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    onnx.save(model(SHAPES[name], name), path)
    network = load_network(path, NetworkOptions(noise=True))
    assert network.integer.macs == SHAPES[name].macs
