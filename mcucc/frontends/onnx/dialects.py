"""Old operator sets in the words of a newer one: opsets 7 to 10 become 11.

The few operators that changed are rewritten node by node; every value keeps its name, which the
oracle, `--outputs` and reports need, and no weight is copied twice. onnx's own version converter is
not used: it makes values of its own names, and runs C++ on a file that nobody vouches for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper

from mcucc.base.numbering import first_free
from mcucc.errors import ModelError

WRITTEN = 11  # the opset whose words are written
OLDEST_OPSET, NEWEST_OPSET = 7, 24
DEFAULT_DOMAINS = ("", "ai.onnx")


def opset_of(model: onnx.ModelProto, where: str) -> int:
    """The version of the standard operator set; ModelError for those that are not read."""
    found = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    wanted = f"mcucc reads opsets {OLDEST_OPSET} to {NEWEST_OPSET}"
    if not found:
        raise ModelError(f"the file names no standard opset; {wanted}", where=where)
    if not OLDEST_OPSET <= found[0] <= NEWEST_OPSET:
        raise ModelError(
            f"the model has opset {found[0]}; {wanted}",
            where=where,
            hint="export with opset_version=18, or convert with onnx.version_converter",
        )
    return int(found[0])


def modernised(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """The model in the words of opset 11 or later; itself where it is that already.

    Raises ModelError for an old form that means something that no newer one does.
    """
    opset = opset_of(model, where)
    if opset >= WRITTEN:
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    writer = _Writer(made, opset, where)
    for index, node in enumerate(made.graph.node):
        rewrite = _REWRITES.get(node.op_type)
        if rewrite is not None and node.domain in DEFAULT_DOMAINS:
            rewrite(writer, node, node.name or f"{node.op_type}_{index}")
    for entry in made.opset_import:
        if entry.domain in DEFAULT_DOMAINS:
            entry.version = WRITTEN
    return made


class _Writer:
    """A model being rewritten: its attributes become constants that nodes read."""

    def __init__(self, model: onnx.ModelProto, opset: int, where: str) -> None:
        self.graph, self.opset, self.where = model.graph, opset, where
        graph = model.graph
        self._taken = {tensor.name for tensor in graph.initializer}
        self._taken |= {value.name for value in (*graph.input, *graph.output)}
        self._taken |= {name for node in graph.node for name in (*node.input, *node.output)}

    def constant(self, node: onnx.NodeProto, what: str, values: np.ndarray[Any, Any]) -> str:
        """A new initializer; its name."""
        wanted = f"{node.output[0] if node.output else node.op_type}.{what}"
        name = wanted
        if name in self._taken:
            number = first_free(lambda n: f"{wanted}.{n}" in self._taken, 1)
            name = f"{wanted}.{number}"
        self._taken.add(name)
        self.graph.initializer.append(numpy_helper.from_array(values, name))
        return name

    def integers(self, node: onnx.NodeProto, what: str, values: Sequence[int]) -> str:
        """A constant list of integers."""
        return self.constant(node, what, np.array(values, np.int64))

    def refuse(self, label: str, why: str) -> ModelError:
        """The error for a node that no newer operator computes."""
        return ModelError(f"node {label}: {why}", where=self.where, hint=_NEWER)


_NEWER = "export the model again with opset_version=18"


def _taken_out(node: onnx.NodeProto, name: str, kind: int) -> Any:
    """The value of an attribute, which is removed; None where it is left out or another type."""
    for index, attribute in enumerate(node.attribute):
        if attribute.name == name and attribute.type == kind:
            value = helper.get_attribute_value(attribute)
            del node.attribute[index]
            return value
    return None


def _slice(writer: _Writer, node: onnx.NodeProto, label: str) -> None:
    """Before 10: starts, ends and axes were attributes."""
    if writer.opset >= 10:
        return
    lists = [_taken_out(node, name, AttributeProto.INTS) for name in ("starts", "ends", "axes")]
    if lists[0] is None or lists[1] is None or len(lists[0]) != len(lists[1]):
        raise writer.refuse(label, "a Slice without its starts and ends")
    axes = range(len(lists[0])) if lists[2] is None else lists[2]
    node.input.append(writer.integers(node, "starts", lists[0]))
    node.input.append(writer.integers(node, "ends", lists[1]))
    node.input.append(writer.integers(node, "axes", list(axes)))


def _pad(writer: _Writer, node: onnx.NodeProto, label: str) -> None:
    """Before 11: pads and value were attributes."""
    pads = _taken_out(node, "pads", AttributeProto.INTS)
    value = _taken_out(node, "value", AttributeProto.FLOAT)
    if pads is None:
        raise writer.refuse(label, "a Pad without pads")
    node.input.append(writer.integers(node, "pads", pads))
    node.input.append(writer.constant(node, "value", np.array(value or 0.0, np.float32)))


def _clip(writer: _Writer, node: onnx.NodeProto, label: str) -> None:
    """Before 11: the bounds were attributes."""
    del label
    for name in ("min", "max"):
        value = _taken_out(node, name, AttributeProto.FLOAT)
        bound = "" if value is None else writer.constant(node, name, np.array(value, np.float32))
        node.input.append(bound)


def _upsample(writer: _Writer, node: onnx.NodeProto, label: str) -> None:
    """Resize from the corner of pixels; its scales were an attribute before 9."""
    if writer.opset < 9:
        scales = _taken_out(node, "scales", AttributeProto.FLOATS)
        if scales is None:
            raise writer.refuse(label, "an Upsample without scales")
        node.input.append(writer.constant(node, "scales", np.array(scales, np.float32)))
    node.op_type = "Resize"
    _resize(writer, node, label)


def _resize(writer: _Writer, node: onnx.NodeProto, label: str) -> None:
    """Before 11: no regions; positions scale from the corner, and are rounded down."""
    if len(node.input) != 2:
        raise writer.refuse(label, f"a Resize of {len(node.input)} inputs")
    scales = node.input[1]
    del node.input[1:]
    node.input.extend(["", scales])
    mode = _taken_out(node, "mode", AttributeProto.STRING) or b"nearest"
    mode = {b"bilinear": b"linear"}.get(mode, mode)
    node.attribute.append(helper.make_attribute("mode", mode.decode("ascii", "replace")))
    for name, word in (
        ("coordinate_transformation_mode", "asymmetric"),
        ("nearest_mode", "floor"),
    ):
        node.attribute.append(helper.make_attribute(name, word))


def _batch_norm(writer: _Writer, node: onnx.NodeProto, label: str) -> None:
    """Before 9 it could have statistics of every pixel."""
    if _taken_out(node, "spatial", AttributeProto.INT) == 0:
        raise writer.refuse(label, "a batch norm with statistics of every pixel (spatial = 0)")


_Rewrite = Callable[[_Writer, onnx.NodeProto, str], None]
_REWRITES: dict[str, _Rewrite] = {
    "Slice": _slice,
    "Pad": _pad,
    "Clip": _clip,
    "Upsample": _upsample,
    "Resize": _resize,
    "BatchNormalization": _batch_norm,
}
