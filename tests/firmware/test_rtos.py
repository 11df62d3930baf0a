"""examples/firmware on FreeRTOS: a camera's lines, tasks, watchdog, cancellation, on three cores.

The sensor sends RGB565 in QVGA at its own pace while a control loop and interrupts take the core
and its registers; what comes out is what NumPy computes, byte for byte, or a reason.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mcucc.boards.board import load_board
from mcucc.images.camera import CameraInput
from mcucc.images.camera_format import CameraFormat
from mcucc.images.front import fed, with_camera
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import Picture
from mcucc.ir import Graph
from mcucc.quantize.lower import lower
from mcucc.schedule.plan.plan import ImagePolicy, Plan
from mcucc.schedule.search.front import SearchOptions
from tests.firmware.build import CORES, Core, Sensor, built, frame_line, numbers, run
from tests.fronts import quick, searched
from tests.graphs import Builder
from tests.whole.library import Library, library

pytestmark = [pytest.mark.emulated, pytest.mark.slow]

QVGA = Preprocess("gray", (40, 40), camera=CameraFormat("rgb565be", (240, 320), (0, 40, 240, 240)))


@cache
def network() -> tuple[Graph, Plan]:
    """Person or not, and the map behind it, of noise; the plan of the least memory."""
    b = Builder(40, 40, 1, seed=4)
    x = b.conv(b.block(b.conv("image", 8, 3, 2), 3, 8), 16, 3, 2)
    graph = with_camera(b.graph(b.classifier(x, 2), x, name="small"), QVGA, folded=True)
    options = SearchOptions(image=ImagePolicy.ROWS, limits=quick())
    points = searched(lower(graph), options).points
    return graph, min(points, key=lambda point: point.bytes).program.plan


def frames() -> list[Picture]:
    rng = np.random.default_rng(1)
    return [Picture(rng.integers(0, 256, QVGA.camera_shape, np.uint8), QVGA) for _ in range(2)]


def made_for(core: Core, folder: Path) -> tuple[Library, list[str]]:
    """The network in C, and what firmware must print of the two frames."""
    graph, plan = network()
    assert QVGA.camera is not None
    camera = CameraInput.as_sent(QVGA.camera_shape[2], QVGA.camera.title)
    made = library(
        graph,
        load_board(core.board),
        folder,
        "person",
        plan=plan,
        image=ImagePolicy.ROWS,
        camera=camera,
    )
    values = made.integer.run(fed(made.integer, frames()))
    names = made.integer.outputs
    lines = [frame_line(i, [(n, values[n][i].tobytes()) for n in names]) for i in range(2)]
    assert len(set(lines)) == 2
    return made, lines


@pytest.mark.parametrize("core", CORES)
def test_the_network_in_a_task_gives_the_bytes_of_numpy_or_a_reason(
    core: str, tmp_path: Path
) -> None:
    made, right = made_for(CORES[core], tmp_path / "c")
    folder = built(made.folder, core, tmp_path / "build")
    raw = [frame.raw for frame in frames()]

    def of(program: str, sensor: Sensor) -> tuple[str, ...]:
        return run(folder / program, core, sensor.file(tmp_path / "sensor", raw))

    def pictures(lines: tuple[str, ...]) -> list[str]:
        return [line for line in lines if line.startswith("frame")]

    good = of("person.elf", Sensor())
    assert pictures(good) == right
    found = numbers(good)
    assert found["start"] == 1
    assert found["load turns"] > 1000, "kernels were interrupted"
    # Four milliseconds of a turn's five are nobody's: it starts within 1/50 of its period.
    assert found["control turns"] > 20 and found["control latest us"] <= 100
    assert 0 < found["stack left"] < found["stack bytes"]
    assert of("person.elf", Sensor()) == good, "a run is the same every time"

    lost = "frame {}: none, lines were lost"
    assert pictures(of("person.elf", Sensor(line_us=20))) == [lost.format(0), lost.format(1)]
    silent = of("person.elf", Sensor(silent_from=100))
    assert pictures(silent) == ["frame 0: none, no lines come", right[1]]
    cancelled = of("person.elf", Sensor(cancel_us=30_000))
    assert pictures(cancelled) == ["frame 0: none, cancelled", right[1]]

    hung = of("person.elf", Sensor(hang_at=50))
    assert hung[:3] == ("start 1", "stopped: watchdog", "start 2")
    assert pictures(hung) == right, "after the reset"

    both = of("two_tasks.elf", Sensor())
    assert pictures(both) == right
    assert numbers(both)["switches"] > 10, "the tasks took turns in the middle of a picture"
