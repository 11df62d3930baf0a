"""The demo: a face detector in 13 kB of SRAM, on pictures it never saw.

    python examples/faces/demo.py [--board bluepill] [--out build/demo]

Compiles faces.onnx, which streams a 128x128 picture row by row, runs it under emulation over
packaged photographs and held-out faces, compares with the float network, and draws what it found.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from boxes import Map, Score, decode, score
from drawing import Detection, sheet
from pictures import (
    HELD_OUT_PHOTOGRAPHS,
    Box,
    NoPicturesError,
    held_out_scenes,
    material,
    photograph,
    training_scene,
)
from PIL import Image

from mcucc.driver.folder import CompiledFolder, open_compiled
from mcucc.driver.run import run_samples
from mcucc.driver.samples import sample_of
from mcucc.driver.validate import float_outputs
from mcucc.errors import ToolError
from mcucc.images.samples import Sample

HERE = Path(os.path.relpath(Path(__file__).parent))  # short in the commands shown
CALIBRATION = 100  # scenes
SRAM = 13_000  # bytes; the rest is for the application
ASTRONAUT = Box(56, 32.5, 26)  # the face in astronaut.png, by eye, at 128x128


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture file and the faces in it."""

    path: Path
    image: Image.Image
    faces: tuple[Box, ...]


def write_calibration(folder: Path) -> None:
    """Scenes of the faces the network was trained with."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, source = np.random.default_rng(7), material(held_out=False)
    for index in range(CALIBRATION):
        Image.fromarray(training_scene(rng, source).pixels).save(folder / f"{index:03}.png")


def write_pictures(folder: Path) -> tuple[list[Picture], list[Picture]]:
    """Photographs (their middle, square) and scenes of held-out faces, all of them never seen."""
    folder.mkdir(parents=True, exist_ok=True)
    photographs, scenes = [], []
    for name in HELD_OUT_PHOTOGRAPHS:
        image = photograph(name)
        side, (width, height) = min(image.size), image.size
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
        path = folder / Path(name).with_suffix(".png").name
        image.save(path)
        photographs.append(Picture(path, image, (ASTRONAUT,) if "astronaut" in name else ()))
    for index, scene in enumerate(held_out_scenes()):
        image = Image.fromarray(scene.pixels)
        path = folder / f"scene{index:02}.png"
        image.save(path)
        scenes.append(Picture(path, image, scene.faces))
    return photographs, scenes


def mcucc(*words: object) -> None:
    """Run the command line tool, showing the command."""
    arguments = [str(word) for word in words]
    print(f"\n$ mcucc {' '.join(arguments)}", flush=True)
    call = "from mcucc.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", call, *arguments], check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def int8_maps(compiled: CompiledFolder, samples: list[Sample]) -> tuple[dict[str, Map], str]:
    """Real values (pictures, H, W, C) of what the C computes, and where it ran."""
    try:
        run = run_samples(compiled, samples)
    except ToolError as error:
        print(f"not emulated: {error}\nthe C runs on this host instead")
        run = run_samples(compiled, samples, "host")
    activations = compiled.integer.activations
    real = {name: activations[name].real(value) for name, value in run.outputs.items()}
    return {name: value.astype(np.float32) for name, value in real.items()}, run.emulator


def detections(pictures: list[Picture], maps: dict[str, Map], first: int = 0) -> list[Detection]:
    """What the maps say of the pictures; the first picture's are number `first`."""
    return [
        Detection(
            picture.path.stem,
            picture.image,
            maps["heat"][index],
            decode(maps["heat"][index], maps["box"][index]),
            picture.faces,
        )
        for index, picture in enumerate(pictures, first)
    ]


def total(found: list[Detection]) -> Score:
    """The score of all pictures together."""
    return sum((score(d.found, d.faces) for d in found), Score())


def accuracy(what: str, exact: Score, ours: Score) -> str:
    """One line: faces found and false alarms, float beside int8."""
    cells = [
        f"{s.found} of {s.faces} faces, {s.false_alarms} false alarms".ljust(34)
        for s in (exact, ours)
    ]
    return f"{what:28}{''.join(cells)}".rstrip()


def demo(board: str, out: Path) -> None:
    """The whole demo; everything it writes lies below `out`."""
    calibration, folder = out / "calibration", out / "faces"
    write_calibration(calibration)
    photographs, scenes = write_pictures(out / "pictures")
    options = ("--board", board, "--image", "rows", "--sram", SRAM)
    mcucc("compile", HERE / "faces.onnx", *options, "--data", calibration, "--out", folder)
    mcucc("validate", folder, "--data", out / "pictures")

    compiled = open_compiled(folder)
    samples = [sample_of(picture.path, compiled) for picture in (*photographs, *scenes)]
    maps, where = int8_maps(compiled, samples)
    exact = float_outputs(compiled, samples)
    print(f"\nOn pictures that were in neither training nor calibration:\n{'':28}", end="")
    print(f"{'float network':34}int8 C, {where}")
    count = len(photographs)
    found = {
        title: (detections(pictures, exact, first), detections(pictures, maps, first))
        for title, pictures, first in (
            (f"{count} photographs", photographs, 0),
            (f"{len(scenes)} scenes of held-out faces", scenes, count),
        )
    }
    for title, (of_float, of_int8) in found.items():
        print(accuracy(title, total(of_float), total(of_int8)))
    (_, large), (_, small) = found.values()
    drawn = out / "faces.png"
    sheet(large, small, f"faces.onnx on {board}: int8, {where}").save(drawn)
    for what, path in (("report", folder / "report.html"), ("picture", drawn)):
        if path.is_file():
            print(f"{what}: {path}")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--board", default="bluepill", help="see mcucc boards")
    parser.add_argument("--out", type=Path, default=Path("build/demo"))
    options = parser.parse_args()
    try:
        demo(options.board, options.out)
    except NoPicturesError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
