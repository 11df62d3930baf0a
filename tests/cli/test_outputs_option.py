"""--outputs end to end: the folder's network, its C and its oracle end where the user says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.project import TOML, Project
from tests.cli.test_litert import network
from tests.cli.test_samples import compiled, one, quantized, ran, validated

pytestmark = [pytest.mark.host, pytest.mark.slow]


def test_a_float_network_that_is_cut(project: Project) -> None:
    made = project.compile("--outputs", "clip_4", "--c-only")
    assert made.code == 0, made.err
    report = validated(project.folder / "out", project.data)
    ways = {way["name"]: way for way in report["ways"]}
    assert ways["host"]["cosine"] > 0.99 and ways["host"]["top1"] is None
    picture = project.data / "class0" / "0.png"
    assert ran(project.folder / "out", picture)["clip_4"].shape == (7, 6, 8)


def test_a_tflite_that_is_cut(project: Project, tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(network(np.int8))
    (tmp_path / "cut.toml").write_text(TOML)
    out = compiled(tmp_path / "cut.tflite", "--outputs", "first", "--rounding", "double")
    assert validated(out, project.data)["litert_equal"] is True
    assert ran(out, project.data / "class0" / "0.png")["first"].shape == (7, 6, 8)


def test_a_quantized_onnx_file_that_is_cut(tmp_path: Path) -> None:
    model = quantized(tmp_path, np.float32)
    out = compiled(model, "--outputs", "quantizelinear_4")
    data = one(tmp_path / "x.npy", np.random.default_rng(1).normal(0, 1, (3, 40)))
    assert validated(out, data)["onnxruntime_equal"] is True
