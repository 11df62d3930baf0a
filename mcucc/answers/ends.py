"""The outputs of a network as `[output]` names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import numpy.typing as npt

from mcucc.answers.builder import Builder
from mcucc.ir.graph import Graph
from mcucc.ops.transpose import Transpose
from mcucc.quantize.split_outputs import SplitOutput

CLOSE = 3  # names shown for one that is wrong


@dataclass(frozen=True, eq=False)
class Ends:
    """What is known of a network's outputs beside its graph.

    `names`: the graph's tensor by the name in the model file. `splits` are outputs of the file
    that are several in the graph, `constants` those that nothing computes. `size` is that of the
    pictures, (height, width) in pixels, None where the network reads none.
    """

    names: Mapping[str, str]
    splits: Sequence[SplitOutput] = ()
    constants: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    where: str = ""  # the file that has [output]


@dataclass(frozen=True, eq=False)
class Named:
    """Finds tensors by the names that a model file gives them."""

    ends: Ends
    graph: Graph
    _turned: dict[str, str] = field(default_factory=dict)  # by what they were

    def turned(self, builder: Builder, tensor: str) -> str:
        """Numbers (C, N) as candidates (N, C)."""
        if tensor not in self._turned:
            op = Transpose((0, 2, 1))
            self._turned[tensor] = builder.add(f"{tensor}/turned", op, [tensor])
        return self._turned[tensor]

    def before_turn(self, tensor: str) -> str:
        """The output that a tensor is, or was before `turned`."""
        return next((name for name, made in self._turned.items() if made == tensor), tensor)

    def tensor(self, name: str, key: str) -> str:
        """The graph's tensor of an output; ValueError where there is none, or it is split."""
        names = self.ends.names
        found = names.get(name)
        if found is None:
            known = [n for n in names if name in n][:CLOSE]
            known = known or get_close_matches(name, list(names), CLOSE, 0.4) or list(names)[:CLOSE]
            raise ValueError(
                f"{key}: the network has no output {name!r} (it has: {', '.join(known)})"
            )
        if found not in self.graph.outputs:
            raise ValueError(f"{key}: {name} is written as several outputs of unlike ranges")
        return found

    def split(self, name: str) -> SplitOutput | None:
        """The parts that an output of the file is written as, None where it is one tensor."""
        found = self.ends.names.get(name)
        return next((s for s in self.ends.splits if s.output == found), None)
