"""Label files of strangers: spoiled in any place they are read or refused, in little time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from mcucc.answers.answer import ClassesAnswer, Scores
from mcucc.errors import McuccError
from mcucc.evaluate.judge import Judged, Worst
from mcucc.evaluate.tasks.classes import ClassesPart, ClassesTask
from mcucc.evaluate.tasks.task import Case
from mcucc.images.labels import Labels
from mcucc.images.labels_find import find_labels
from mcucc.images.placement import Placement
from mcucc.report.answers import Cells
from mcucc.report.html.validation import ValidationFacts, validation_page
from tests.hostile.spoiled import spoiled
from tests.hostile.texts import EVERYTHING, MARK, TEXTS

NAMES = ("a.png",)
COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 2,
            "bbox": [1.5, 2, 30, 20],
            "area": 600.0,
            "iscrowd": 0,
            "keypoints": [1, 2, 2, 3, 4, 1],
            "num_keypoints": 2,
        }
    ],
    "categories": [{"id": 2, "name": "person", "keypoints": ["nose", "chin"]}],
}
VOC = (
    '<?xml version="1.0"?>\n<annotation><size><width>100</width><height>50</height></size>\n'
    "<object><name>cat</name><difficult>1</difficult>\n<bndbox><xmin>1</xmin><ymin>2</ymin>"
    "<xmax>30</xmax><ymax>20</ymax></bndbox></object>\n</annotation>\n"
)
YOLO = "0 0.5 0.5 0.25 0.125 0.5 0.5 2 0.4 0.3 1\n1 0.1 0.1 0.05 0.05\n"
YAML = "nc: 2\nkpt_shape: [2, 3]\nnames:\n  0: cat\n  1: 'a, dog'  # one\n"
COUNT = 300
HTML = {
    *("!doctype", "html", "head", "meta", "link", "title", "style", "body", "main", "header"),
    *("section", "h1", "h2", "h3", "p", "div", "table", "thead", "tbody", "tr", "th", "td"),
    *("small", "figure", "figcaption", "img"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    return tmp_path


def read(folder: Path) -> bool:
    """Whether the labels were read; the error is ours and short where not."""
    try:
        labels = find_labels(folder, NAMES)
        if labels is not None:
            used(labels)
    except McuccError as error:
        assert len(str(error)) < 3000
        return False
    return True


def used(labels: Labels) -> None:
    """What validate does with them."""
    for made in (labels.of_classes(["person", "cat"]), labels.of_points(["nose", "chin"])):
        truth = made.of("a.png")
        if truth is not None:
            truth.on(100, 50, "a.png", "")


def test_spoiled_coco(folder: Path) -> None:
    refused = 0
    for _, data in spoiled(COCO, COUNT):
        (folder / "annotations.json").write_text(json.dumps(data))
        refused += not read(folder)
    assert COUNT / 3 < refused < COUNT


@pytest.mark.parametrize(("name", "text"), [("a.xml", VOC), ("a.txt", YOLO), ("data.yaml", YAML)])
def test_spoiled_texts(folder: Path, name: str, text: str) -> None:
    random, refused = Random(0), 0
    (folder / "a.txt").write_text(YOLO)
    if name == "a.xml":
        (folder / "a.txt").unlink()
    else:
        (folder / "data.yaml").write_text(YAML)
    (folder / name).write_text(text)
    assert read(folder)
    for _ in range(COUNT):
        at = random.randrange(len(text))
        part = random.choice((*TEXTS, "", "\x00", "9" * 400, "1e999", "-", "<", "\n", "\ud800"))
        changed = text[:at] + part + text[at + random.randrange(4) :]
        (folder / name).write_bytes(changed.encode("utf-8", "surrogatepass"))
        refused += not read(folder)
    assert 0 < refused < COUNT


def test_names_that_unfold_nothing(folder: Path) -> None:
    """A thousand laughs, an entity of another file, and one in an attribute."""
    laughs = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    for head in (
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
    ):
        (folder / "a.xml").write_text(f'{head}<annotation n="&l9;">&l9;</annotation>')
        assert not read(folder)


def test_names_on_the_page_stay_text() -> None:
    """Classes, files and the model are called what leaves HTML; the page only shows it."""
    task = ClassesTask(ClassesAnswer(EVERYTHING, (), TEXTS, 0.0))
    scores = Scores((1.0,) + (0.0,) * (len(TEXTS) - 1), 0)
    parts = [ClassesPart(1, scores)]
    score, wrong = task.score(parts), task.wrong(parts[0])
    assert wrong is not None
    found = Judged(
        task,
        (Case(EVERYTHING, Placement.same((4, 4)), label=1),),
        TEXTS,
        {"float": score, "quantized": score},
        {"float": parts, "quantized": parts},
        worst=(Worst(0, EVERYTHING, wrong, wrong),),
    )
    cells = Cells(TEXTS[:2], ((EVERYTHING, *TEXTS[:2]),))
    facts = ValidationFacts(EVERYTHING, EVERYTHING, True, cells, TEXTS)
    page = validation_page(facts, [found], {0: Image.new("RGB", (4, 4))})
    assert page.count(MARK) > 50 and "What is taken for what" in page
    tags = set(re.findall(r"<([a-z0-9!]+)", page))
    assert tags <= HTML
    assert not re.search(r"[\x00-\x08\x1b\x7f-\x9f\u202e\u2066]", page)
