"""Two files of counts: what got worse by more than 1 %."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.compare import changes, worse

HERE = Path(__file__).resolve().parents[2]


def record(instructions: int, loads: int = 10, name: str = "1x1") -> dict[str, Any]:
    row = {"instructions": instructions, "loads": loads, "macs": 7, "outputs": 3}
    return {"cortex-m4": {"layers": {name: row}}}


def test_more_than_one_percent_is_worse_and_one_percent_is_not() -> None:
    assert worse(changes(record(1000), record(1010))) == []
    (found,) = worse(changes(record(1000), record(1011)))
    assert (found.row, found.figure) == ("cortex-m4/layers/1x1", "instructions")
    assert (found.old, found.new) == (1000, 1011)


def test_loads_count_and_macs_do_not() -> None:
    more = record(1000, loads=20)
    more["cortex-m4"]["layers"]["1x1"]["macs"] = 700
    assert [c.figure for c in worse(changes(record(1000), more))] == ["loads"]


def test_the_layers_of_networks_are_rows_as_well() -> None:
    def layers(instructions: int) -> dict[str, Any]:
        counts = {"instructions": instructions, "loads": None}
        return {"core": "cortex-m4", "networks": {"net": [{"node": "conv", "counts": counts}]}}

    (found,) = changes(layers(100), layers(150))
    assert found.row == "networks/net/conv"
    assert found.share == 0.5


def test_only_rows_of_both_files_are_compared() -> None:
    assert changes(record(1, name="a"), record(9, name="b")) == []


def test_the_command_names_rows_and_fails_when_asked_to(tmp_path: Path) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(record(1000)))
    new.write_text(json.dumps(record(1200)))
    command = [sys.executable, "-m", "benchmarks.compare", str(old), str(new)]
    shown = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout
    assert "+20.0%" in shown and "cortex-m4/layers/1x1" in shown
    assert "1 worse by more than 1 %" in shown
    strict = subprocess.run([*command, "--strict"], cwd=HERE, capture_output=True, check=False)
    assert strict.returncode == 1
