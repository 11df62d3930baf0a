"""The int8 Graph under construction while the operators of a .tflite file are converted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from mcucc.frontends.tflite_file import FileOperator, FileTensor, TfliteFile
from mcucc.ir.graph import Node, Quant, Tensor
from mcucc.ops.base import Op, hwc

INT8 = np.dtype(np.int8)
Array = npt.NDArray[Any]


class RejectError(ValueError):
    """Why an operator cannot be compiled.

    `of_type`: only its element types are in the way; `follows`: an earlier operator is to blame.
    """

    def __init__(
        self, why: str, hint: str = "", *, of_type: bool = False, follows: bool = False
    ) -> None:
        super().__init__(why)
        self.hint, self.of_type, self.follows = hint, of_type, follows


class Context:
    """Tensors by the file's index, nodes in order, and the constants known so far."""

    def __init__(self, file: TfliteFile) -> None:
        self.file = file
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        self.inputs: list[str] = []
        self.names: dict[int, str] = {}
        self.sources: dict[str, int] = {}
        self._numbers: dict[str, int] = {}  # the last one behind each name wanted more than once
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
        """Input `position` of an operator; RejectError when it is missing."""
        if position >= len(operator.inputs) or operator.inputs[position] < 0:
            raise RejectError(f"input {position} is missing")
        return self.file.tensors[operator.inputs[position]]

    def output_tensor(self, operator: FileOperator) -> FileTensor:
        """The only output of an operator."""
        if len(operator.outputs) != 1:
            raise RejectError(f"{len(operator.outputs)} outputs")
        return self.file.tensors[operator.outputs[0]]

    def activation(self, operator: FileOperator, position: int = 0) -> Tensor:
        """The graph tensor of an int8 activation input."""
        tensor = self.file_tensor(operator, position)
        if tensor.index in self.constants:
            raise RejectError(
                f"input {position} is a constant",
                "fold it into a convolution before converting the model",
            )
        check_int8(tensor)
        if 0 in tensor.shape:
            raise RejectError(
                f"input {tensor.name} is empty: its shape is {list(tensor.shape)}",
                "convert the model with fixed shapes",
            )
        if tensor.index not in self.names:
            raise RejectError(f"input {tensor.name} is not computed", follows=True)
        return self.tensors[self.names[tensor.index]]

    def integers(self, operator: FileOperator, position: int) -> tuple[int, ...]:
        """A constant input (written in the file or folded) as integers, flattened."""
        tensor = self.file_tensor(operator, position)
        value = self.constants.get(tensor.index)
        if value is None:
            raise RejectError(
                f"input {position} ({tensor.name}) is computed at run time",
                "convert the model with fixed shapes",
            )
        if value.dtype.kind not in "iu" or value.size > 64:
            raise RejectError(f"input {position} ({tensor.name}) is not a short list of integers")
        return tuple(int(v) for v in value.flat)

    def shape_of(self, tensor: FileTensor) -> tuple[int, ...]:
        """The shape in the graph: that of the file, or (1, rows, values) for a matrix within it."""
        shape = tensor.shape
        if 0 in shape:
            raise RejectError(
                f"{tensor.name} is empty: its shape is {list(shape)}",
                "convert the model with fixed shapes",
            )
        if len(shape) in (2, 3) and shape[0] != 1 and tensor.index not in self.file.inputs:
            shape = (1, *shape)
        if shape[:1] != (1,):
            raise RejectError(
                f"{tensor.name} has the shape {list(shape)}",
                "mcucc compiles for one picture: the first axis must be 1",
            )
        hwc(shape)
        return shape

    def define(self, tensor: FileTensor) -> Tensor:
        """A new graph tensor for an int8 activation of the file."""
        check_int8(tensor)
        if tensor.index in self.names or tensor.index in self.constants:
            raise RejectError(f"{tensor.name} is defined twice")
        shape = self.shape_of(tensor)
        name = self.unique(tensor.name)
        made = Tensor(name, shape, INT8, per_tensor(tensor))
        self.tensors[name] = made
        self.names[tensor.index] = name
        self.sources[name] = tensor.index
        return made

    def define_view(self, tensor: FileTensor) -> Tensor:
        """The int8 form of a uint8 end: the same bytes less 128."""
        quant = per_tensor(tensor)
        if tensor.index in self.names:
            raise RejectError(f"{tensor.name} is defined twice")
        shifted = Quant(quant.scale, quant.zero_point - 128)
        made = Tensor(self.unique(tensor.name), self.shape_of(tensor), INT8, shifted)
        self.tensors[made.name] = made
        self.names[tensor.index] = made.name
        return made

    def merge(self, target: Tensor, source: Tensor, tensor: FileTensor) -> None:
        """Let the file's `tensor`, just defined as `target`, be `source`: the same values."""
        if target.shape != source.shape:
            raise RejectError(f"{list(source.shape)} becomes {list(target.shape)}")
        del self.tensors[target.name]
        self.names[tensor.index] = source.name
        if self.sources.pop(target.name, None) is not None:
            self.sources.setdefault(source.name, tensor.index)

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

    def between(self, name: str, like: Tensor, shape: tuple[int, ...], quant: Quant) -> Tensor:
        """A tensor the file does not have, between two nodes that make one of its operators."""
        made = Tensor(self.unique(name), shape, like.dtype, quant)
        self.tensors[made.name] = made
        return made

    def emit(self, op: Op, inputs: list[str], output: Tensor) -> None:
        """Append a node, after checking that it computes the shape the file says."""
        inferred = op.infer([self.tensors[name].type for name in inputs]).shape
        if inferred != output.shape:
            raise RejectError(f"computes {list(inferred)} where the file says {list(output.shape)}")
        self.nodes.append(Node(output.name, op, tuple(inputs), (output.name,)))

    def op(self, op: Op, inputs: list[str], operator: FileOperator) -> None:
        """Append the node that computes the operator's only output."""
        self.emit(op, inputs, self.define(self.output_tensor(operator)))


def check_int8(tensor: FileTensor) -> None:
    """RejectError unless `tensor` is int8 with one scale."""
    if tensor.dtype != INT8:
        raise RejectError(f"{tensor.name} is {tensor.type_name}, not INT8", of_type=True)
    per_tensor(tensor)


def per_tensor(tensor: FileTensor) -> Quant:
    """The quantization of an activation."""
    if len(tensor.scale) != 1:
        raise RejectError(f"{tensor.name} has {len(tensor.scale)} scales where one is needed")
    if tensor.scale[0] <= 0:
        raise RejectError(f"{tensor.name} has the scale {tensor.scale[0]}")
    lowest, highest = (0, 255) if tensor.dtype == np.uint8 else (-128, 127)
    if not lowest <= tensor.zero_point[0] <= highest:
        raise RejectError(f"{tensor.name} has the zero point {tensor.zero_point[0]}")
    return Quant(tensor.scale, tensor.zero_point[0])


Converter = Callable[[Context, FileOperator], None]
AnyConverter = TypeVar("AnyConverter", bound=Converter)
CONVERTERS: dict[str, Converter] = {}


def converts(*kinds: str) -> Callable[[AnyConverter], AnyConverter]:
    """Decorator: the function converts operators of these kinds, or raises RejectError."""

    def add(function: AnyConverter) -> AnyConverter:
        for kind in kinds:
            CONVERTERS[kind] = function
        return function

    return add
