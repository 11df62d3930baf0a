"""The graph under construction: IR nodes so far, and what each value of the model file became."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.base.numbering import first_free
from mcucc.frontends.imported import Source
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.view import NHWC, View, storage_shape
from mcucc.frontends.unsupported import UnsupportedNode
from mcucc.ir.graph import Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Tensor
from mcucc.ir.window import hwc
from mcucc.ops.common.spatial import Window2d
from mcucc.ops.depth_to_space import DepthToSpace
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from mcucc.ops.permute import MOST_AXES, Permute
from mcucc.ops.reshape import Reshape
from mcucc.ops.space_to_depth import SpaceToDepth
from mcucc.ops.transpose import Transpose

Constant = npt.NDArray[Any]
Reals = npt.NDArray[np.float64]
MOST_INTEGERS = 2**16  # of a shape, of pads, of axes
LARGEST_ACTIVATION = 2**26  # elements; four orders of magnitude above any microcontroller


class Context:
    """IR nodes, tensors and sources so far; views and constants by name of the model file.

    `is_quantized`: the numbers that quantize the graph come from the file, and belong to its nodes.
    """

    def __init__(self, *, is_quantized: bool = False) -> None:
        self.is_quantized = is_quantized
        self.nodes: list[Node] = []
        self.tensors: dict[str, Tensor] = {}
        self.sources: dict[str, Source] = {}
        self.views: dict[str, View] = {}
        self.constants: dict[str, Constant] = {}
        self.integers_of_file: set[str] = set()  # values that are integers there, or bool
        self.truths_of_file: set[str] = set()  # of them those that are 0 or 1
        self._moves: dict[tuple[str, tuple[int, ...], tuple[int, ...]], str] = {}
        self._reserved: set[str] = set()
        self._node_names: set[str] = set()
        self._labels: set[str] = set()

    # Names

    def reserve(self, values: Sequence[str], labels: Sequence[str]) -> None:
        """Keep names of the model's values and nodes from being given to anything else."""
        self._reserved.update(values)
        self._labels.update(labels)

    def fresh(self, name: str) -> str:
        """`name`, numbered when a tensor or a value of the model file has it."""
        return _numbered(name, lambda n: n in self.tensors or n in self._reserved)

    def node_name(self, name: str, *, own: bool) -> str:
        """A node name nobody has yet; its `own` is that of a node of the file."""
        taken = self._node_names
        free = own and name not in taken
        unique = name if free else _numbered(name, lambda n: n in taken or n in self._labels)
        self._node_names.add(unique)
        return unique

    # What a node reads

    def view(self, node: OnnxNode, index: int) -> View:
        """Input `index` as an activation; UnsupportedNode for a constant."""
        name = node.input(index)
        if name not in self.views:
            raise UnsupportedNode(f"input {index} is a constant where an activation is expected")
        return self.views[name]

    def constant(self, node: OnnxNode, index: int, what: str) -> Constant:
        """Input `index` as a constant; UnsupportedNode for an activation."""
        name = node.input(index)
        if name not in self.constants:
            raise UnsupportedNode(
                f"its {what} is computed by the network; only constants are compiled"
            )
        return self.constants[name]

    def optional(self, node: OnnxNode, index: int, what: str) -> Constant | None:
        """Input `index` as a constant, None where it is left out."""
        return None if node.optional(index) is None else self.constant(node, index, what)

    def integers(self, node: OnnxNode, index: int, what: str) -> tuple[int, ...] | None:
        """Input `index` as a list of integers, None where it is left out."""
        found = self.optional(node, index, what)
        if found is None:
            return None
        if found.size > MOST_INTEGERS:
            raise UnsupportedNode(f"its {what} has {found.size:,} numbers")
        return tuple(int(value) for value in found.reshape(-1))

    # What a node makes

    def weights(self, name: str, values: npt.NDArray[Any]) -> str:
        """A float32 constant of the graph; UnsupportedNode unless finite."""
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(values, dtype=np.float32)
        if not np.isfinite(array).all():
            raise UnsupportedNode("its constants contain NaN or infinity")
        unique = self.fresh(name)
        self.tensors[unique] = Tensor.const(unique, array)
        return unique

    def compute(self, node: OnnxNode, op: Op, inputs: Sequence[str], part: str = "") -> str:
        """Add an IR node and return its output's name.

        Without `part` the output is the ONNX node's own; with it, a step on the way.
        """
        inferred = op.infer([self.tensors[name].type for name in inputs])
        if prod(inferred.shape) > LARGEST_ACTIVATION:
            raise UnsupportedNode(f"its output {list(inferred.shape)} is absurdly large")
        if min(inferred.shape) < 1:
            raise UnsupportedNode(f"its output {list(inferred.shape)} is empty")
        if not part and node.output not in self.tensors:
            output = node.output
        else:
            output = self.fresh(f"{node.output}.{part or 'value'}")
        self.tensors[output] = Tensor(output, inferred.shape, inferred.dtype)
        name = self.node_name(f"{node.name}.{part}" if part else node.name, own=not part)
        self.nodes.append(Node(name, op, tuple(inputs), (output,)))
        return output

    def shaped(self, node: OnnxNode, view: View, shape: Sequence[int]) -> View:
        """The view with its tensor in this IR shape (no data moves)."""
        if self.tensors[view.tensor].shape == tuple(shape):
            return view
        made = self.compute(node, Reshape(tuple(shape)), [view.tensor], "reshape")
        return replace(view, tensor=made)

    def reordered(self, node: OnnxNode, view: View, order: Sequence[int]) -> View:
        """The view with its atoms stored in this order: a transpose, where one is needed."""
        order = tuple(order)
        if order == tuple(range(len(view.atoms))):
            return view
        runs: list[list[int]] = []
        for atom in order:
            if runs and runs[-1][-1] + 1 == atom:
                runs[-1].append(atom)
            else:
                runs.append([atom])
        stored = sorted(range(len(runs)), key=lambda i: runs[i][0])
        sizes = tuple(view.size_of(runs[i]) for i in stored)
        permutation = tuple(stored.index(i) for i in range(len(runs)))
        made = self._moved(node, view, sizes, permutation)
        place = {atom: i for i, atom in enumerate(order)}
        axes = tuple(tuple(place[atom] for atom in axis) for axis in view.axes)
        return View(made, tuple(view.atoms[a] for a in order), axes).canonical()

    def _moved(
        self, node: OnnxNode, view: View, sizes: tuple[int, ...], order: tuple[int, ...]
    ) -> str:
        """The view's tensor, seen with these sizes, in this order of them."""
        if len(sizes) <= 3:
            flat = self.shaped(node, view, (1, *sizes))
            op = Transpose((0, *(1 + axis for axis in order)))
            return self.compute(node, op, [flat.tensor], "transpose")
        key = view.tensor, sizes, order  # a picture and a residual around it ask for the same
        if key not in self._moves:
            self._moves[key] = self._of_many_axes(node, view, sizes, order)
        return self._moves[key]

    def _of_many_axes(
        self, node: OnnxNode, view: View, sizes: tuple[int, ...], order: tuple[int, ...]
    ) -> str:
        blocks = _blocks(self.tensors[view.tensor].shape, sizes) if order == (0, 2, 1, 3) else None
        if blocks is not None:
            shape, moves = blocks
            return self.compute(node, moves, [self.shaped(node, view, shape).tensor], "windows")
        if len(sizes) > MOST_AXES:
            raise UnsupportedNode(
                f"it needs a transpose of {len(sizes)} axes; at most {MOST_AXES} are compiled",
                "reshape and transpose fewer axes at once",
            )
        op = Permute(sizes, order, storage_shape([sizes[axis] for axis in order]))
        return self.compute(node, op, [view.tensor], "transpose")

    def in_layout(self, node: OnnxNode, view: View, permutation: Sequence[int]) -> View:
        """The view stored as value.transpose(permutation), its tensor in that shape.

        Where the first axis is no batch of 1, a batch is put in front (storage_shape).
        """
        view = view.canonical()
        wanted = [atom for axis in permutation for atom in view.axes[axis]]
        moved = self.reordered(node, view, wanted)
        return self.shaped(node, moved, storage_shape([moved.shape[axis] for axis in permutation]))

    def image(self, node: OnnxNode, view: View) -> View:
        """The view of a (1, C, H, W) value stored as (1, H, W, C); UnsupportedNode for others."""
        if len(view.axes) != 4:
            raise UnsupportedNode(
                f"only 2-D images (N, C, H, W) are compiled, the input is {view.shape}"
            )
        if view.shape[0] != 1:
            raise UnsupportedNode(f"the batch is {view.shape[0]}, only 1 is compiled")
        return self.in_layout(node, view, NHWC)

    def affine(
        self,
        node: OnnxNode,
        view: View,
        scale: npt.ArrayLike,
        offset: npt.ArrayLike,
        part: str = "",
    ) -> View:
        """scale * value + offset as a 1x1 depthwise convolution.

        Both constants broadcast to the value's shape; UnsupportedNode when they would enlarge it.
        """
        factors = [np.asarray(scale, np.float64), np.asarray(offset, np.float64)]
        shape = np.broadcast_shapes(*(factor.shape for factor in factors))
        view = self._room_for(view.canonical(), shape)
        if all(factor.size == 1 for factor in factors):
            shape = hwc(self.tensors[view.tensor].shape)
            flat = [np.full(shape[2], factor.item()) for factor in factors]
        else:
            # The channels are the trailing atoms over which the constants vary.
            spread = [view.constant_in_storage(factor) for factor in factors]
            depth = min(min(map(_first_varying, spread)), max(len(view.atoms) - 1, 0))
            channels = view.size_of(range(depth, len(view.atoms)))
            flat = [factor[(0,) * depth].reshape(channels) for factor in spread]
            shape = pixels_of(self.tensors[view.tensor].shape, channels)
        view = self.shaped(node, view, (1, *shape))
        name = f"{node.output}.{part}" if part else node.output
        weights = self.weights(f"{name}.scale", flat[0].reshape(1, 1, -1))
        bias = self.weights(f"{name}.offset", flat[1])
        op = DepthwiseConv2d(Window2d((1, 1)))
        return replace(view, tensor=self.compute(node, op, [view.tensor, weights, bias], part))

    def _room_for(self, view: View, shape: tuple[int, ...]) -> View:
        view = view.expanded(max(len(shape), len(view.axes)))
        try:
            fits = np.broadcast_shapes(view.shape, shape) == view.shape
        except ValueError:
            fits = False
        if not fits:
            raise UnsupportedNode(
                f"a constant of shape {shape} does not fit the activation {view.shape}"
            )
        return view


