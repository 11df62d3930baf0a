"""A plan file, which decides everything: read, and expanded to its program."""

from __future__ import annotations

from pathlib import Path

from mcucc.base.typed import text_of
from mcucc.errors import ModelError
from mcucc.ir.integer import IntegerGraph
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.plan import LARGEST_FILE, Plan
from mcucc.schedule.plan.program import Program
from mcucc.schedule.search.limits import CAREFUL


def planned(graph: IntegerGraph, path: Path) -> Program:
    """The program of a plan file; ModelError names the file."""
    try:
        return expand(graph, read_plan(path), CAREFUL)
    except ModelError as error:
        where = error.where if str(path) in error.where else f"{path}, {error.where}"
        raise ModelError(error.what, where=where, hint=error.hint) from error


def read_plan(path: Path) -> Plan:
    """A plan file; ModelError when it cannot be read."""
    try:
        text = text_of(path, LARGEST_FILE)
    except ValueError as error:
        hint = "compile writes plan.json, `mcucc plan --save` any plan of the front"
        raise ModelError(
            f"is no plan: not even text ({error})", where=str(path), hint=hint
        ) from error
    except OSError as error:
        raise ModelError(f"cannot read the plan ({error})", where=str(path)) from error
    return Plan.from_json(text, str(path))
