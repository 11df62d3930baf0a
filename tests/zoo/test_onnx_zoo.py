"""The zoo's float ONNX networks: the values of ONNX Runtime, and nothing left but layers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import onnx
import pytest

from mcucc.frontends.onnx.file import is_quantized
from tests.conftest import SHARED
from tests.frontends.onnx_nets import assert_equal_to_runtime, kinds

pytestmark = pytest.mark.zoo
MODELS = sorted(Path(os.environ.get("MCUCC_ZOO", SHARED / "zoo")).glob("onnx/*.onnx"))


@pytest.mark.parametrize(
    "path", MODELS or [pytest.param(None, id="no-zoo")], ids=lambda p: p.stem if p else "no-zoo"
)
def test_layers_only_and_equal_to_onnx_runtime(path: Path, tmp_path: Path, zoo_dir: Path) -> None:
    if is_quantized(onnx.load(str(path))):
        pytest.skip(f"{path.name} is quantized: another importer's")
    copy = Path(shutil.copy(path, tmp_path))
    graph = assert_equal_to_runtime(copy)
    layers = {"Conv2d", "DepthwiseConv2d", "Add", "GlobalAveragePool", "FullyConnected"}
    assert set(kinds(graph)) <= layers
