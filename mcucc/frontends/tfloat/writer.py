"""A float .tflite in the words of ONNX, so that one importer knows all float networks.

Every tensor of the file keeps its name; pictures, which are (N, H, W, C) there, are turned and
turned back around the operators that ask for (N, C, H, W): the importer's views make that nothing.
LiteRT runs the file itself as the float truth, so that a wrong word here is found by `validate`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from mcucc.base.numbering import first_free
from mcucc.frontends.tflite.context import Context
from mcucc.frontends.tflite.file import FileOperator, FileTensor, TfliteFile
from mcucc.frontends.tflite.options import WindowOptions
from mcucc.frontends.tflite.shapes import fold
from mcucc.frontends.unsupported import UnsupportedNode

OPSET, IR_VERSION = 17, 8
TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
FLOATS = (np.float32, np.float16)
# What may stand between SPACE_TO_BATCH_ND and its undoing.
OF_PHASES = frozenset(
    {
        *("ABS", "ADD", "BATCH_TO_SPACE_ND", "CONV_2D", "DEPTHWISE_CONV_2D", "ELU", "GELU"),
        *("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MUL", "PRELU", "RELU", "RELU6", "SUB", "TANH"),
        *("RELU_0_TO_1", "RELU_N1_TO_1"),
    }
)
Array = npt.NDArray[Any]
Translate = Callable[["Writer", FileOperator], None]
TRANSLATORS: dict[str, Translate] = {}


def translator(*kinds: str) -> Callable[[Translate], Translate]:
    """Decorator: registers what writes operators of these kinds."""

    def register(function: Translate) -> Translate:
        TRANSLATORS.update(dict.fromkeys(kinds, function))
        return function

    return register


def value_names(file: TfliteFile) -> dict[int, str]:
    """The name of every tensor's value, by its index: the file's own, numbered where it is not
    the only one of that name.
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for tensor in file.tensors:
        name = wanted = tensor.name or "tensor"
        if name in taken:
            name = _numbered(wanted, taken)
        taken.add(name)
        names[tensor.index] = name
    return names


def _numbered(wanted: str, taken: Collection[str]) -> str:
    return f"{wanted}.{first_free(lambda n: f'{wanted}.{n}' in taken, 2)}"


