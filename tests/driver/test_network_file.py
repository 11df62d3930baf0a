"""Saved networks come back equal, and nothing but a network is read."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from mcucc.driver.network_file import load_graph, save_graph
from mcucc.errors import ModelError
from mcucc.ir import graph_text, verify
from mcucc.ops.attention import Attention
from mcucc.ops.common.table import Table
from tests.graphs import Builder, mobile_net


def test_round_trip_keeps_every_byte(tmp_path: Path) -> None:
    graph = mobile_net()
    save_graph(graph, tmp_path / "net.npz")
    again = load_graph(tmp_path / "net.npz")
    verify(again)
    assert graph_text(again) == graph_text(graph)
    assert again.nodes == graph.nodes
    for name, tensor in graph.tensors.items():
        assert again.tensors[name].quant == tensor.quant
        if tensor.data is not None:
            np.testing.assert_array_equal(again.tensors[name].constant, tensor.data)


def test_same_graph_same_bytes(tmp_path: Path) -> None:
    save_graph(mobile_net(), tmp_path / "a")
    save_graph(mobile_net(), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"text"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ModelError, match="not a network saved by mcucc"):
        load_graph(tmp_path / "x")


def test_unknown_ops_are_refused(tmp_path: Path) -> None:
    save_graph(mobile_net(), tmp_path / "net")
    with zipfile.ZipFile(tmp_path / "net") as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries["graph.json"] = entries["graph.json"].replace(b'"Conv2d"', b'"Popen"')
    with zipfile.ZipFile(tmp_path / "bad", "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    with pytest.raises(ModelError):
        load_graph(tmp_path / "bad")


def test_the_bias_of_an_attention_is_kept(tmp_path: Path) -> None:
    """Relative positions of windows: a table of an op, masked entries included."""
    b = Builder(2, 3, 4)
    table = np.tile(np.array([0.5, -np.inf, 2.0], np.float32), 6).reshape(1, 3, 2, 3)
    bias = Table.of(table)
    op = Attention(2, 0.5, by_row=True, bias=bias)
    graph = b.graph(b.node(op, "image", "image", "image"))
    save_graph(graph, tmp_path / "network")
    assert load_graph(tmp_path / "network").nodes[0].op == op
