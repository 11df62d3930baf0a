"""The scripts of benchmarks/: they import, they fit what they should, they write their sections."""

from __future__ import annotations

import importlib
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from benchmarks import fit_costs
from benchmarks.document import write_section
from benchmarks.fit_costs import Row, fit_kernels, non_negative
from mcucc.ir.kernel_id import KernelId
from mcucc.schedule.search.costs import cost_model

SCRIPTS = sorted(path.stem for path in (Path(__file__).parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_imports(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__


def test_the_fit_finds_the_constants_that_made_the_counts() -> None:
    rng = np.random.default_rng(0)
    made = {KernelId("a"): (1.5, 8.0, 100.0, 3.0, 20.0), KernelId("b"): (0.0, 12.0, 40.0, 0.0, 0.0)}
    rows = []
    for key, constants in made.items():
        for _ in range(30):
            features = tuple(float(n) for n in rng.integers(1, 10_000, 5))
            rows.append(Row(key, features, round(float(np.dot(features, constants)))))
    found = fit_kernels(rows)
    for key, constants in made.items():
        cost = found[key.text]
        np.testing.assert_allclose(astuple(cost), constants, rtol=1e-2, atol=1e-2)


def test_no_constant_is_below_zero() -> None:
    matrix = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert non_negative(matrix, np.array([3.0, 2.0, 1.0])).min() >= 0.0


def test_a_table_that_is_read_and_written_is_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fit_costs.TABLE.read_text()
    table = fit_costs.read_table()
    monkeypatch.setattr(fit_costs, "TABLE", tmp_path / "costs.json")
    fit_costs.write_table(table)
    assert fit_costs.TABLE.read_text() == before


@pytest.mark.parametrize("core", fit_costs.CORES)
def test_a_fit_of_the_same_kernels_keeps_the_stand_ins_of_the_others(core: str) -> None:
    known = fit_costs.read_table()["cores"][core]
    assert fit_costs.stand_ins(core, known["kernels"]) == known["like"]


def test_a_core_that_was_never_fitted_has_costs() -> None:
    assert cost_model("rv32imc").kernels


def test_a_section_is_replaced_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    write_section(path, "one", "first")
    write_section(path, "two", "second")
    write_section(path, "one", "changed")
    text = path.read_text()
    assert "changed" in text
    assert "second" in text
    assert "first" not in text
    assert text.index("changed") < text.index("second")
