"""What follows from what in a refused file, and where it can end before what is refused."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mcucc.errors import Problem

_MOST = 12  # names; more are no advice
_LEAST_SHARE = 0.5  # of the steps that compute activations


@dataclass(frozen=True)
class Step:
    """A node of a file by the values it reads and writes.

    `static`: its result is known at import whatever it reads (a shape).
    """

    label: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    static: bool = False


class Follows:
    """Which values follow from a problem: by value, the label of the node at fault."""

    def __init__(self) -> None:
        self._cause: dict[Hashable, str] = {}

    def of(self, reads: Iterable[Hashable]) -> str:
        """The node whose problem reaches what reads these values; "" where none does."""
        return next((self._cause[name] for name in reads if name in self._cause), "")

    def passed_on(self, cause: str, writes: Iterable[Hashable]) -> None:
        """These values follow from the problem of `cause`; nothing for ""."""
        if cause:
            self._cause.update((name, cause) for name in writes if name != "")


def frontier(
    steps: Sequence[Step], at_fault: Collection[str], known: Collection[str], ends: Sequence[str]
) -> tuple[str, ...]:
    """The values to end at: computed before every node `at_fault`, read by one or by what follows.

    `known` are constants, `ends` the outputs of the file. Empty where less than half of the
    network would be left, and where all of it would: then no node is at fault but the file.
    """
    static, behind = set(known), Follows()
    computed: list[str] = []
    wanted = set(ends)
    whole = kept = 0
    for step in steps:
        fault = step.label in at_fault
        if not fault and (step.static or static.issuperset(step.reads)):
            static.update(step.writes)
            continue
        cause = step.label if fault else behind.of(step.reads)
        behind.passed_on(cause, step.writes)
        whole += 1
        if cause:
            wanted.update(step.reads)
        else:
            kept += 1
            computed.extend(name for name in step.writes if name)
    found = tuple(name for name in computed if name in wanted)
    worth = _LEAST_SHARE * whole <= kept < whole
    return found if worth and len(found) <= _MOST else ()


def of_file(problems: Iterable[Problem], labels: Mapping[str, str]) -> list[Problem]:
    """The problems under names the file has; `labels` has the operator of every node or tensor.

    Steps that an importer or a pass makes of one node are called after it, with something behind
    the name.
    """
    return [
        replace(
            problem,
            node=_nearest(problem.node, labels),
            op=labels.get(_nearest(problem.node, labels), problem.op),
            cause=_nearest(problem.cause, labels),
        )
        for problem in problems
    ]


def _nearest(name: str, labels: Mapping[str, str]) -> str:
    """The longest beginning of the name that the file has; the name where it has none."""
    ends = [place for place, letter in enumerate(name) if not letter.isalnum()]
    beginnings = (name[:end] for end in (len(name), *reversed(ends)))
    return next((text for text in beginnings if text in labels), name)
