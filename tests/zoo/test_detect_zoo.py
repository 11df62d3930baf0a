"""Trained detectors end to end: their boxes on real pictures, in float and in integers."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.detect import BOARD, CASES, DATA, compile_case
from mcucc.driver.validate import validate
from mcucc.evaluate.judge import DECODED, Judged

pytestmark = pytest.mark.zoo
PICTURES = 40
LEAST_AP50 = {"person-det": 0.1, "ssd": 0.1}  # of these pictures, much less than was measured


def judged(name: str, zoo: Path, data: Path, work: Path) -> Judged:
    """The boxes of the first pictures by NumPy and the C on this host, and by LiteRT."""
    case = CASES[name]
    model = zoo / case.model
    pictures, calibration = DATA[case.data](data, work / "data")
    toml = work / "net.toml"
    toml.write_text(model.with_suffix(".toml").read_text(encoding="utf-8") + case.output)
    folder = compile_case(model, toml, calibration, BOARD, work / "out", raw=False, c_only=True)
    found = validate(
        folder,
        pictures,
        limit=PICTURES,
        emulator="none",
        time_limit_s=60.0,
        progress=lambda *_: None,
    )
    assert found.passed
    assert not found.divergences
    (answer,) = found.answers
    return answer


def figure(found: Judged, way: str, key: str) -> float:
    value = {m.key: m.value for m in found.scores[way].measures}[key]
    assert value is not None
    return value


@pytest.mark.parametrize("name", LEAST_AP50)
def test_boxes_in_integers_are_as_right_as_those_in_float(
    name: str, zoo_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pycocotools", reason="pycocotools counts AP as COCO does")
    found = judged(name, zoo_dir, data_dir, tmp_path)
    assert figure(found, "litert", "ap50") >= LEAST_AP50[name]
    assert abs(figure(found, "host", "ap50") - figure(found, DECODED, "ap50")) <= 0.002
    assert found.differences[DECODED].figures["moved_most_pixels"] <= 0.25
