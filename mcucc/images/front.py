"""The camera in front of a network: nodes that make its input of the camera's own bytes.

The network's input keeps its name and its values; the new input holds the camera's bytes as they
are. Whoever compares with the model file sees the network alone: `network_of` takes them off again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mcucc.errors import DataError
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture, Sample, batch
from mcucc.ir.graph import Graph, Node
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.tensor import Quant, Tensor
from mcucc.numerics.fixed_point import INT8, IntegerArray
from mcucc.ops.bayer_bin import BayerBin, BayerBinKernel
from mcucc.ops.camera_picture import CameraPicture, CameraPictureKernel

FRAME = "frame"  # the new input, and the beginning of new tensors' names
BYTES = Quant((1.0,), 0)


def with_camera(graph: Graph, preprocess: Preprocess, *, folded: bool) -> Graph:
    """The int8 graph, reading what the camera of `preprocess` sends.

    `folded`: its input is byte - 128. DataError where it reads a sequence, or int16.
    """
    camera = preprocess.camera
    (name,) = graph.inputs
    network = graph.tensors[name]
    if camera is None:
        return graph
    if len(network.shape) != 4:
        raise DataError(
            f"the network reads {list(network.shape)}, a sequence: format is for pictures",
            hint="leave out format, camera and crop",
        )
    if network.dtype != INT8:
        raise DataError(
            f"the network reads {network.dtype}: format is for networks that read int8",
            hint="leave out format, and hand over pictures of the network's size",
        )
    scale, offset = _affine(preprocess, network.quantization, folded=folded)
    tensors, nodes = dict(graph.tensors), []
    source = graph.fresh(FRAME, tensors)
    tensors[source] = Tensor(source, (1, *camera.shape), INT8, BYTES)
    used = {node.name for node in graph.nodes}
    for op in camera.ops(preprocess.shape[:2], preprocess.channels, scale, offset):
        last = isinstance(op, CameraPicture)
        made = name if last else graph.fresh(f"{source}/binned", tensors)
        if not last:
            shape = op.infer([tensors[source].type]).shape
            tensors[made] = Tensor(made, shape, INT8, BYTES)
        title = f"camera/{'picture' if last else 'binned'}"
        while title in used:
            title += "_"
        nodes.append(Node(title, op, (source,), (made,)))
        source = made
    first = nodes[0].inputs[0]
    return graph.with_(nodes=(*nodes, *graph.nodes), tensors=tensors, inputs=(first,))


def _affine(
    preprocess: Preprocess, quant: Quant, *, folded: bool
) -> tuple[list[float], list[float]]:
    """real = scale[c] * byte + offset[c] of the network's input."""
    if not folded:
        scale, offset = preprocess.affine()
        return scale.tolist(), offset.tolist()
    step, channels = quant.per_tensor_scale, preprocess.channel_count
    return [step] * channels, [step * (-128 - quant.zero_point)] * channels


def network_input(graph: Graph) -> str:
    """The only input, as the network itself has it: behind the camera where there is one."""
    (name,) = graph.inputs
    for node in graph.nodes:
        if node.inputs == (name,) and isinstance(node.op, BayerBin | CameraPicture):
            name = node.output
    return name


def network_of(graph: Graph) -> Graph:
    """The graph without its camera."""
    front = [node for node in graph.nodes if isinstance(node.op, BayerBin | CameraPicture)]
    if not front:
        return graph
    nodes = [node for node in graph.nodes if node not in front]
    gone = {name for node in front for name in node.inputs}
    tensors = {name: tensor for name, tensor in graph.tensors.items() if name not in gone}
    return graph.with_(nodes=nodes, tensors=tensors, inputs=(network_input(graph),))


def network_kernels(graph: IntegerGraph) -> IntegerGraph:
    """The integer graph without its camera."""
    front = [node for node in graph.nodes if _of_camera(graph, node.name)]
    if not front:
        return graph
    gone = {name for node in front for name in node.inputs}
    activations = {name: a for name, a in graph.activations.items() if name not in gone}
    nodes = tuple(node for node in graph.nodes if node not in front)
    return replace(graph, nodes=nodes, activations=activations, inputs=(front[-1].output,))


def fed(graph: IntegerGraph, samples: Sequence[Sample]) -> dict[str, IntegerArray]:
    """What a compiled network reads of samples, by input: with a camera in front, its bytes."""
    if not any(_of_camera(graph, node.name) for node in graph.nodes[:1]):
        return batch(graph.inputs, samples)
    (name,) = graph.inputs
    frames = [sample.image for sample in samples if isinstance(sample, Picture)]
    return {name: np.stack(frames).view(np.int8)}


def _of_camera(graph: IntegerGraph, name: str) -> bool:
    return isinstance(graph.node(name).kernel, BayerBinKernel | CameraPictureKernel)
