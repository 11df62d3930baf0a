"""A trained person network in examples/firmware: photographs as QVGA RGB565, FreeRTOS, three cores.

Compiled by the command line, as its user does; the bytes are those of NumPy, and the answers right.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcucc.driver.folder import open_compiled
from mcucc.driver.samples import samples_of
from mcucc.images.front import fed
from mcucc.images.samples import Picture
from tests.cli.project import mcucc
from tests.firmware.build import CORES, ROOT, Sensor, built, frame_line, numbers, run

pytestmark = [pytest.mark.zoo, pytest.mark.emulated]

# The network's own preprocessing (its TOML), behind a sensor.
PREPROCESS = """[preprocess]
channels = "rgb"
resize = [80, 80]
fit = "letterbox"
format = "rgb565be"
camera = [240, 320]
crop = [240, 240]
scale = 0.00392156862745098
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
"""
# A Blue Pill's flash is too small for this network: an STM32F103xG's is not.
SIZES = {"size = 65_536": "size = 1_048_576", "size = 20_480": "size = 98_304"}
LINE_US = 3000  # 18 to 28 million instructions of 32 ns, 240 lines: up to 3.7 ms of work a line


def board_of(core: str, folder: Path) -> Path:
    text = (ROOT / "boards" / f"{CORES[core].board}.toml").read_text()
    for small, large in SIZES.items():
        text = text.replace(small, large)
    path = folder / f"{core}.toml"
    path.write_text(text)
    return path


def test_a_person_network_on_freertos_gives_the_bytes_of_numpy(
    zoo_dir: Path, data_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "person.toml").write_text(PREPROCESS)
    model = zoo_dir / "tflite" / "mcunet-5fps_vww.tflite"
    plan: tuple[object, ...] = ("--max-slowdown", 1.1)
    for core in ("cortex-m4", "cortex-m3", "cortex-m55"):  # of one plan: the search takes longest
        out = tmp_path / core
        made = mcucc(
            *("compile", model, "--preprocess", tmp_path / "person.toml"),
            *("--board", board_of(core, tmp_path), "--image", "rows", *plan),
            *("--out", out, "--name", "person", "--c-only"),
        )
        assert made.code == 0, made.err
        plan = ("--plan", tmp_path / "cortex-m4" / "plan.json")

        compiled = open_compiled(out)
        labelled = samples_of(compiled, data_dir / "coco_person", None)
        two = [next(each for each in labelled if each.label == label) for label in (0, 1)]
        frames = [each.raw for each in two if isinstance(each, Picture)]
        values = compiled.integer.run(fed(compiled.integer, two))
        (name,) = compiled.integer.outputs
        answers = values[name].reshape(2, 2)
        assert np.argmax(answers, 1).tolist() == [0, 1]

        programs = built(out, core, tmp_path / f"build-{core}")
        sensor = Sensor(line_us=LINE_US).file(tmp_path / "sensor", frames)
        lines = run(programs / "person.elf", core, sensor, 300.0)
        right = [frame_line(i, [(name, answers[i].tobytes())]) for i in range(2)]
        assert [line for line in lines if line.startswith("frame")] == right
        found = numbers(lines)
        assert found["start"] == 1, "the watchdog was fed in time"
        assert found["control turns"] > 200 and found["control latest us"] <= 100
        assert found["stack left"] > 0
