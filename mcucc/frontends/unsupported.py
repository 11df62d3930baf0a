"""Why one node of a model file cannot be compiled: raised anywhere in a frontend, collected there.

The frontend goes on behind such a node, and one `mcucc.errors.UnsupportedError` names them all.
"""

from __future__ import annotations


class UnsupportedNode(ValueError):
    """Why a node cannot be compiled, and what the user may do."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why, self.hint = why, hint

    @staticmethod
    def of(error: ValueError | OverflowError) -> UnsupportedNode:
        """The error as a refusal: an op's own shape rule says what does not fit, without a hint."""
        return error if isinstance(error, UnsupportedNode) else UnsupportedNode(str(error))


class UnknownOperator(UnsupportedNode):
    """The node is refused for its operator, whatever it reads."""


class UnsupportedType(UnsupportedNode):
    """Only the element types of its operands are in the way."""


class NotComputed(UnsupportedNode):
    """It reads what an earlier node, refused itself, would have computed."""
