"""One node of a model file with typed access to its attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx
from onnx import AttributeProto

from mcucc.frontends.unsupported import UnsupportedNode


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """A node, its unique name in the graph, and the opset it is written in."""

    proto: onnx.NodeProto
    name: str
    opset: int

    @property
    def op(self) -> str:
        """The operator, as the standard calls it."""
        return self.proto.op_type

    @property
    def output(self) -> str:
        """The first output; UnsupportedNode for a node without one."""
        if not self.proto.output or not self.proto.output[0]:
            raise UnsupportedNode("the node has no output")
        return str(self.proto.output[0])

    def input(self, index: int) -> str:
        """The name of an input; UnsupportedNode when it is missing."""
        name = self.optional(index)
        if name is None:
            raise UnsupportedNode(f"input {index} is missing")
        return name

    def optional(self, index: int) -> str | None:
        """The name of an input, or None where it is left out."""
        names = self.proto.input
        return names[index] if index < len(names) and names[index] else None

    def only_output(self) -> None:
        """UnsupportedNode when anything but the first output is used."""
        extra = [name for name in self.proto.output[1:] if name]
        if extra:
            raise UnsupportedNode(f"the extra outputs {', '.join(extra)} are not computed")

    def integer(self, name: str, default: int = 0) -> int:
        """An integer attribute; UnsupportedNode when the file has another type there."""
        return int(self._get(name, AttributeProto.INT, "i", default))

    def real(self, name: str, default: float = 0.0) -> float:
        """A float attribute; UnsupportedNode as for integers."""
        return float(self._get(name, AttributeProto.FLOAT, "f", default))

    def integers(self, name: str) -> tuple[int, ...] | None:
        """A list of integers, or None where it is left out."""
        found = self._get(name, AttributeProto.INTS, "ints", None)
        return None if found is None else tuple(int(value) for value in found)

    def text(self, name: str, default: str = "") -> str:
        """A string attribute; UnsupportedNode as for integers."""
        found = self._get(name, AttributeProto.STRING, "s", default.encode())
        return bytes(found).decode("utf-8", "replace")

    def has(self, name: str) -> bool:
        """Whether the attribute is given."""
        return any(attribute.name == name for attribute in self.proto.attribute)

    def _get(self, name: str, kind: int, field: str, default: Any) -> Any:
        for attribute in self.proto.attribute:
            if attribute.name == name:
                if attribute.type != kind:
                    raise UnsupportedNode(f"attribute {name} has the wrong type")
                return getattr(attribute, field)
        return default
