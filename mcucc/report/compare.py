"""Two reports side by side: what changed in all, and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.report.facts import Report


@dataclass(frozen=True)
class Change:
    """A figure before and after; None where one side has none. More is worse."""

    figure: str
    before: int | None
    after: int | None

    @property
    def difference(self) -> int | None:
        """After less before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        """The difference in per cent of what was."""
        return (
            None
            if not self.difference or not self.before
            else (100 * self.difference / self.before)
        )


@dataclass(frozen=True)
class LayerChange:
    """A layer (or a step, for instructions) whose figures changed, or that one side lacks."""

    name: str
    status: str  # changed, added, removed
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Comparison:
    """What `mcucc compare` found. `differing` says what makes the figures hard to compare."""

    differing: tuple[str, ...]
    totals: tuple[Change, ...]
    layers: tuple[LayerChange, ...]
    steps: tuple[LayerChange, ...]

    def regressions(self, tolerance: float = 0.0) -> tuple[Change, ...]:
        """Totals of SRAM, flash and instructions that grew by more than `tolerance` per cent."""
        return tuple(
            change
            for change in self.totals
            if change.figure in REGRESSIONS
            and change.difference is not None
            and change.difference > (change.before or 0) * tolerance / 100
        )


REGRESSIONS = ("SRAM", "flash", "instructions")


def compare_reports(before: Report, after: Report) -> Comparison:
    """Compare the reports of two compiled folders."""
    return Comparison(
        differing=_differing(before, after),
        totals=_totals(before, after),
        layers=_pairs(_layers(before), _layers(after)),
        steps=_pairs(_steps(before), _steps(after)),
    )


def _differing(before: Report, after: Report) -> tuple[str, ...]:
    pairs: list[tuple[str, str | None, str | None]] = [
        ("model", before.model.sha256[:12], after.model.sha256[:12]),
        ("board", before.board.name, after.board.name),
        ("image", before.sram.image_policy.value, after.sram.image_policy.value),
        ("schedule", before.plan.schedule, after.plan.schedule),
        ("stack", before.sram.stack_source, after.sram.stack_source),
    ]
    tools = dict.fromkeys([*before.tools, *after.tools])
    pairs += [(tool, before.tools.get(tool), after.tools.get(tool)) for tool in tools]
    return tuple(f"{what}: {old} and {new}" for what, old, new in pairs if old != new)


def _totals(before: Report, after: Report) -> tuple[Change, ...]:
    pairs = {
        "SRAM": (before.sram.total, after.sram.total),
        "arena": (before.sram.arena, after.sram.arena),
        "static": (before.sram.static, after.sram.static),
        "stack": (before.sram.stack, after.sram.stack),
        "flash": (before.flash.total, after.flash.total),
        "weights": (before.flash.weights, after.flash.weights),
        "code": (before.flash.code, after.flash.code),
        "MACs executed": (before.macs.executed, after.macs.executed),
        "instructions": (before.instructions.total, after.instructions.total),
    }
    return tuple(Change(figure, old, new) for figure, (old, new) in pairs.items())


def _layers(report: Report) -> dict[str, dict[str, int | None]]:
    return {
        node.name: {
            "SRAM": report.layers[node.step].live_bytes,
            "flash": report.flash.layers.get(node.name, 0),
            "MACs executed": node.executed,
        }
        for node in report.nodes
    }


def _steps(report: Report) -> dict[str, dict[str, int | None]]:
    return {layer.name: {"instructions": layer.instructions} for layer in report.layers}


def _pairs(
    before: Mapping[str, Mapping[str, int | None]], after: Mapping[str, Mapping[str, int | None]]
) -> tuple[LayerChange, ...]:
    found = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, {}), after.get(name, {})
        status = "changed" if old and new else "added" if new else "removed"
        changes = tuple(
            Change(figure, old.get(figure), new.get(figure))
            for figure in dict.fromkeys([*old, *new])
            if old.get(figure) != new.get(figure)
        )
        if changes:
            found.append(LayerChange(name, status, changes))
    return tuple(found)
