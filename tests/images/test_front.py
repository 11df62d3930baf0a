"""The camera in front of a network: what is put there, and taken off again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcucc.errors import DataError
from mcucc.images.camera_format import CameraFormat
from mcucc.images.front import network_input, network_kernels, network_of, with_camera
from mcucc.images.preprocess import Preprocess
from mcucc.ir import Graph, Quant
from mcucc.ir.text import graph_text
from mcucc.quantize.lower import lower
from tests.graphs import Builder

PRE = Preprocess(
    *("rgb", (6, 4)),
    scale=0.5,
    mean=(1.0, 2.0, 3.0),
    std=(1.0, 2.0, 1.0),
    camera=CameraFormat("bayer_rggb", (30, 20), (0, 2, 24, 16)),
)


def net() -> Graph:
    b = Builder(6, 4, 3, 0)
    return b.graph(b.classifier(b.conv("image", 5), 3))


def test_what_is_put_in_front_comes_off_again() -> None:
    alone, seeing = net(), with_camera(net(), PRE, folded=True)
    assert seeing.inputs == ("frame",) and network_input(seeing) == "image"
    assert [node.name for node in seeing.nodes[:2]] == ["camera/binned", "camera/picture"]
    assert seeing.tensors["frame"].shape == (1, 30, 20, 1)
    assert graph_text(network_of(seeing)) == graph_text(alone)
    integer = network_kernels(lower(seeing))
    assert integer.inputs == ("image",) and "frame" not in integer.activations
    assert network_of(alone) is alone and network_input(alone) == "image"


def test_names_that_the_network_has_are_left_to_it() -> None:
    graph = net()
    renamed = {"frame": replace(graph.tensors["image"], name="frame")}
    nodes = tuple(
        replace(node, inputs=tuple("frame" if n == "image" else n for n in node.inputs))
        for node in graph.nodes
    )
    graph = graph.with_(nodes=nodes, tensors={**graph.tensors, **renamed}, inputs=("frame",))
    seeing = with_camera(graph, PRE, folded=True)
    assert seeing.inputs == ("frame.1",) and network_input(seeing) == "frame"


def test_a_files_own_quantization_is_the_table() -> None:
    """real = scale * byte / std - mean / std, in the input's scale and zero point."""
    graph = net()
    image = replace(graph.tensors["image"], quant=Quant((0.5,), 7))
    seeing = lower(
        with_camera(graph.with_(tensors={**graph.tensors, "image": image}), PRE, folded=False)
    )
    table = seeing.nodes[1].kernel.table  # type: ignore[attr-defined]
    bytes_ = np.arange(256)
    for channel, (mean, std) in enumerate(zip(PRE.mean, PRE.std, strict=True)):
        real = (0.5 * bytes_ - mean) / std
        wanted = np.clip(np.floor(real / 0.5 + 0.5) + 7, -128, 127)
        assert (table[channel] == wanted).all()


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"dtype": np.dtype(np.int16)}, "int16"), ({"shape": (1, 4, 3)}, "sequence")],
)
def test_what_is_no_int8_picture_is_refused(changes: dict[str, object], why: str) -> None:
    graph = net()
    image = replace(graph.tensors["image"], **changes)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=why):
        with_camera(graph.with_(tensors={**graph.tensors, "image": image}), PRE, folded=True)
