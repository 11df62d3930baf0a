"""Mistakes with labels: boxes and masks of the pictures that validate rates answers by."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image

from tests.cli.project import HEIGHT, TOML, WIDTH, Project, make_project
from tests.cli.wrong import Words, Wrong, written
from tests.frontends.onnx_nets import Net

BOXES = """[output.boxes]
decoder = "yolov3"
classes = ["cat", "dog"]
threshold = 0.2
[[output.boxes.heads]]
tensor = "map"
anchors = [[6, 6]]
"""
SIZE = (17, 20)  # width and height of the project's pictures
BOX = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>{}</ymax></bndbox>"
ENTITY = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'


def detector(folder: Path) -> None:
    """A map of boxes: four numbers, objectness and two classes for each cell of 2x2 pixels."""
    n = Net([1, 3, HEIGHT, WIDTH])
    x = n("Relu", n.conv("image", 3, 8, 3, strides=[2, 2]))
    n.save(folder, n.conv(x, 8, 7, 1, out="map"))


@cache
def _compiled() -> tuple[Path, tempfile.TemporaryDirectory[str]]:
    """A compiled detector, once a process; the folder goes with it."""
    scratch = tempfile.TemporaryDirectory()
    project = make_project(Path(scratch.name))
    detector(project.folder)
    (project.folder / "net.toml").write_text(TOML + BOXES)
    result = project.compile()
    assert result.code == 0, result.err
    return project.folder / "out", scratch


def labelled(name: str, text: str, *more: str) -> Callable[[Project], Words]:
    """validate of a detector on class0/, whose pictures are labelled by a file of this text."""

    def command(project: Project) -> Words:
        out = project.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(_compiled()[0], out)
        file = written(project, f"labels/{name}", text)
        given = file if file.suffix == ".json" else file.parent
        words = ("--emulator", "none", "--labels", given, *more)
        return ("validate", out, "--data", project.data / "class0", *words)

    return command


def beside(*names: str) -> Callable[[Project], Words]:
    """validate of a detector, with labels of several forms beside the pictures."""

    def command(project: Project) -> Words:
        words = labelled("0.txt", "0 0.5 0.5 0.1 0.1")(project)
        for name in names:
            written(project, f"data/class0/{name}", "0 0.5 0.5 0.1 0.1")
        return words[: words.index("--emulator")]

    return command


def coco(**changes: object) -> str:
    image = {"id": 1, "file_name": "0.png", "width": SIZE[0], "height": SIZE[1]}
    row = {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]}
    kinds = [{"id": 7, "name": "cat"}]
    return json.dumps({"images": [image], "annotations": [row], "categories": kinds, **changes})


def masks_for_boxes(project: Project) -> Words:
    """Masks where the network says boxes."""
    words = labelled("0.txt", "")(project)
    (project.folder / "labels" / "0.txt").unlink()
    Image.new("L", SIZE).save(project.folder / "labels" / "0.png")
    return words


def labels_of_a_classifier(project: Project) -> Words:
    """Boxes for a network that says none."""
    file = written(project, "boxes.json", coco())
    return ("validate", project.folder / "out", "--data", project.data, "--labels", file)


LABELS = (
    Wrong(
        "labels of boxes for a network without [output.boxes]",
        labels_of_a_classifier,
        ("boxes.json", "no answers", "[output]"),
        True,
    ),
    Wrong(
        "labels that are not there",
        lambda p: (*labelled("0.txt", "")(p), "--labels", p.folder / "no.json"),
        ("no.json", "does not exist"),
        True,
    ),
    Wrong(
        "masks for a network that finds boxes",
        masks_for_boxes,
        ("no answers that labels of masks",),
        True,
    ),
    Wrong(
        "two sets of labels beside the pictures",
        beside("0.txt", "labels/0.txt"),
        ("several labels", "--labels"),
        True,
    ),
    Wrong(
        "labels of other pictures",
        labelled("a.json", coco(images=[{"id": 1, "file_name": "cat.jpg"}])),
        ("a.json", "nothing of the pictures", "0.png"),
        True,
    ),
    Wrong(
        "labels of pictures of another size",
        labelled(
            "a.json", coco(images=[{"id": 1, "file_name": "0.png", "width": 640, "height": 480}])
        ),
        ("640x480", "0.png", "17x20"),
        True,
    ),
    Wrong(
        "a COCO JSON with a class that is not there",
        labelled("a.json", coco(categories=[])),
        ("annotations[0]", "no category 7"),
        True,
    ),
    Wrong(
        "a COCO JSON whose box is no box",
        labelled("a.json", coco().replace("[1, 2, 3, 4]", "[1, 2, NaN, 4]")),
        ("a.json", "NaN"),
        True,
    ),
    Wrong(
        "a COCO JSON that ends too early",
        labelled("a.json", coco()[:-40]),
        ("a.json, line 1", "not JSON"),
        True,
    ),
    Wrong(
        "a VOC XML with an entity",
        labelled("0.xml", f"{ENTITY}<annotation>&x;</annotation>"),
        ("0.xml, line 1", "entities"),
        True,
    ),
    Wrong(
        "a VOC XML without a corner",
        labelled(
            "0.xml",
            f"<annotation>\n<object><name>cat</name>\n{BOX.format('')}\n</object>\n</annotation>",
        ),
        ("0.xml, line 3", "<ymax>", "no number"),
        True,
    ),
    Wrong(
        "a YOLO label in pixels",
        labelled("0.txt", "0 0.5 0.5 0.1 0.1\n1 320 240 64 48\n"),
        ("0.txt, line 2", "'320'", "share of the picture"),
        True,
    ),
    Wrong(
        "a YOLO label of a class that the network does not have",
        labelled("0.txt", "2 0.5 0.5 0.1 0.1\n"),
        ("class 2", "the network has 2: cat, dog"),
        True,
    ),
)
