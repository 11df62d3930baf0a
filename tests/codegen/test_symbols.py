"""Names in C are put together from those of a model: no two things of a file share one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.backends.host import run_host
from mcucc.boards.board import load_board
from mcucc.ir import Graph
from mcucc.toolchain import build_shared
from tests.whole.library import library
from tests.whole.networks import NETWORKS

# Each takes what another one, the header or the runtime is called, once something is hung on it.
NODES = (
    *("a", "a_border", "output", "input", "mcucc_conv2d", "run", "camera_image", "stage_0_a"),
    *("a_params", "image", "padding", "model", "a_rows", "receive_image", "keep_0_image", "m"),
)
OUTPUTS = ("bias", "multiplier")


def renamed(graph: Graph, names: Sequence[str]) -> Graph:
    """The graph with other names of nodes and outputs."""
    ends = dict(zip(graph.outputs, OUTPUTS, strict=False))

    def new(tensors: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(ends.get(name, name) for name in tensors)

    nodes = [
        replace(node, name=name, inputs=new(node.inputs), outputs=new(node.outputs))
        for node, name in zip(graph.nodes, names, strict=False)
    ]
    assert len(nodes) == len(graph.nodes)
    tensors = {
        ends.get(name, name): replace(t, name=ends.get(name, name))
        for name, t in graph.tensors.items()
    }
    return replace(graph.with_(nodes=nodes, tensors=tensors), outputs=new(graph.outputs))


@pytest.mark.host
@pytest.mark.parametrize("network", ["borders", "outputs"])
@pytest.mark.parametrize("last", [False, True])
def test_c_of_names_that_meet_compiles_and_is_right(
    network: str, last: bool, tmp_path: Path
) -> None:
    graph = NETWORKS[network]()
    names = NODES[::-1] if last else NODES
    made = library(renamed(graph, names), load_board("nucleo-l4r5zi"), tmp_path / "c", "m")
    pictures = made.pictures(2)
    shared = build_shared([made.unit], made.kernels, tmp_path / "so")
    assert run_host(shared, "m", pictures) == made.expected(pictures)
