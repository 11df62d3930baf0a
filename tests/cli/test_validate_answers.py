"""`mcucc validate` with labels: how right answers are, on the terminal, as JSON and as a page."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.project import HEIGHT, TOML, WIDTH, Project, make_project, mcucc
from tests.cli.wrong_labels import BOXES, detector
from tests.frontends.onnx_nets import Net

pytestmark = pytest.mark.host

MASK = '[output.mask]\nclasses = ["road", "car", "tree"]\n'
CLASSED = '[output.classes]\nclasses = ["class2", "class0", "class1"]\nthreshold = 0.0\n'
SHAPE = (20, 17)  # of the project's pictures


def segmenter(folder: Path) -> None:
    """Three channels of the picture, turned about: the class is the least bright colour."""
    n = Net([1, 3, HEIGHT, WIDTH])
    n.save(folder, n.conv("image", 3, 3, 1))


def folder_of(project: Project, output: str, data: Path) -> Path:
    (project.folder / "net.toml").write_text(TOML + output)
    result = project.compile("--data", data)
    assert result.code == 0, result.err
    return project.folder / "out"


def validated(folder: Path, data: Path, *more: object) -> dict[str, Any]:
    result = mcucc("validate", folder, "--data", data, "--emulator", "none", "--json", *more)
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


@dataclass(frozen=True)
class Masked:
    """A compiled segmenter, pictures with masks beside them, and what validate printed of them."""

    folder: Path
    data: Path
    out: str

    @property
    def answer(self) -> dict[str, Any]:
        (answer,) = json.loads((self.folder / "validate.json").read_text())["answers"]
        return dict(answer)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Masked:
    project = make_project(tmp_path_factory.mktemp("masked"))
    segmenter(project.folder)
    data = project.folder / "set"
    (data / "images").mkdir(parents=True)
    (data / "masks").mkdir()
    for index in range(3):
        source = project.data / f"class{index}" / "0.png"
        shutil.copy(source, data / "images" / f"{index}.png")
        mask = np.full(SHAPE, index, np.uint8)
        mask[:10] = 255
        Image.fromarray(mask).save(data / "masks" / f"{index}.png")
    folder = folder_of(project, MASK, data)
    result = mcucc("validate", folder, "--data", data, "--emulator", "none")
    assert result.code == 0, result.err
    return Masked(folder, data, result.out)


def test_masks_beside_images_rate_every_way(masked: Masked) -> None:
    answer = masked.answer
    assert answer["task"] == "mask" and answer["ways"]["host"] == answer["ways"]["quantized"]
    assert set(answer["ways"]) == {"float", "decoded", "quantized", "host"}
    cells = answer["ways"]["quantized"]["confusion"]["cells"]
    pixels = sum(count for *_, count in cells)
    assert pixels == 3 * 10 * SHAPE[1]  # 255 does not count
    right = sum(count for true, found, count in cells if true == found)
    assert answer["ways"]["quantized"]["pixel_accuracy"]["value"] == pytest.approx(right / pixels)
    assert answer["notes"][0].endswith("3 of 3 pictures")
    assert {row["picture"] for row in answer["worst"]} == {"0.png", "1.png", "2.png"}


def test_the_page_stands_alone_and_has_the_worst_pictures(masked: Masked) -> None:
    assert "mIoU" in masked.out and "worst pictures" in masked.out
    assert "int8 beside float" in masked.out
    page = (masked.folder / "validate.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 6  # found and true
    assert "&lt;" not in page and page.count("<table") == 5
    assert "<script" not in page and "http://" not in page and "https://" not in page
    assert "What is taken for what" in page and "road" in page and "0.png" in page


def test_labels_elsewhere_are_named(masked: Masked, tmp_path: Path) -> None:
    shutil.copytree(masked.data / "images", tmp_path / "pictures")
    before = masked.answer
    found = validated(masked.folder, tmp_path / "pictures", "--labels", masked.data / "masks")
    assert found["answers"][0]["ways"] == before["ways"]


def test_labels_that_do_not_fit_the_network_are_refused(masked: Masked, tmp_path: Path) -> None:
    other = tmp_path / "x.json"
    other.write_text(json.dumps({"images": [], "annotations": [], "categories": []}))
    arguments = ("validate", masked.folder, "--data", masked.data, "--emulator", "none", "--labels")
    result = mcucc(*arguments, other)
    assert result.code == 2 and "no answers that labels of boxes or points" in result.err
    result = mcucc(*arguments, tmp_path / "nothing")
    assert result.code == 2 and "does not exist" in result.err


def test_a_folders_classes_go_by_name(project: Project) -> None:
    """Class folders in alphabetical order, the network's classes in another."""
    folder = folder_of(project, CLASSED, project.data)
    found = validated(folder, project.data)
    (answer,) = found["answers"]
    assert answer["notes"] == ["classes of the folders by name"]
    rows = answer["ways"]["quantized"]["classes"]
    assert [row["class"] for row in rows] == ["class2", "class0", "class1"]
    assert found["quantized_top1"] == answer["ways"]["quantized"]["top1"]["value"]


def test_boxes_are_rated_in_pixels_of_the_picture(project: Project) -> None:
    """Labels that are what the network finds, from its own answers: AP is 1, nothing is missed."""
    detector(project.folder)
    data = project.data / "class0"
    folder = folder_of(project, BOXES, data)
    found: dict[str, Any] = {}
    for index in range(3):
        words = ("--input", data / f"{index}.png", "--emulator", "host", "--json")
        found[f"{index}.png"] = json.loads(mcucc("run", folder, *words).out)["answers"][0]["boxes"]
    assert any(found.values())
    rows = [
        {
            "image_id": i,
            "category_id": box["class"],
            "bbox": [left, top, right - left, bottom - top],
        }
        for i, boxes in enumerate(found.values())
        for box in boxes
        for left, top, right, bottom in [box["picture"]]
        if right - left > 0 and bottom - top > 0
    ]
    images = [{"id": i, "file_name": name} for i, name in enumerate(found)]
    kinds = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    document = {"images": images, "annotations": rows, "categories": kinds}
    (data / "annotations.json").write_text(json.dumps(document))
    (answer,) = validated(folder, data)["answers"]
    score = answer["ways"]["host"]
    assert score == answer["ways"]["quantized"]
    assert score["ap"]["value"] == score["voc_ap50"]["value"] == pytest.approx(1)
    assert score["recall"]["hits"] == score["recall"]["count"] == len(rows)
    assert answer["differences"]["decoded"]["only_int8"] == 0
    assert answer["notes"][1] == "classes of COCO JSON by name"
