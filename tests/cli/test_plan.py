"""`mcucc plan`: the front, the chosen plan, plan files, and memory nobody can meet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mcucc.boards.board import load_board
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.target import bind
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.plan import Plan
from mcucc.schedule.search.costs import TOLERANCE
from tests.cli.project import BOARD, Project, Result, mcucc

ROWS = ("--image", "rows")


def plan(project: Project, *more: object) -> Result:
    return mcucc("plan", project.model, "--data", project.data, *more)


def planned(project: Project, *more: object) -> dict[str, Any]:
    result = plan(project, *more, "--json")
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def test_the_front_goes_from_least_memory_to_least_time(project: Project) -> None:
    found = planned(project, *ROWS)
    front = found["front"]
    assert len(front) > 1
    assert [p["sram"] for p in front] == sorted({p["sram"] for p in front})
    assert [p["cost"] for p in front] == sorted((p["cost"] for p in front), reverse=True)
    assert all(p["sram"] > p["arena"] for p in front)  # by the stack of the plan
    assert found["chosen"]["sram"] == found["chosen"]["arena"] + found["stack_estimate"]
    assert front[0]["arena"] < found["layers"]["arena"]
    assert found["plan"]["gap"] == found["chosen"]["arena"] - found["plan"]["lower_bound"]


def test_what_no_other_plan_can_do_without_is_said_where_it_is_asked_for(project: Project) -> None:
    found = planned(project, *ROWS, "--max-macs", 1.0, "--bound")
    bound, chosen = found["bound"], found["chosen"]
    assert bound["factor"] == chosen["factor"] == 1.0
    assert 0 < bound["bytes"] <= (chosen["arena"] if bound["plain"] else 2 * chosen["arena"])
    text = " ".join(plan(project, *ROWS, "--max-macs", 1.0, "--bound").out.split())
    assert f"arena {chosen['arena']:,} bytes" in text
    assert "no plan of at most 1.00 times the MACs" in text
    assert f"has an arena of less than {bound['bytes']:,}" in text


def test_nothing_is_proved_where_it_is_not_asked_for(project: Project) -> None:
    assert planned(project, *ROWS, "--max-macs", 1.0)["bound"] is None
    assert "no plan of at most" not in plan(project, *ROWS, "--max-macs", 1.0).out


@pytest.mark.parametrize("image", [(), ROWS], ids=["resident", "rows"])
def test_without_wishes_little_memory_within_two_percent_of_the_fastest(
    image: tuple[str, ...], project: Project
) -> None:
    found = planned(project, *image)
    assert found["room"] is None
    assert not found["layers"]["chosen"]
    fastest = min(p["cost"] for p in [*found["front"], found["layers"]])
    within = [p for p in found["front"] if p["cost"] <= 1.02 * (1 + TOLERANCE) * fastest]
    (chosen,) = [p for p in found["front"] if p["chosen"]]
    assert chosen["sram"] == min(p["sram"] for p in within) < found["layers"]["sram"]


def test_more_effort_finds_no_less_and_unknown_ones_are_refused(project: Project) -> None:
    quick, normal = (planned(project, *ROWS, "--effort", word) for word in ("quick", "normal"))
    for point in quick["front"]:
        within = [p["arena"] for p in normal["front"] if p["cost"] <= point["cost"] + 0.5]
        assert min(within) <= point["arena"]
    refused = plan(project, "--effort", "much")
    assert refused.code != 0 and "--effort" in refused.err and "thorough" in refused.err


def test_the_front_says_what_every_objective_takes(project: Project) -> None:
    found = planned(project, *ROWS)
    marked = {name: p for p in found["front"] for name in p["objectives"]}
    assert sorted(marked) == ["balanced", "speed", "sram"]
    assert marked["sram"] == found["front"][0] and marked["speed"] == found["front"][-1]
    assert marked["balanced"]["chosen"]
    said = {each["objective"]: each for each in found["plan"]["objectives"]}
    for name, point in marked.items():
        asked = planned(project, *ROWS, "--objective", name)["chosen"]
        assert asked["sram"] <= said[name]["sram"] == point["sram"]
        assert asked["sram"] == point["sram"] or name == "sram"  # which searches further
        assert said[name]["chosen"] == (point is marked["balanced"])
    printed = plan(project, *ROWS).out
    for name in marked:
        assert f"--objective {name}: SRAM " in printed


def test_the_fastest_plan_within_a_budget(project: Project) -> None:
    free = planned(project, *ROWS)
    budget = free["front"][1]["sram"]
    found = planned(project, *ROWS, "--sram", budget)
    assert found["chosen"]["arena"] == free["front"][1]["arena"]
    assert found["chosen"]["sram"] <= budget
    assert found["room"] == budget - found["stack_estimate"]


def test_the_least_memory_within_so_many_macs(project: Project) -> None:
    for options in (("--objective", "sram", "--max-macs", 1.0), ("--max-macs", 1.0)):
        found = planned(project, *ROWS, *options)
        assert found["chosen"]["arena"] == min(p["arena"] for p in found["front"])
        assert found["chosen"]["factor"] <= 1.0


def test_the_least_memory_within_a_slowdown(project: Project) -> None:
    arenas = []
    for slowdown in (1.0, 1.2, 2.0):
        found = planned(project, *ROWS, "--max-slowdown", slowdown)
        assert found["chosen"]["arena"] == min(p["arena"] for p in found["front"])
        fastest = min(p["instructions"] for p in [*found["front"], found["layers"]])
        assert found["chosen"]["instructions"] <= slowdown * fastest + 1
        arenas.append(found["chosen"]["arena"])
    assert arenas == sorted(arenas, reverse=True)
    assert arenas[0] > arenas[-1]


def test_slowdown_and_macs_bound_a_plan_together(project: Project) -> None:
    found = planned(project, *ROWS, "--max-slowdown", 1.3, "--max-macs", 1.0)
    slowest = 1.3 * (1 + TOLERANCE)
    assert found["chosen"]["factor"] <= 1.0
    assert found["chosen"]["slowdown"] <= slowest
    assert all(p["factor"] <= 1.0 and p["slowdown"] <= slowest for p in found["front"])


def test_a_budget_nobody_can_meet_names_the_least_and_what_bounds_it(project: Project) -> None:
    least = planned(project, *ROWS, "--objective", "sram", "--max-macs", 1.5)["chosen"]
    result = plan(project, *ROWS, "--sram", 400)
    assert result.code == 2
    assert f"{least['sram']:,} bytes of SRAM" in result.err
    assert f"{least['sram'] - 400:,} too few" in result.err
    assert "in use in stage" in result.err
    assert f"{least['sram']:,}" in plan(project, *ROWS, "--sram", 10).err


def test_a_saved_plan_is_read_checked_and_compiled(project: Project) -> None:
    file = project.folder / "data" / "my.json"
    made = planned(project, *ROWS, "--point", 1, "--save", file)
    assert made["chosen"]["arena"] == made["front"][0]["arena"]
    read = planned(project, "--plan", file)
    assert {**read["chosen"], "objectives": ["sram"]} == made["chosen"]
    assert read["image"] == "rows"
    assert read["front"] == []
    result = project.compile("--plan", file, "--emulator", "none", "--json")
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report["plan"]["arena"] == made["chosen"]["arena"]


def test_an_edited_plan_that_is_wrong_is_refused(project: Project) -> None:
    file = project.folder / "data" / "my.json"
    planned(project, *ROWS, "--point", 1, "--save", file)
    data = json.loads(file.read_text())
    data["stages"] = data["stages"][1:]
    file.write_text(json.dumps(data))
    result = plan(project, "--plan", file)
    assert result.code == 2
    assert "do not hold every node" in result.err


def test_planning_needs_no_pictures_and_no_preprocessing(project: Project) -> None:
    with_pictures = planned(project, *ROWS, "--keep-constant-channels")
    (project.folder / "net.toml").unlink()
    result = mcucc("plan", project.model, *ROWS, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["noise"] is True
    assert with_pictures["noise"] is False
    assert [p["arena"] for p in found["front"]] == [p["arena"] for p in with_pictures["front"]]


def test_what_is_printed(project: Project) -> None:
    result = plan(project, *ROWS, "--board", BOARD, "--point", 1)
    assert result.code == 0, result.err
    printed = " ".join(result.out.split())
    for words in (
        "stm32f746g-disco (cortex-m7)",
        "chosen (auto): peak",
        "lower bound",
        "counted: stack",
    ):
        assert words in printed, printed


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--point", 99), "there is no point 99"),
        (("--objective", "beauty"), "speed, balanced, sram"),
        (("--objective", "balanced", "--max-slowdown", 1.1), "--max-slowdown: balanced means"),
        (("--objective", "sram", "--point", 1), "--point: both say which plan is taken"),
        (("--schedule", "layers", "--max-macs", 1.0), "--max-macs has nothing to choose"),
        (("--plan", "any.json", "--objective", "speed"), "a plan file decides everything"),
        (("--image", "none"), "rows"),
        (("--schedule", "best"), "layers"),
        (("--plan", "none.json"), "cannot read the plan"),
        (("--save", "no/where.json"), "cannot write the plan"),
        (("--max-slowdown", 0.5), "--max-slowdown"),
        (("--max-macs", 0.5), "--max-macs"),
    ],
)
def test_refused(options: tuple[object, ...], words: str, project: Project) -> None:
    result = plan(project, *options)
    assert result.code == 2, result.err
    assert words in result.err
    assert "Traceback" not in result.err


def test_the_saved_plan_belongs_to_the_network(project: Project) -> None:
    file = project.folder / "data" / "my.json"
    planned(project, *ROWS, "--max-macs", 1.0, "--save", file)
    options = NetworkOptions(data=project.data)
    integer = load_network(project.model, options).integer
    graph = bind(integer, load_board("nucleo-l4r5zi"), "balanced")
    program = expand(graph, Plan.from_json(Path(file).read_text()))
    assert check(program).macs == program.macs == graph.macs


def test_the_chosen_plan_is_printed_as_text(project: Project) -> None:
    result = plan(project, *ROWS, "--print")
    assert result.code == 0, result.err
    assert "\nplan auto, image rows\n" in result.out
    stage = re.compile("^ *stage 0: n_", re.MULTILINE)  # of the program, in a chain or not
    assert stage.search(result.out)
    beside = plan(project, *ROWS, "--print", "--json")
    json.loads(beside.out)
    assert stage.search(beside.err)
