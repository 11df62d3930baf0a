"""The zoo's float ONNX networks from file to emulated firmware: every byte equal, accurate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.project import mcucc

pytestmark = [pytest.mark.zoo, pytest.mark.emulated]

# Board, pictures, how many of them to validate on, the schedule. The accuracy of the first two on
# all labelled pictures is in test_quantizer_zoo.py.
CASES = {
    "mcunet-5fps_vww": ("stm32f746g-disco", "coco_person", 40, "auto"),
    "mcunet-10fps_vww": ("stm32f746g-disco", "coco_person", 40, "auto"),
    "mcunet-320kb-1mb_imagenet": ("nucleo-l4r5zi", "imagenet", 3, "auto"),
    "proxyless-w0.3-r176_imagenet": ("nucleo-l4r5zi", "imagenet", 3, "layers"),
}


@pytest.mark.parametrize("name", CASES)
def test_compiled_networks_agree_everywhere(
    name: str, zoo_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    board, pictures, limit, schedule = CASES[name]
    data, out = data_dir / pictures, tmp_path / "out"
    model = zoo_dir / "onnx" / f"{name}.onnx"
    asked = ("--board", board, "--data", data, "--out", out, "--schedule", schedule, "--json")
    made = mcucc("compile", model, *asked)
    assert made.code == 0, made.err
    report = json.loads(made.out)
    assert report["fits"] is True
    assert report["plan"]["gap"] == 0
    done = mcucc(
        *("validate", out, "--data", data, "--emulator", "qemu", "--json", "--limit", limit)
    )
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["all_equal"] is True
    assert found["images"] == limit
    assert found["instructions"] == report["instructions"]["total"]
    assert found["quantized_top1"] == found["host_top1"] == found["emulated_top1"]
    emulated = next(way for way in found["ways"] if way["name"] == "emulated")
    if pictures == "imagenet":  # a direction in 1000 dimensions says more than three top classes
        assert emulated["cosine"] > 0.95
    else:
        assert emulated["agreement"] >= 0.95
