"""Compile plans for a stack it guesses, and chooses again where the measured one is another."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from mcucc.boards.board import load_board
from mcucc.driver import compile as verb
from mcucc.driver.compile import CompileOptions
from mcucc.driver.diagnose import Health
from mcucc.driver.limits import TooLarge
from mcucc.driver.load import NetworkOptions
from mcucc.errors import FitError
from mcucc.schedule.search.wishes import ScheduleOptions

GUESS = 896
SMALLER, LARGER, LARGEST = GUESS - 100, GUESS + 100, GUESS + 200


class Chosen(str):
    """A plan by its name, chosen where so many bytes are thought to be beside the arena."""

    beside = GUESS

    @staticmethod
    def of(name: str, wanted: ScheduleOptions) -> Chosen:
        made = Chosen(name)
        made.beside = GUESS + wanted.more
        return made


@dataclass
class Plans:
    """A planner and a toolchain that say what a table says.

    `measured` is what each plan turns out to be: the stack of one that fits, or an error. `chosen`
    is the plan for an estimated stack; what is asked of either is noted.
    """

    measured: dict[str, int | FitError]
    chosen: dict[int, str]
    built: list[str] = field(default_factory=list)

    def result(self, monkeypatch: pytest.MonkeyPatch, plan: Path | None = None) -> str:
        """The plan that compile takes."""

        def build(_: Any, chosen: str) -> Any:
            self.built.append(chosen)
            found = self.measured[chosen]
            if isinstance(found, FitError):
                return found
            facts = type("Facts", (), {"sram": type("Sram", (), {"beside_arena": found})})
            return verb._Built(cast(Any, chosen), Path(chosen), cast(Any, facts))

        def first(_i: Any, _b: Any, wanted: ScheduleOptions, _p: Any) -> Chosen:
            return Chosen.of(self.chosen[GUESS + wanted.more], wanted)

        def again(made: str, _: Any, wanted: ScheduleOptions) -> Chosen | None:
            other = self.chosen.get(GUESS + wanted.more, made)
            return None if other == made else Chosen.of(other, wanted)

        monkeypatch.setattr(verb._Compiler, "build", build)
        monkeypatch.setattr(verb, "choose_again", again)
        monkeypatch.setattr(verb, "schedule", first)
        nothing = cast(Any, type("Network", (), {"integer": None}))
        wanted = ScheduleOptions(plan=plan)
        options = CompileOptions("bluepill", Path(), NetworkOptions(), schedule=wanted)
        board = load_board("bluepill")
        compiler = verb._Compiler(
            nothing, Health(), board, options, "net", "", nothing, lambda *_: None
        )
        return cast(str, compiler.best().schedule)


def too_large(stack: int) -> TooLarge:
    return TooLarge("too large", where="board", beside=stack)


def test_a_plan_that_holds_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans({"first": GUESS}, {GUESS: "first"})
    assert plans.result(monkeypatch) == "first"
    assert plans.built == ["first"]


def test_a_smaller_stack_lets_a_better_plan_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans({"first": SMALLER, "better": GUESS}, {GUESS: "first", SMALLER: "better"})
    assert plans.result(monkeypatch) == "better"
    assert plans.built == ["first", "better"]


@pytest.mark.parametrize("why", [too_large(GUESS), FitError("the stack overflows")])
def test_where_the_better_one_does_not_hold_the_first_is_kept(
    why: FitError, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = Plans({"first": SMALLER, "better": why}, {GUESS: "first", SMALLER: "better"})
    assert plans.result(monkeypatch) == "first"
    assert plans.built == ["first", "better"]


def test_no_better_plan_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans({"first": SMALLER}, {GUESS: "first", SMALLER: "first"})
    assert plans.result(monkeypatch) == "first"
    assert plans.built == ["first"]


def test_a_stack_that_was_not_measured_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans({"first": 0}, {GUESS: "first", 0: "better"})
    assert plans.result(monkeypatch) == "first"


def test_a_larger_stack_is_planned_for_until_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: dict[str, int | FitError] = {
        "first": too_large(LARGER),
        "second": too_large(LARGEST),
        "third": LARGEST,
    }
    plans = Plans(measured, {GUESS: "first", LARGER: "second", LARGEST: "third"})
    assert plans.result(monkeypatch) == "third"
    assert plans.built == ["first", "second", "third"]


@pytest.mark.parametrize("stack", [0, GUESS], ids=["flash", "no more stack"])
def test_what_no_stack_explains_does_not_fit(stack: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans({"first": too_large(stack)}, {GUESS: "first"})
    with pytest.raises(TooLarge):
        plans.result(monkeypatch)
    assert plans.built == ["first"]


def test_a_plan_file_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    plans = Plans({"first": too_large(LARGER)}, {GUESS: "first", LARGER: "second"})
    with pytest.raises(TooLarge):
        plans.result(monkeypatch, plan=Path("plan.json"))
    assert plans.built == ["first"]
