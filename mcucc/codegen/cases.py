"""Where a step of a stage can be cut: what of it one slice makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcucc.codegen.actions import (
    ActionCode,
    BlockCode,
    ReceiveCode,
    RowCode,
    SinkCode,
    TensorCode,
)


@dataclass(frozen=True)
class Case:
    """Actions that run together, or the only one, which can be made in `count` calls.

    `begin`: how many slices of the step come before. Where a step is never cut, its calls are
    `whole`.
    """

    actions: tuple[ActionCode, ...]
    begin: int
    count: int
    whole: bool = False

    @property
    def end(self) -> int:
        """One past its last slice of the step."""
        return self.begin + self.count

    @property
    def calls(self) -> tuple[tuple[ActionCode, str], ...]:
        """Each action and what a call of it hands over; `part` is the slice of the step."""
        first = f"part - {self.begin}" if self.begin else "part"
        last = {0: "part + 1", 1: "part"}.get(self.begin, f"part - {self.begin - 1}")
        first, last = ("0", str(self.count)) if self.whole else (first, last)
        slices = (first, last) if self.count > 1 else ()
        return tuple((action, action.handed_over(slices)) for action in self.actions)


def cases_of(actions: Iterable[ActionCode]) -> tuple[Case, ...]:
    """The cases of a step, in order.

    Rows of a camera are a case of their own: what is made again when a row was late is nothing but
    that. So are rows that are handed out, and what can be made in several calls. Copies go with the
    kernel behind them, the last ones with that before them.
    """
    groups: list[tuple[ActionCode, ...]] = []
    pending: tuple[ActionCode, ...] = ()
    for action in actions:
        if action.ports or action.slices > 1:
            groups += [pending] if pending else []
            groups.append((action,))
            pending = ()
            continue
        pending = (*pending, action)
        if isinstance(action, BlockCode | RowCode | SinkCode | TensorCode):
            groups.append(pending)
            pending = ()
    if pending and groups and groups[-1][0].slices == 1 and not groups[-1][0].ports:
        groups[-1] += pending
    elif pending:
        groups.append(pending)
    return _numbered(_joined(groups))


def _joined(groups: Iterable[tuple[ActionCode, ...]]) -> list[tuple[ActionCode, ...]]:
    """Rows of several cameras come in one case: a stage asks for all of them first."""
    found: list[tuple[ActionCode, ...]] = []
    for group in groups:
        if found and isinstance(found[-1][0], ReceiveCode) and isinstance(group[0], ReceiveCode):
            found[-1] += group
        else:
            found.append(group)
    return found


def _numbered(groups: Iterable[tuple[ActionCode, ...]]) -> tuple[Case, ...]:
    found: list[Case] = []
    for group in groups:
        found.append(Case(group, found[-1].end if found else 0, group[0].slices))
    return tuple(found)
