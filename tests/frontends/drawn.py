"""Drawn ONNX networks: every operator the importer reads, its attributes drawn.

A *kind* is one operator in the forms its exporters write. It reads a picture and returns a value;
what it chooses it notes, so that a test can say how often each choice was drawn and compared.
The kinds are in drawn_elementwise.py, drawn_layout.py and drawn_windows.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mcucc.oracles.exact_session import exact_session
from tests.frontends.onnx_nets import Net

OPSETS = tuple(range(11, 23))
Option = TypeVar("Option")
Choice = tuple[str, str, str]  # kind, what is chosen, what it is


class NotAModel(Exception):
    """ONNX Runtime does not take what was drawn."""


class Decks:
    """Options are dealt like cards: every one of them before one comes again."""

    def __init__(self) -> None:
        self._left: dict[tuple[Choice, ...], list[int]] = {}

    def deal(self, choices: tuple[Choice, ...], draws: np.random.Generator) -> int:
        left = self._left.setdefault(choices, [])
        if not left:
            left.extend(draws.permutation(len(choices)).tolist())
        return left.pop()


class Drawn(Net):
    """A network under construction, its draws and the shapes of its values."""

    def __init__(self, opset: int, seed: int, decks: Decks, batch: Any = 1) -> None:
        self.draws = np.random.default_rng([seed, 1])
        self.decks = decks
        channels, height, width = self.number(1, 6), self.number(3, 9), self.number(3, 9)
        super().__init__([batch, channels, height, width], opset, seed)
        self.size = (1, channels, height, width)
        self.kind = ""
        self.chosen: list[Choice] = []
        self.options: set[Choice] = set()
        self._shapes = {"image": self.size}

    def number(self, low: int, high: int) -> int:
        """low <= number <= high."""
        return int(self.draws.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        return float(np.float32(self.draws.uniform(low, high)))

    def one(self, what: str, options: Sequence[Option]) -> Option:
        """One of the options, noted."""
        choices = [(self.kind, what, str(option)) for option in options]
        self.options.update(choices)
        place = self.decks.deal(tuple(choices), self.draws)
        self.chosen.append(choices[place])
        return options[place]

    def flag(self, what: str) -> bool:
        """A yes or a no, noted."""
        return self.one(what, (False, True))

    def shape(self, value: str) -> tuple[int, ...]:
        """The shape ONNX Runtime gives a value."""
        if value not in self._shapes:
            self._shapes[value] = self.values(value)[0].shape
        return self._shapes[value]

    def values(self, *names: str) -> list[np.ndarray]:
        """Values of a random picture; NotAModel where there are none."""
        try:
            session = exact_session(self.model(*names))
            found = session.run(None, {"image": self.rng.normal(0, 1, self.size).astype("f")})
        except Exception as error:  # ONNX Runtime has no common class of errors
            raise NotAModel(str(error)) from error
        if not all(np.size(value) and np.isfinite(value).all() for value in found):
            raise NotAModel("an empty value, or one that is not finite")
        return found

    def axis(self, what: str, axis: int, rank: int) -> int:
        """The axis, counted from the front or the back."""
        return axis - rank if self.flag(f"{what} from the back") else axis


Build = Callable[[Drawn, str], str | tuple[str, ...]]


@dataclass(frozen=True)
class Kind:
    """One operator: how it is built, the opsets that have it, whether it makes a picture."""

    name: str
    build: Build
    opsets: tuple[int, ...]

    def add(self, net: Drawn, x: str) -> tuple[str, ...]:
        """Add the operator behind the picture `x`; its values."""
        net.kind = self.name
        made = self.build(net, x)
        return made if isinstance(made, tuple) else (made,)


KINDS: dict[str, Kind] = {}


def kind(name: str, since: int = OPSETS[0], until: int = OPSETS[-1]) -> Callable[[Build], Build]:
    """Function decorator: a kind of this name, of the opsets from `since` to `until`."""

    def add(build: Build) -> Build:
        KINDS[name] = Kind(name, build, tuple(o for o in OPSETS if since <= o <= until))
        return build

    return add


def kinds() -> dict[str, Kind]:
    """Every kind by name; imports the files that hold them."""
    from tests.frontends import drawn_elementwise, drawn_layout, drawn_windows  # noqa: F401

    return dict(sorted(KINDS.items()))


def of_any_rank(net: Drawn, x: str) -> str:
    """The picture, channels last, as rows or as a vector."""
    _, channels, height, width = net.shape(x)
    form = net.one("value", ["picture", "channels last", "rows", "vector"])
    if form == "channels last":
        return net("Transpose", x, perm=[0, 2, 3, 1])
    if form == "rows":
        return net("Reshape", x, net.ints(1, channels, height * width))
    return net("Flatten", x) if form == "vector" else x


@dataclass(frozen=True)
class Case:
    """A drawn network, what was chosen in it, and its outputs."""

    label: str
    net: Drawn
    outputs: tuple[str, ...]

    def save(self, folder: Path) -> Path:
        return self.net.save(folder, *self.outputs)


Wrap = Callable[[Drawn, Kind], tuple[str, ...]]


def cases_of(found: Kind, count: int, seed: int, wrap: Wrap) -> Iterator[Case]:
    """Networks of one kind that ONNX Runtime takes; the same for the same seed.

    At least `count`, and more, up to four times as many, until every choice was drawn. `wrap` adds
    the kind and what is around it and returns the outputs.
    """
    number = 1000 * seed + sum(map(ord, found.name)) % 1000
    decks, drawn, made, tried = Decks(), Tally(), 0, 0
    while made < count or (drawn.never_drawn() and made < 4 * count):
        number, tried = number + 1, tried + 1
        assert tried < 20 + 40 * count, f"hardly any network of {found.name} is valid"
        # Opsets in turn, so that few cases meet many of them.
        net = Drawn(found.opsets[(7 * number) % len(found.opsets)], number, decks)
        try:
            outputs = wrap(net, found)
            net.values(*outputs)
        except NotAModel:
            continue
        made += 1
        drawn.note(net, "")
        yield Case(f"{found.name} {number} opset {net.opset}", net, outputs)


def between_layers(net: Drawn, found: Kind) -> tuple[str, ...]:
    """The operator behind a convolution, fused with Relu or not, and before a layer."""
    net.kind = "around"
    x = net.conv("image", net.shape("image")[1], net.number(1, 5))
    x = net("Relu", x) if net.flag("Relu") else x
    return tuple(_layer(net, y) for y in dict.fromkeys(found.add(net, x)))


def at_an_end(net: Drawn, found: Kind) -> tuple[str, ...]:
    """The operator first, last or alone."""
    net.kind = "around"
    place = net.one("place", ["first", "last", "alone"])
    x = "image"
    if place == "last":
        x = net.conv(x, net.shape(x)[1], net.number(1, 5))
    made = tuple(dict.fromkeys(found.add(net, x)))
    return tuple(_layer(net, y) for y in made) if place == "first" else made


def _layer(net: Drawn, x: str) -> str:
    """A convolution of a picture, a matrix of anything else."""
    shape = net.shape(x)
    if len(shape) == 4 and shape[0] == 1:
        return net.conv(x, shape[1], net.number(1, 3), 1)
    if len(shape) != 2 or shape[0] != 1:
        x = net("Reshape", x, net.ints(1, -1))
    return net("Gemm", x, net.weights(3, net.shape(x)[1]), net.weights(3), transB=1)


class Tally:
    """How often each choice was drawn, and how often its network was compared."""

    def __init__(self) -> None:
        self.options: set[Choice] = set()
        self.drawn: Counter[Choice] = Counter()
        self.compared: Counter[Choice] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.operators: set[str] = set()

    def note(self, net: Drawn, outcome: str) -> None:
        """`outcome` is "equal" or any other word for what became of a network."""
        self.options |= net.options
        self.outcomes[outcome] += 1
        self.operators.update(node.op_type for node in net.nodes)
        chosen = set(net.chosen)
        self.drawn.update(chosen)
        if outcome == "equal":
            self.compared.update(chosen)

    def never_drawn(self) -> set[str]:
        return {" / ".join(choice) for choice in self.options if not self.drawn[choice]}

    def never_compared(self) -> set[str]:
        """Choices all of whose networks were refused."""
        return {" / ".join(choice) for choice in self.options if not self.compared[choice]}
