"""The int8 Graph under construction while the operators of a .tflite file are converted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mcucc.frontends.imported import Source
from mcucc.frontends.tflite.file import FileOperator, FileTensor, TfliteFile
from mcucc.frontends.tflite.island import Island
from mcucc.frontends.tflite.strided_view import StridedView
from mcucc.frontends.unsupported import NotComputed, UnsupportedNode, UnsupportedType
from mcucc.ir.graph import Node
from mcucc.ir.op import Op
from mcucc.ir.tensor import Quant, Tensor
from mcucc.ir.window import hwc
from mcucc.ops.reshape import Reshape

INT8, INT16 = np.dtype(np.int8), np.dtype(np.int16)
Array = npt.NDArray[Any]
Block = tuple[int, int]  # rows and columns between two pixels of one phase


class Context:
    """Tensors by the file's index, nodes in order, and the constants known so far."""

    def __init__(self, file: TfliteFile, unsigned: frozenset[int] = frozenset()) -> None:
        self.file, self.unsigned = file, unsigned  # tensors of uint8, here int8 (unsigned.py)
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.names: dict[int, str] = {}
        self.sources: dict[str, Source] = {}
        self._numbers: dict[str, int] = {}  # the last one behind each name wanted more than once
        # Of tensors by the file's index, where they are not what the file alone says:
        self.shapes: dict[int, tuple[int, ...]] = {}  # as LiteRT computes them
        self.views: dict[int, StridedView] = {}  # moved values that no node holds yet
        self.blocks: dict[int, Block] = {}  # batches that stand for the phases of one picture
        self.islands: dict[int, Island] = {}  # floats that are functions of bytes (islands.py)
        self._changed: dict[tuple[int, tuple[int, ...]], Array] = {}
        self.constants: dict[int, Array] = {
            t.index: t.data for t in file.tensors if t.data is not None and not t.variable
        }

    def unique(self, wanted: str) -> str:
        """`wanted`, or with a number behind it when a tensor has that name already."""
        name, number = wanted or "tensor", self._numbers.get(wanted, 1)
        while name in self.tensors:
            number += 1
            name = f"{wanted}_{number}"
        self._numbers[wanted] = number
        return name

    def file_tensor(self, operator: FileOperator, position: int) -> FileTensor:
        """Input `position` of an operator; UnsupportedNode when it is missing."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            raise UnsupportedNode(f"input {position} is missing")
        return self.file.tensors[operator.inputs[position]]

    def output_tensor(self, operator: FileOperator) -> FileTensor:
        """The only output of an operator."""
        if len(operator.outputs) != 1:
            raise UnsupportedNode(f"{len(operator.outputs)} outputs")
        return self.file.tensors[operator.outputs[0]]

    def activation(
        self, operator: FileOperator, position: int = 0, *, phases: bool = False
    ) -> Tensor:
        """The graph tensor of an activation input.

        `phases`: one whose batch stands for the phases of a picture is welcome, as that picture.
        """
        tensor = self._computed(operator, position)
        if tensor.index in self.blocks and not phases:
            raise UnsupportedNode(
                f"input {tensor.name} is a batch of SPACE_TO_BATCH_ND",
                "only convolutions and element-wise operators are compiled before it is undone",
            )
        if tensor.index in self.views:
            self._settle(tensor)
        return self.tensors[self.names[tensor.index]]

    def view(self, operator: FileOperator, position: int = 0) -> StridedView:
        """An activation input as a view of some tensor of the graph."""
        tensor = self._computed(operator, position)
        if tensor.index not in self.views:
            name = self.activation(operator, position).name
            return StridedView.of(name, self.shape(tensor))
        return self.views[tensor.index]

    def picture(self, operator: FileOperator, position: int = 0, *, phases: bool = False) -> Tensor:
        """The graph tensor of a (1, H, W, C) input; UnsupportedNode for other shapes."""
        tensor = self.file_tensor(operator, position)
        shape = self.shape(tensor)
        if len(shape) != 4 or (shape[0] != 1 and tensor.index not in self.blocks):
            raise UnsupportedNode(f"{tensor.name} has the shape {list(shape)}, not (1, H, W, C)")
        return self.activation(operator, position, phases=phases)

    def shape(self, tensor: FileTensor) -> tuple[int, ...]:
        """The shape of a tensor of the file, as LiteRT computes it."""
        return self.shapes.get(tensor.index, tensor.shape)

    def shape_at(self, operator: FileOperator, position: int = 0) -> tuple[int, ...]:
        """The shape of an input of an operator, as LiteRT computes it."""
        return self.shape(self.file_tensor(operator, position))

    def _computed(self, operator: FileOperator, position: int) -> FileTensor:
        """An activation input that is there; UnsupportedNode otherwise."""
        tensor = self.file_tensor(operator, position)
        if tensor.index in self.constants:
            raise UnsupportedNode(
                f"input {position} is a constant",
                "fold it into a convolution before converting the model",
            )
        check_integer(tensor)
        if 0 in self.shape(tensor):
            raise UnsupportedNode(
                f"input {tensor.name} is empty: its shape is {list(tensor.shape)}",
                "convert the model with fixed shapes",
            )
        if tensor.index not in self.names and tensor.index not in self.views:
            raise NotComputed(f"input {tensor.name} is not computed")
        return tensor

    def integers(self, operator: FileOperator, position: int) -> tuple[int, ...]:
        """A constant input (written in the file or folded) as integers, flattened."""
        tensor = self.file_tensor(operator, position)
        value = self.constants.get(tensor.index)
        if value is None:
            raise UnsupportedNode(
                f"input {position} ({tensor.name}) is computed at run time",
                "convert the model with fixed shapes",
            )
        if value.dtype.kind not in "iu" or value.size > 64:
            raise UnsupportedNode(
                f"input {position} ({tensor.name}) is not a short list of integers"
            )
        return tuple(int(v) for v in value.flat)

    def says(self, tensor: FileTensor, shape: Sequence[int]) -> None:
        """Note the shape an operator computes; UnsupportedNode where the file says another one.

        An axis that the file leaves open (-1 in its signature) has 1 in its shape.
        """
        open_axes = {i for i, n in enumerate(tensor.signature) if n < 0}
        same = len(shape) == len(tensor.shape) and all(
            n == m or i in open_axes
            for i, (n, m) in enumerate(zip(shape, tensor.shape, strict=True))
        )
        if not same:
            raise UnsupportedNode(
                f"computes {list(shape)} where the file says {list(tensor.shape)}"
            )
        self.shapes[tensor.index] = tuple(shape)

    def shape_of(self, tensor: FileTensor) -> tuple[int, ...]:
        """The shape in the graph: (1, H, W, C), (1, W, C) or (1, C), the same bytes in order.

        A matrix within the network is (1, rows, values); axes beyond four are joined to rows.
        """
        shape = self.shape(tensor)
        if 0 in shape:
            raise UnsupportedNode(
                f"{tensor.name} is empty: its shape is {list(shape)}",
                "convert the model with fixed shapes",
            )
        if tensor.index in self.blocks:
            rows, columns = self.blocks[tensor.index]
            *size, channels = shape if len(shape) == 4 else (0, 1, *shape[1:])
            return (1, size[1] * rows, size[2] * columns, channels)
        if tensor.index in self.file.inputs and shape[:1] != (1,):
            raise UnsupportedNode(
                f"{tensor.name} has the shape {list(shape)}",
                "mcucc compiles for one picture: the first axis must be 1",
            )
        if tensor.index in self.file.inputs or (shape[:1] == (1,) and len(shape) <= 4):
            hwc(shape)
            return shape
        if len(shape) < 4:
            return (1, *shape) if shape else (1, 1)
        return (1, math.prod(shape[:-2]), *shape[-2:])

    def define(self, tensor: FileTensor, shape: Sequence[int] | None = None) -> Tensor:
        """A new graph tensor for an activation of the file.

        `shape`: what the operator computes, where the file's own word is not to be taken.
        """
        check_integer(tensor)
        if tensor.index in self.names or tensor.index in self.constants:
            raise UnsupportedNode(f"{tensor.name} is defined twice")
        if shape is not None:
            self.says(tensor, shape)
        dtype = tensor.dtype or INT8
        made = Tensor(self.unique(tensor.name), self.shape_of(tensor), dtype, per_tensor(tensor))
        self.tensors[made.name] = made
        self.names[tensor.index] = made.name
        if tensor.index not in self.blocks:
            self.sources[made.name] = self._source(tensor)
        return made

    def move(self, operator: FileOperator, view: StridedView) -> None:
        """The operator's only output is a view: a node now, or later where more moves may follow.

        What has the source's bytes in their order is a Reshape at once, where the graph has such a
        shape.
        """
        tensor = self.output_tensor(operator)
        check_integer(tensor)
        if tensor.index in self.names or tensor.index in self.views:
            raise UnsupportedNode(f"{tensor.name} is defined twice")
        self.says(tensor, view.shape)
        if not view.plain or len(view.shape) > 4:
            self.views[tensor.index] = view
            return
        source, quant = self.tensors[view.source], per_tensor(tensor)
        idle = (source.shape, source.quant) == (self.shape_of(tensor), quant)
        if idle and operator.inputs[0] in self.views:  # moved there and back: nothing is left
            self.names[tensor.index] = source.name
        else:
            self.apply(view, self.define(tensor))

    def settle_output(self, index: int) -> None:
        """Make an output of the network where it is a view; UnsupportedNode for phases."""
        if index in self.blocks:
            raise UnsupportedNode("the network ends within SPACE_TO_BATCH_ND", "end it behind")
        if index in self.views:
            self._settle(self.file.tensors[index])

    def _settle(self, tensor: FileTensor) -> None:
        """Make the nodes of a view."""
        view = self.views.pop(tensor.index)
        self.apply(view, self.define(tensor))

    def apply(self, view: StridedView, y: Tensor) -> None:
        """Emit the nodes that compute `y` from the source of a view."""
        x = self.tensors[view.source]
        self.chain(view.steps(x.shape, y.shape), x, y)

    def chain(self, ops: Sequence[Op], x: Tensor, y: Tensor) -> None:
        """Emit ops that copy values one behind the other, from `x` to `y`."""
        *steps, last = self._without_idle(ops, x)
        if not isinstance(last, Reshape):  # which reads the bytes as y does anyway
            x = self.relabelled(x, y.quantization)
        for op in steps:
            shape = op.infer([x.type]).shape
            made = self.between(f"{y.name}_{op.kind.lower()}", x, shape, x.quantization)
            self.emit(op, [x.name], made)
            x = made
        self.emit(last, [x.name], y)

    @staticmethod
    def _without_idle(ops: Sequence[Op], x: Tensor) -> list[Op]:
        """The ops without Reshapes to the shape that is there; the last one is kept if alone."""
        kept: list[Op] = []
        now = x.type
        for op in ops:
            after = op.infer([now])
            if not isinstance(op, Reshape) or after.shape != now.shape:
                kept.append(op)
            now = after
        return kept or [ops[-1]]

    def merge(self, target: Tensor, source: Tensor, tensor: FileTensor) -> None:
        """Let the file's `tensor`, just defined as `target`, be `source`: the same values."""
        if target.shape != source.shape:
            raise UnsupportedNode(f"{list(source.shape)} becomes {list(target.shape)}")
        del self.tensors[target.name]
        self.names[tensor.index] = source.name
        if self.sources.pop(target.name, None) is not None:
            self.sources.setdefault(source.name, self._source(tensor))

    def _source(self, tensor: FileTensor) -> Source:
        order = tuple(range(len(self.shape(tensor))))
        return Source(tensor.name, order, tensor.index)

    def once(self, tensor: FileTensor, form: tuple[int, ...], make: Callable[[], Array]) -> Array:
        """A changed copy of a constant, made once however many operators read it so."""
        key = (tensor.index, form)
        if key not in self._changed:
            self._changed[key] = make()
        return self._changed[key]

    def constant(self, tensor: FileTensor, data: Array, quant: Quant | None) -> str:
        """Add weights or a bias; returns the name."""
        name = self.unique(tensor.name)
        self.tensors[name] = Tensor.const(name, data, quant)
        return name

    def relabelled(self, x: Tensor, quant: Quant) -> Tensor:
        """`x` read with another scale: LiteRT copies bytes where it does no arithmetic.

        Scales that differ by less than LiteRT notices are left alone.
        """
        own = x.quantization
        near = abs(own.per_tensor_scale - quant.per_tensor_scale) <= 1e-6
        if near and own.zero_point == quant.zero_point:
            return x
        made = self.between(f"{x.name}_as", x, x.shape, quant)
        self.emit(Reshape(x.shape), [x.name], made)
        return made

    def between(self, name: str, like: Tensor, shape: tuple[int, ...], quant: Quant) -> Tensor:
        """A tensor the file does not have, between two nodes that make one of its operators."""
        made = Tensor(self.unique(name), shape, like.dtype, quant)
        self.tensors[made.name] = made
        return made

    def emit(self, op: Op, inputs: list[str], output: Tensor) -> None:
        """Append a node, after checking that it computes the shape the file says."""
        inferred = op.infer([self.tensors[name].type for name in inputs]).shape
        if inferred != output.shape:
            raise UnsupportedNode(
                f"computes {list(inferred)} where the file says {list(output.shape)}"
            )
        self._check_types(op, inputs, output)
        self.nodes.append(Node(output.name, op, tuple(inputs), (output.name,)))

    def _check_types(self, op: Op, inputs: Sequence[str], output: Tensor) -> None:
        """UnsupportedNode for an op of int16 that there is no kernel for."""
        read = [self.tensors[name] for name in inputs if self.tensors[name].data is None]
        types = {tensor.dtype for tensor in (*read, output)}
        if INT16 not in types:
            return
        if len(types) > 1 and op.kind != "Requantize":
            raise UnsupportedNode("int8 and int16 in one operator", "quantize all of it to one")
        if not op.WIDE_ALL and not (op.WIDE_INPUTS and op.WIDE_OUTPUT):
            raise UnsupportedNode(
                f"{op.kind} is not compiled for int16", "quantize activations to int8"
            )

    def op(
        self,
        op: Op,
        inputs: list[str],
        operator: FileOperator,
        shape: Sequence[int] | None = None,
    ) -> None:
        """Append the node that computes the operator's only output, of this shape in the file."""
        self.emit(op, inputs, self.define(self.output_tensor(operator), shape))

    def like(self, operator: FileOperator, position: int = 0) -> tuple[int, ...]:
        """The shape of an element-wise operator's output: that of input `position`, phases too."""
        source, made = self.file_tensor(operator, position), self.output_tensor(operator)
        if source.index in self.blocks:
            self.blocks[made.index] = self.blocks[source.index]
        return self.shape(source)


