"""Shapes of the file: what the importer makes is compared with them."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from mcucc.errors import ModelError
from mcucc.frontends.onnx import registry
from mcucc.frontends.onnx.converters import converters
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net


def pooled(folder: Path, declared: tuple[int, ...] | None = None) -> Path:
    n = Net([1, 3, 8, 8])
    path = n.save(folder, n("MaxPool", n.conv("image", 3, 4), kernel_shape=[2, 2], strides=[2, 2]))
    if declared is not None:
        model = onnx.load(path)
        for side in declared:
            model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = side
        onnx.save(model, path)
    return path


def test_a_converter_that_makes_another_shape_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pooled(tmp_path)
    converters()  # fills the table
    monkeypatch.setitem(registry.CONVERTERS, "MaxPool", lambda ctx, node: ctx.view(node, 0))
    with pytest.raises(ModelError, match=r"value maxpool_1 becomes \[1, 4, 8, 8\], in the file"):
        import_onnx(path)


@pytest.mark.parametrize("declared", [(1, 4, 4, 4), (1, 4, 6, 6), (8, 4, 4, 4)])
def test_a_declared_shape_left_over_from_another_input_is_no_matter(
    tmp_path: Path, declared: tuple[int, ...]
) -> None:
    graph = import_onnx(pooled(tmp_path, declared)).graph
    assert graph.tensors[graph.outputs[0]].shape == (1, 4, 4, 4)


def test_a_window_that_onnx_infers_and_the_runtime_leaves_out(tmp_path: Path) -> None:
    """ceil_mode: the last window would begin behind the picture."""
    n = Net([1, 3, 5, 5])
    path = n.save(tmp_path, n("MaxPool", "image", kernel_shape=[1, 1], strides=[1, 3], ceil_mode=1))
    graph = import_onnx(path).graph
    assert graph.tensors[graph.outputs[0]].shape == (1, 5, 2, 3)
