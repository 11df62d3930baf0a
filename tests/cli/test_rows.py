"""`--line-period`: the line buffers of a sensor's pace, measured, counted and said."""

from __future__ import annotations

import re

import pytest

from mcucc.report.facts import Report
from mcucc.report.rows import RowFacts
from tests.cli.project import HEIGHT, WIDTH, Project

ROWS = ("--image", "rows")


def report_of(project: Project) -> Report:
    return Report.from_json((project.folder / "out" / "report.json").read_text())


@pytest.mark.emulated
def test_line_buffers_are_counted_and_in_the_header(project: Project) -> None:
    result = project.compile(*ROWS, "--line-period", 50, "--cycles-per-instruction", 1.5)
    assert result.code == 0, result.err
    report = report_of(project)
    rows, sram = report.camera_rows, report.sram
    assert rows is not None and rows.wanted is not None
    assert (rows.height, rows.row_bytes, rows.total) == (
        HEIGHT,
        WIDTH * 3,
        report.instructions.total,
    )
    assert list(rows.requests) == sorted(rows.requests) and len(rows.requests) == HEIGHT
    buffers = rows.wanted.buffers
    assert sram.line_buffers == buffers * WIDTH * 3
    assert sram.total == sram.arena + sram.static + sram.stack + sram.line_buffers
    assert "the camera's own buffers" not in sram.not_counted
    header = (project.folder / "out" / "net.h").read_text()
    assert f"#define NET_LINE_BUFFERS {buffers}\n" in header
    assert "lines 50 us apart, 216 MHz, 1.5 cycles an instruction" in header
    words = " ".join(result.out.split())
    assert f"{buffers} line buffers of 36 bytes at 216 MHz and 1.5 cycles" in words
    assert re.search(rf"line buffers +{sram.line_buffers:,}", result.out)
    page = (project.folder / "out" / "report.html").read_text()
    assert "Rows of the camera" in page and page.count("<polyline") >= 1


@pytest.mark.emulated
def test_a_sensor_that_is_faster_than_the_network(project: Project) -> None:
    """The message names the least period of the plan it is about, the fastest by estimate.

    At that period another plan may be chosen, as lines weigh less: one message more, at most two.
    """
    period, messages = 0.5, 0
    while (result := project.compile(*ROWS, "--line-period", period)).code != 0:
        messages += 1
        assert messages <= 3 and "the sensor is faster than the network" in result.err
        least = re.search(r"a line period of ([0-9.,]+) us on", " ".join(result.err.split()))
        assert least is not None and not (project.folder / "out").exists()
        period = float(least[1].replace(",", ""))
    assert messages
    assert report_of(project).sram.line_buffers > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--line-period", 50), "--image rows"),
        ((*ROWS, "--line-period", 50, "--c-only"), "under emulation"),
        ((*ROWS, "--line-period", 0), "--line-period"),
        ((*ROWS, "--line-period", 50, "--cycles-per-instruction", 0), "--cycles-per-instruction"),
    ],
)
def test_paces_that_cannot_be_judged(
    words: tuple[object, ...], said: str, project: Project
) -> None:
    result = project.compile(*words)
    assert result.code != 0 and said in result.err
    assert not (project.folder / "out").exists()


def test_a_pace_by_hand() -> None:
    """Ten rows, the last half asked for after half of the work; an instruction is 2 us."""
    asked = (0, 0, 0, 0, 0, 500, 500, 500, 500, 500)
    rows = RowFacts(10, 32, asked, 1_000, 1_000_000, 2.0)
    assert rows.average_us == 200.0
    pace = rows.pace(200.0)  # row 5 is asked for 1,000 us after row 4 came, when line 9 is filled
    assert (pace.times, pace.buffers, pace.bytes) == (1.0, 5, 160)
    assert pace.tail_us == 1_000.0
    assert rows.wanted is None
    assert [each.times for each in rows.paces] == [0.25, 0.5, 1.0, 1.5, 2.0, 4.0]
    buffers = [each.buffers for each in rows.paces]
    assert buffers == sorted(buffers, reverse=True)