class Writer:
    """An ONNX graph being written, and what is known of the file's tensors."""

    def __init__(self, file: TfliteFile, translators: Mapping[str, Translate]) -> None:
        self.file, self.ctx, self._translators = file, Context(file), translators
        self.names = value_names(file)
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}
        self._taken = set(self.names.values())
        self._label = ""
        self.blocks: dict[int, tuple[int, int]] = {}  # tensors that are batches of phases

    def model(self) -> onnx.ModelProto:
        """All that has been written, between the inputs and outputs of the file."""
        inputs = [self._value(index) for index in self.file.inputs]
        outputs = [self._value(index) for index in dict.fromkeys(self.file.outputs)]
        written = {name for node in self.nodes for name in node.output}
        for index in self.file.outputs:
            if self.names[index] not in written and index not in self.file.inputs:
                self.constant_of(index)
        graph = helper.make_graph(
            self.nodes, "network", inputs, outputs, list(self.initializers.values())
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)

    def write(self, operator: FileOperator) -> None:
        """The nodes of one operator; UnsupportedNode where there are none."""
        self._label = self.names[operator.outputs[0]] if operator.outputs else operator.kind
        if fold(self.ctx, operator):
            return
        translate = self._translators.get(operator.kind)
        if translate is None:
            raise UnsupportedNode("mcucc does not compile this operator")
        live = [i for i in operator.inputs if i >= 0 and i not in self.ctx.constants]
        blocks = {self.blocks[i] for i in live if i in self.blocks}
        same = len(blocks) == 1 and all(i in self.blocks for i in live)
        if blocks and not (same and operator.kind in OF_PHASES):
            raise UnsupportedNode(
                "reads a batch of SPACE_TO_BATCH_ND",
                "only convolutions and element-wise operators are compiled before it is undone",
            )
        translate(self, operator)
        if blocks and operator.kind != "BATCH_TO_SPACE_ND":
            self.blocks.update((index, min(blocks)) for index in operator.outputs)

    def dilation(self, operator: FileOperator, options: WindowOptions) -> list[int]:
        """Those of a window, which slides over every phase of a picture within SPACE_TO_BATCH_ND.

        Its taps then lie further apart in the picture.
        """
        block = self.blocks.get(operator.inputs[0])
        if block is None:
            return list(options.dilation)
        if options.stride != (1, 1) or options.same:
            raise UnsupportedNode("a stride or a border within SPACE_TO_BATCH_ND")
        return [n * step for n, step in zip(options.dilation, block, strict=True)]

    # What an operator reads

    def tensor(self, operator: FileOperator, place: int) -> FileTensor:
        """Input `place`; UnsupportedNode where it is missing."""
        return self.ctx.file_tensor(operator, place)

    def has(self, operator: FileOperator, place: int) -> bool:
        """Whether an optional input is given."""
        return place < len(operator.inputs) and operator.inputs[place] >= 0

    def shape(self, operator: FileOperator, place: int = 0) -> tuple[int, ...]:
        """The shape of an input."""
        return self.ctx.shape(self.tensor(operator, place))

    def read(self, operator: FileOperator, place: int = 0) -> str:
        """The value of an input, a constant one as real numbers."""
        tensor = self.tensor(operator, place)
        if tensor.index in self.ctx.constants:
            return self.constant_of(tensor.index)
        if tensor.dtype not in FLOATS:
            raise UnsupportedNode(f"{tensor.name} is {tensor.type_name} within a float network")
        return self.names[tensor.index]

    def truth(self, operator: FileOperator, place: int) -> str:
        """The value of an input of bools."""
        tensor = self.tensor(operator, place)
        if tensor.index in self.ctx.constants:
            return self.constant_of(tensor.index)
        if tensor.dtype != np.bool_:
            raise UnsupportedNode(f"{tensor.name} is {tensor.type_name}, not BOOL")
        return self.names[tensor.index]

    def constant_of(self, index: int) -> str:
        """A constant tensor of the file as an initializer of its own name."""
        name = self.names[index]
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(self.real(index), name)
        return name

    def real(self, index: int) -> Array:
        """The numbers of a constant; integers with a scale are what they stand for."""
        tensor, data = self.file.tensors[index], self.ctx.constants.get(index)
        if data is None:
            raise UnsupportedNode(f"{tensor.name} is computed by the network; only constants do")
        if data.dtype.kind in "iu" and tensor.scale:
            shape = [1] * data.ndim
            if len(tensor.scale) > 1:
                shape[tensor.axis] = len(tensor.scale)
            scale = np.array(tensor.scale).reshape(shape)
            zero = np.array(tensor.zero_point or (0,)).reshape(shape)
            data = (data.astype(np.int64) - zero) * scale
        real: Array = data.astype(np.float32) if data.dtype.kind == "f" else data
        return real

    # What an operator makes

    def output(self, operator: FileOperator, place: int = 0) -> str:
        """The name of an output."""
        return self.names[operator.outputs[place]]

    def add(self, op: str, inputs: Sequence[str], out: str = "", **attributes: Any) -> str:
        """A node; its output, a name of its own unless `out` is given."""
        made = out or self.fresh(f"{self._label}.{op.lower()}")
        label = self._label if out else made
        self.nodes.append(helper.make_node(op, list(inputs), [made], name=label, **attributes))
        return made

    def fresh(self, wanted: str) -> str:
        """A name that nothing has."""
        name = _numbered(wanted, self._taken) if wanted in self._taken else wanted
        self._taken.add(name)
        return name

    def const(self, values: npt.ArrayLike, dtype: type = np.float32) -> str:
        """A constant that the file has not, in this form."""
        name = self.fresh(f"{self._label}.constant")
        self.initializers[name] = numpy_helper.from_array(np.array(values, dtype), name)
        return name

    def ints(self, values: Sequence[int]) -> str:
        """A constant list of integers."""
        return self.const(list(values), np.int64)

    def channels_first(self, name: str) -> str:
        """A picture as ONNX has them."""
        return self.add("Transpose", [name], perm=TO_NCHW)

    def channels_last(self, name: str, out: str) -> str:
        """And back."""
        return self.add("Transpose", [name], out, perm=TO_NHWC)

    def activated(self, name: str, activation: int, out: str) -> None:
        """A fused activation between a value and the operator's output."""
        if activation == 0:
            self.add("Identity", [name], out)
        elif activation == 1:
            self.add("Relu", [name], out)
        elif activation in (2, 3):
            low, high = (-1.0, 1.0) if activation == 2 else (0.0, 6.0)
            self.add("Clip", [name, self.const(low), self.const(high)], out)
        elif activation == 4:
            self.add("Tanh", [name], out)
        else:
            raise UnsupportedNode(f"fused activation {activation}")

    def _value(self, index: int) -> onnx.ValueInfoProto:
        tensor = self.file.tensors[index]
        shape = [max(n, 1) for n in self.ctx.shape(tensor)]
        integer = tensor.dtype is not None and tensor.dtype.kind == "i"
        kind = TensorProto.INT64 if integer else TensorProto.FLOAT
        return helper.make_tensor_value_info(self.names[index], kind, shape)


def windowed(w: Writer, operator: FileOperator) -> tuple[WindowOptions, dict[str, Any]]:
    """The options of a sliding window, and its attributes in ONNX."""
    options = operator.options
    if not isinstance(options, WindowOptions):
        raise UnsupportedNode("no window")
    return options, {
        "strides": list(options.stride),
        "auto_pad": "SAME_UPPER" if options.same else "VALID",
    }