def _blocks(
    shape: tuple[int, ...], sizes: Sequence[int]
) -> tuple[tuple[int, ...], SpaceToDepth | DepthToSpace] | None:
    """Rows of pixels as rows of windows, or back: the two middle axes of four change places.

    (bands, p, windows, bytes) is a picture of bands * p rows in blocks of p, or blocks of `windows`
    rows as channels: the former where `shape` has these rows. None where neither has whole pixels.
    """
    bands, rows, windows, run = sizes
    apart = (1, bands * rows, windows * rows, run // rows), SpaceToDepth(rows)
    joined = (1, bands, rows, windows * run), DepthToSpace(windows)
    fits = (run % rows == 0, run % windows == 0)
    if fits[0] and (hwc(shape)[0] == bands * rows or not fits[1]):
        return apart
    return joined if fits[1] else None


def _first_varying(array: Reals) -> int:
    """The first axis along which the array is not constant; its rank when there is none."""
    for axis in range(array.ndim):
        if (array != array.take([0], axis)).any():
            return axis
    return array.ndim


def pixels_of(shape: tuple[int, ...], channels: int) -> tuple[int, int, int]:
    """(H, W, channels) of a stored tensor, its own height and width where they fit."""
    height, width, depth = hwc(shape)
    return (height, width, depth) if depth == channels else (1, prod(shape) // channels, channels)


def _numbered(name: str, taken: Callable[[str], bool]) -> str:
    if not taken(name):
        return name
    return f"{name}.{first_free(lambda number: taken(f'{name}.{number}'), 1)}"
