"""Trained networks give the same bytes with and without their constant channels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mcucc.driver.load import NetworkOptions, load_network
from tests.conftest import SHARED

pytestmark = pytest.mark.zoo
MODELS = sorted(Path(os.environ.get("MCUCC_ZOO", SHARED / "zoo")).glob("tflite/*.tflite"))
# MACs left, measured: MLPerf Tiny VWW computes half of its channels for nothing.
LARGEST_SHARE = {"vww_96_int8": 0.51, "mcunet-320kb-1mb_imagenet": 0.94, "mcunet-5fps_vww": 0.95}


@pytest.mark.parametrize(
    "path", MODELS or [pytest.param(None, id="no-zoo")], ids=lambda p: p.stem if p else "no-zoo"
)
def test_outputs_are_the_same_bytes(path: Path | None) -> None:
    if path is None:
        pytest.skip("no zoo")
    kept, less = (load_network(path, NetworkOptions(keep_constant=keep)) for keep in (True, False))
    rng = np.random.default_rng(0)
    inputs = {
        name: rng.integers(-128, 128, (3, *kept.integer.activations[name].shape)).astype(np.int8)
        for name in kept.integer.inputs
    }
    before, after = kept.integer.run(inputs), less.integer.run(inputs)
    for name in kept.integer.outputs:
        np.testing.assert_array_equal(after[name], before[name])
    assert kept.removed is None and less.removed is not None
    assert less.removed.macs_after == less.integer.macs
    assert less.integer.macs <= kept.integer.macs * LARGEST_SHARE.get(path.stem, 1.0)
