"""Detectors end to end on a Cortex-M4: average precision, what post-processing costs, pictures.

    python -m benchmarks.detect [NAME ...] [--zoo DIR] [--data DIR] [--limit N] [--board BOARD]
        [--pictures DIR] [--write docs/benchmarks.md]

Networks and pictures are not part of the repository: `--zoo` (or MCUCC_ZOO) and `--data` say where
they are. Each network is compiled twice, with [output] and with --raw-outputs, layer by layer;
instructions are those of the picture with most boxes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.document import write_section
from mcucc.answers.records import boxes_of
from mcucc.driver.answered import answered, write_drawings
from mcucc.driver.compile import CompileOptions, compile_model
from mcucc.driver.folder import CompiledFolder, open_compiled
from mcucc.driver.load import NetworkOptions
from mcucc.driver.run import run_samples
from mcucc.driver.samples import samples_in
from mcucc.driver.validate import Validation, validate
from mcucc.evaluate.judge import DECODED, Judged
from mcucc.images.samples import Sample
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.wishes import ScheduleOptions

ROOT = Path(__file__).resolve().parents[1]
BOARD = "stm32h743"  # of a core whose kernels are Cortex-M4's, with SRAM for every plan
FLOATS = ("litert", "onnxruntime", "float")  # the file by its own runtime, decoded in float
DRAWN = 8  # pictures of each network

PERSON = """
[output.boxes]
decoder = "yolov3"
classes = ["person"]
threshold = 0.3
overlap = 0.45
most = 20
[[output.boxes.heads]]
tensor = "1807"
anchors = [[116, 90], [156, 198], [373, 326]]
[[output.boxes.heads]]
tensor = "1808"
anchors = [[30, 61], [62, 45], [59, 119]]
[[output.boxes.heads]]
tensor = "1809"
anchors = [[10, 13], [16, 30], [33, 23]]
"""
ST_SSD = """
[output.boxes]
decoder = "st_ssd"
classes = ["person"]
threshold = 0.3
overlap = 0.45
most = 20
[[output.boxes.heads]]
boxes = "StatefulPartitionedCall:1"
scores = "StatefulPartitionedCall:2"
anchors_from = "StatefulPartitionedCall:0"
"""


@dataclass(frozen=True)
class Case:
    """A network, what it says, and the pictures that it is measured on."""

    title: str
    model: str  # below the zoo, or of this repository where `own`
    output: str  # [output], where the TOML beside the model has none
    data: str  # a name of DATA
    own: bool = False


CASES = {
    "person-det": Case("person-det (YOLOv3-like)", "tflite/person-det.tflite", PERSON, "coco"),
    "helmets": Case(
        "helmets (YOLOX-like)", "examples/helmets/helmets.onnx", "", "helmets", own=True
    ),
    "ssd": Case("st_ssd_mbv1_192 (SSD)", "real/st_ssd_mbv1_192.tflite", ST_SSD, "coco"),
}


def coco_pictures(data: Path, out: Path) -> tuple[Path, Path | None]:
    """coco_person with YOLO labels; the zoo's networks are quantized and calibrate on nothing."""
    source = data / "coco_person"
    for part in ("images", "labels"):
        (out / part).mkdir(parents=True)
    truth = json.loads((source / "person_boxes.json").read_text(encoding="utf-8"))
    for name, rows in truth.items():
        (out / "images" / name).write_bytes((source / name).read_bytes())
        lines = [f"0 {' '.join(f'{value:.6f}' for value in row)}\n" for row in rows]
        (out / "labels" / f"{Path(name).stem}.txt").write_text("".join(lines), encoding="utf-8")
    (out / "names.txt").write_text("person\n", encoding="utf-8")
    return out, None


