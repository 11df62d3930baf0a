"""Plans and what becomes of them, as text: every file of this folder says what it shows.

`== network` and `== plan` give `== program`; `== network` and `== options` give `== chosen`.
MCUCC_UPDATE_PLANS=1 writes what they give anew; the difference is then read in the commit.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mcucc.boards.board import load_board
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.plan.text import plan_text, program_text
from mcucc.schedule.search.wishes import ScheduleOptions
from tests.fronts import scheduled
from tests.plan.written import network, plan

FILES = sorted(Path(__file__).parent.glob("*.txt"))
UPDATE = "MCUCC_UPDATE_PLANS"


def sections(text: str) -> dict[str, str]:
    """The text below each `== name`; what stands above the first is under ""."""
    parts = re.split(r"^== (\w+)\n", text, flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def program_of(given: dict[str, str]) -> str:
    """The program of a plan, which the checker has replayed."""
    written = plan(given["plan"])
    assert plan_text(written) == given["plan"].rstrip() + "\n"  # the text says all of it
    program = expand(network(given["network"]), written)
    check(program)
    return program_text(program)


def chosen_of(given: dict[str, str]) -> str:
    """The plan chosen of all that the search finds."""
    words = dict(word.split("=") for word in given["options"].split())
    board = load_board(words.pop("board"))
    options = ScheduleOptions(
        schedule=words.pop("schedule", "auto"),
        image=ImagePolicy(words.pop("image", "resident")),
        objective=words.pop("objective", None),
        sram=_number(words, "sram", int),
        max_macs=_number(words, "max_macs", float),
        max_slowdown=_number(words, "max_slowdown", float),
    )
    assert not words
    program = scheduled(network(given["network"]), board, options).program
    check(program)
    plan_is = plan_text(program.plan)
    return f"{plan_is}arena {program.arena_bytes:,} bytes, {program.factor:.3f} times the MACs\n"


def _number(words: dict[str, str], key: str, kind: type) -> int | float | None:
    return kind(words.pop(key)) if key in words else None


MADE = {"program": program_of, "chosen": chosen_of}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_text_is_as_stored(path: Path) -> None:
    text = path.read_text()
    given = sections(text)
    assert given[""].strip(), "say at the top what the file shows"
    (what,) = MADE.keys() & given.keys()
    made = MADE[what](given)
    if os.environ.get(UPDATE):
        before = text[: text.index(f"== {what}\n")]
        path.write_text(f"{before}== {what}\n{made}")
        return
    assert made == given[what], f"{path.name} changed: {UPDATE}=1 writes it anew"
