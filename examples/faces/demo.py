"""The demo: a face detector in 13 kB of SRAM, on pictures it never saw.

    python examples/faces/demo.py [--board bluepill] [--out build/demo]

Compiles faces.onnx, which streams a 128x128 picture row by row and ends in boxes, runs it under
emulation over packaged photographs and held-out faces, counts what it finds beside the float
network, and draws it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pictures import (
    HELD_OUT_PHOTOGRAPHS,
    SIDE,
    Box,
    NoPicturesError,
    held_out_scenes,
    material,
    photograph,
    training_scene,
)
from PIL import Image

HERE = Path(os.path.relpath(Path(__file__).parent))  # short in the commands shown
CALIBRATION = 100  # scenes
SRAM = 13_000  # bytes; the rest is for the application
ASTRONAUT = Box(56, 32.5, 26)  # the face in astronaut.png, by eye, at 128x128


def write_calibration(folder: Path) -> None:
    """Scenes of the faces the network was trained with."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, source = np.random.default_rng(7), material(held_out=False)
    for index in range(CALIBRATION):
        Image.fromarray(training_scene(rng, source).pixels).save(folder / f"{index:03}.png")


def write_picture(folder: Path, name: str, image: Image.Image, faces: Sequence[Box]) -> None:
    """A picture, and where its faces are as YOLO's labels say it, in shares of the picture."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    image.save(folder / "images" / f"{name}.png")
    rows = [[f"{value / SIDE:.6f}" for value in (f.x, f.y, f.side, f.side)] for f in faces]
    lines = "".join(f"0 {' '.join(row)}\n" for row in rows)
    (folder / "labels" / f"{name}.txt").write_text(lines, encoding="utf-8")
    (folder / "names.txt").write_text("face\n", encoding="utf-8")


def write_photographs(folder: Path) -> None:
    """The middle of photographs that were never seen, square; one has a face."""
    for name in HELD_OUT_PHOTOGRAPHS:
        image = photograph(name)
        side, (width, height) = min(image.size), image.size
        left, top = (width - side) // 2, (height - side) // 2
        faces = (ASTRONAUT,) if "astronaut" in name else ()
        square = image.crop((left, top, left + side, top + side))
        write_picture(folder, Path(name).stem, square, faces)


def write_scenes(folder: Path) -> None:
    """Scenes of faces that were never seen."""
    for index, scene in enumerate(held_out_scenes()):
        write_picture(folder, f"scene{index:02}", Image.fromarray(scene.pixels), scene.faces)


def mcucc(*words: object) -> None:
    """Run the command line tool, showing the command."""
    arguments = [str(word) for word in words]
    print(f"\n$ mcucc {' '.join(arguments)}", flush=True)
    call = "from mcucc.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", call, *arguments], check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)


def demo(board: str, out: Path) -> None:
    """The whole demo; everything it writes lies below `out`."""
    calibration, folder = out / "calibration", out / "faces"
    photographs, scenes = out / "photographs", out / "scenes"
    write_calibration(calibration)
    write_photographs(photographs)
    write_scenes(scenes)
    options = ("--board", board, "--image", "rows", "--sram", SRAM)
    mcucc("compile", HERE / "faces.onnx", *options, "--data", calibration, "--out", folder)
    print("\nPictures that were in neither training nor calibration:")
    mcucc("validate", folder, "--data", scenes)
    images = photographs / "images"
    mcucc("run", folder, "--input", images, "--draw", out / "drawn")
    for what, path in (("report", folder / "report.html"), ("pictures", out / "drawn")):
        if path.exists():
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