def helmet_pictures(data: Path, out: Path) -> tuple[Path, Path | None]:
    """The validation split of helmets.npz with YOLO labels, and 100 pictures to calibrate with."""
    with np.load(data / "helmets.npz", allow_pickle=False) as packed:
        jpeg, offsets, boxes, split, names = (
            packed[key] for key in ("jpeg", "offsets", "boxes", "split", "names")
        )
    for part, chosen in (
        ("val", np.flatnonzero(split == 1)),
        ("train", np.flatnonzero(split == 0)[:100]),
    ):
        for folder in ("images", "labels"):
            (out / part / folder).mkdir(parents=True)
        for i in chosen.tolist():
            picture = jpeg[offsets[i] : offsets[i + 1]].tobytes()
            (out / part / "images" / f"{i:05}.jpg").write_bytes(picture)
            rows = boxes[boxes[:, 0] == i, 1:].tolist()
            lines = [f"{int(row[0])} {' '.join(f'{v:.6f}' for v in row[1:])}\n" for row in rows]
            (out / part / "labels" / f"{i:05}.txt").write_text("".join(lines), encoding="utf-8")
        (out / part / "names.txt").write_text("\n".join(map(str, names)), encoding="utf-8")
    return out / "val", out / "train" / "images"


DATA = {"coco": coco_pictures, "helmets": helmet_pictures}


@dataclass(frozen=True)
class Cost:
    """Of one compile: bytes, and instructions of one picture."""

    sram: int
    arena: int
    stack: int
    flash: int
    instructions: int


@dataclass(frozen=True)
class Row:
    """What was measured of a network."""

    title: str
    pictures: int
    judged: Judged
    equal: bool
    raw: Cost
    answers: Cost
    most: int  # boxes on the picture whose instructions are counted

    def figure(self, way: str, key: str) -> str:
        """One measure, 4 digits."""
        score = self.judged.scores.get(way)
        found = {m.key: m.value for m in score.measures} if score is not None else {}
        value = found.get(key)
        return "–" if value is None else f"{value:.4f}"

    @property
    def floats(self) -> str:
        """The way that is the file's own."""
        return next(way for way in FLOATS if way in self.judged.scores)


def compile_case(
    model: Path,
    toml: Path,
    calibration: Path | None,
    board: str,
    out: Path,
    *,
    raw: bool,
    c_only: bool = False,
) -> CompiledFolder:
    """With [output] or `raw` heads, layer by layer."""
    network = NetworkOptions(data=calibration, preprocess=toml, raw_outputs=raw)
    schedule = ScheduleOptions(schedule="layers", image=ImagePolicy.ROWS)
    options = CompileOptions(board, out, network, name="net", schedule=schedule, c_only=c_only)
    compile_model(model, options)
    return open_compiled(out)


def cost(compiled: CompiledFolder, sample: Sample) -> Cost:
    """Of the folder's report, and of one picture emulated."""
    report: dict[str, Any] = json.loads((compiled.path / "report.json").read_text(encoding="utf-8"))
    run = run_samples(compiled, [sample])
    assert run.instructions is not None, "not emulated"
    sram = report["sram"]
    return Cost(
        sram["total"], sram["arena"], sram["stack"], report["flash"]["total"], run.instructions
    )


def busiest(compiled: CompiledFolder, samples: Sequence[Sample]) -> tuple[int, int]:
    """The picture with most boxes, and how many: on this host, whose bytes are the C's."""
    (answer,) = compiled.answers
    made = run_samples(compiled, samples, "host").outputs[answer.output]
    counts = [len(boxes_of(values, 0)) for values in made]
    return int(np.argmax(counts)), max(counts)


