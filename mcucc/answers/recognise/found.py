"""What was recognised of a file's outputs."""

from __future__ import annotations

from dataclasses import dataclass

from mcucc.answers.spec import BoxesSpec, OutputSpec


@dataclass(frozen=True)
class Recognised:
    """What a file's outputs are: the specification with its raw heads, and why it is believed.

    `heads` are the tensors of the file at which the network then ends, `words` what was found in
    a line, `proof` how it was proved, `classes` how many can be found (the background is none),
    `assumed` what no number of the file says.
    """

    spec: OutputSpec
    heads: tuple[str, ...]
    words: str
    proof: str
    classes: int = 0
    assumed: tuple[str, ...] = ()


def heads_of(spec: BoxesSpec) -> tuple[str, ...]:
    """The tensors that a specification's heads name, in its order."""
    named = (
        name
        for head in spec.heads
        for name in (head.tensor, head.boxes, head.scores, head.objectness, head.points)
    )
    return tuple(dict.fromkeys(name for name in named if name))