def check_int8(tensor: FileTensor) -> None:
    """UnsupportedNode unless `tensor` is int8 with one scale."""
    if tensor.dtype != INT8:
        raise UnsupportedType(f"{tensor.name} is {tensor.type_name}, not INT8")
    per_tensor(tensor)


def check_integer(tensor: FileTensor) -> None:
    """UnsupportedNode unless `tensor` is int8 or int16 with one scale."""
    if tensor.dtype not in (INT8, INT16):
        raise UnsupportedType(f"{tensor.name} is {tensor.type_name}, not INT8")
    per_tensor(tensor)


def per_tensor(tensor: FileTensor) -> Quant:
    """The quantization of an activation."""
    if len(tensor.scale) != 1:
        raise UnsupportedNode(f"{tensor.name} has {len(tensor.scale)} scales where one is needed")
    if tensor.scale[0] <= 0:
        raise UnsupportedNode(f"{tensor.name} has the scale {tensor.scale[0]}")
    lowest, highest = (0, 255) if tensor.dtype == np.uint8 else (-128, 127)
    if tensor.dtype == INT16:  # symmetric, as LiteRT's 16x8 mode demands
        lowest, highest = 0, 0
    if not lowest <= tensor.zero_point[0] <= highest:
        raise UnsupportedNode(f"{tensor.name} has the zero point {tensor.zero_point[0]}")
    return Quant(tensor.scale, tensor.zero_point[0])


def equal_quantization(ctx: Context, operator: FileOperator) -> None:
    """UnsupportedNode unless input 0 and the output have one scale and zero point."""
    x, y = ctx.file_tensor(operator, 0), ctx.output_tensor(operator)
    if (x.scale, x.zero_point) != (y.scale, y.zero_point):
        raise UnsupportedNode("input and output have different scales or zero points")