def measure(case: Case, options: argparse.Namespace, work: Path) -> Row:
    """Compile, validate, draw."""
    model = (ROOT if case.own else options.zoo) / case.model
    data, calibration = DATA[case.data](options.data, work / "data")
    toml = work / "net.toml"
    toml.write_text(model.with_suffix(".toml").read_text(encoding="utf-8") + case.output)
    folders = [
        compile_case(model, toml, calibration, options.board, work / name, raw=raw)
        for name, raw in (("answers", False), ("raw", True))
    ]
    found: Validation = validate(
        folders[0],
        data,
        limit=options.limit,
        emulator="auto",
        time_limit_s=3600.0,
        progress=lambda *_: None,
    )
    samples = samples_in(data / "images", folders[0], options.limit)
    index, most = busiest(folders[0], samples)
    with_answers, raw = (cost(folder, samples[index]) for folder in folders)
    if options.pictures is not None:
        some = samples[:: max(len(samples) // DRAWN, 1)][:DRAWN]
        some = [samples[index], *some]
        outputs = run_samples(folders[0], some, "host").outputs
        to = options.pictures / case.title.split()[0]
        write_drawings(answered(folders[0], some, outputs), to, several=True)
    (judged,) = found.answers
    return Row(case.title, found.images, judged, found.all_equal is True, raw, with_answers, most)


def precision_table(rows: Sequence[Row]) -> list[str]:
    """AP / AP50 by way, and the boxes that differ."""
    lines = [
        "| network | pictures | the file, float decode | int8, float decode | int8, NumPy "
        "| C emulated | boxes that differ | corners apart, at most |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        cells = [
            f"{row.figure(way, 'ap')} / {row.figure(way, 'ap50')}"
            for way in (row.floats, DECODED, "quantized", "emulated")
        ]
        apart = row.judged.differences[DECODED].figures
        other = f"{apart['only_float'] + apart['only_int8']:.0f} of {apart['same']:.0f}"
        lines.append(
            f"| {row.title} | {row.pictures} | {' | '.join(cells)} | {other} "
            f"| {apart['moved_most_pixels']:.3f} px |"
        )
    return lines


def cost_table(rows: Sequence[Row]) -> list[str]:
    """What the answers cost beside the raw heads."""
    lines = [
        "| network | instructions, raw | with answers | share | boxes | SRAM, raw | with answers "
        "| stack, raw | with answers | flash, raw | with answers | bytes equal |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        a, b = row.raw, row.answers
        more = b.instructions / a.instructions - 1
        lines.append(
            f"| {row.title} | {a.instructions:,} | {b.instructions:,} | {more:+.2%} | {row.most} "
            f"| {a.sram:,} | {b.sram:,} | {a.stack:,} | {b.stack:,} | {a.flash:,} | {b.flash:,} "
            f"| {'yes' if row.equal else 'NO'} |"
        )
    return lines


def document(rows: Sequence[Row], board: str) -> str:
    """Both tables with what they are of."""
    head = """## Detectors, end to end

Written by `python -m benchmarks.detect --write docs/benchmarks.md`. AP / AP50 as COCO counts them
(pycocotools), on `coco_person` (128 pictures of COCO train2017) and on the validation split of
helmets; thresholds of 0.3 and at most 20 boxes. "The file" is LiteRT of a quantized file, the float
network of helmets; its heads are decoded in float. Boxes that differ are those of the integer
decode beside the float decode of the same int8 heads.
"""
    plan = f"""
Board {board} under QEMU, `--image rows --schedule layers`, bytes; heads are outputs
(`--raw-outputs`), or decoded. Instructions are those of the picture with most boxes.
"""
    return "\n".join([head, *precision_table(rows), plan, *cost_table(rows)])


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    shared = ROOT.parent / "shared"
    zoo = Path(os.environ.get("MCUCC_ZOO", shared / "zoo"))
    parser.add_argument("names", nargs="*", choices=[[], *CASES], help="which; default: all")
    parser.add_argument("--zoo", type=Path, default=zoo)
    parser.add_argument("--data", type=Path, default=shared / "data")
    parser.add_argument("--limit", type=int, help="only the first so many pictures")
    parser.add_argument("--board", default=BOARD)
    parser.add_argument("--pictures", type=Path, help="where to draw some of them")
    parser.add_argument("--write", type=Path, help="the document whose section this is")
    options = parser.parse_args()
    rows = []
    for name in options.names or CASES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(CASES[name], options, Path(folder)))
        print("\n".join((*precision_table(rows[-1:]), *cost_table(rows[-1:]))), flush=True)
    text = document(rows, options.board)
    if options.write is not None:
        write_section(options.write, "detect", text)


if __name__ == "__main__":
    main()
