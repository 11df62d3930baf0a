"""An encoder with folded attention on the command line: what was folded is validated so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.project import BOARD, HEIGHT, TOML, WIDTH, make_project, mcucc
from tests.frontends.onnx_nets import Net

pytestmark = pytest.mark.host


def encoder(folder: Path) -> None:
    """Tokens of 4 x 4 pixels and one attention of one head over them."""
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n("Conv", "image", n.weights(8, 3, 4, 4), kernel_shape=[4, 4], strides=[4, 4])
    tokens = HEIGHT // 4 * (WIDTH // 4)
    x = n("Transpose", n("Reshape", x, n.ints(1, 8, tokens)), perm=[0, 2, 1])
    q, k, v = (n("MatMul", x, n.weights(8, 8)) for _ in range(3))
    scores = n("MatMul", q, n("Transpose", k, perm=[0, 2, 1]))
    y = n("MatMul", n("Softmax", n("Mul", scores, n.const(0.3)), axis=-1), v)
    n("ReduceMean", n("MatMul", y, n.weights(8, 5)), out="out", axes=[1], keepdims=0)
    n.save(folder, "out")


def test_folded_attention_is_compiled_and_validated(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    encoder(project.folder)
    (project.folder / "net.toml").write_text(TOML)
    out, data = project.folder / "out", project.data
    options = ("--board", BOARD, "--data", data, "--quantize", "fast", "--c-only")
    made = mcucc("compile", project.model, *options, "--fold-attention", "--out", out)
    assert made.code == 0, made.err
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["quantization"]["fold_attention"] is True
    assert "shared=1" in (out / "report.json").read_text()
    checked = mcucc("validate", out, "--data", data, "--emulator", "none")
    assert checked.code == 0, checked.out + checked.err
