"""Labels in each form say the same boxes; what is wrong with them is said with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mcucc.errors import DataError
from mcucc.images.datasets import load_dataset
from mcucc.images.labels import Labels, TrueBox, TruePoint, Truth
from mcucc.images.labels_find import find_labels
from mcucc.images.labels_masks import read_mask

NAMES = ("a.png", "b.png")
BOX = TrueBox(10, 20, 50, 60, 0)  # of a picture of 100x200


def pictures(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        Image.new("RGB", (100, 200)).save(folder / name)
    return folder


def coco(**changes: object) -> dict[str, object]:
    return {
        "images": [{"id": 7, "file_name": "a.png", "width": 100, "height": 200}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 20, 40, 40], "iscrowd": 0}
        ],
        **changes,
    }


def voc(inner: str = "", head: str = "") -> str:
    box = "<bndbox><xmin>11</xmin><ymin>21</ymin><xmax>50</xmax><ymax>60</ymax></bndbox>"
    size = "<size><width>100</width><height>200</height></size>"
    return f"{head}<annotation>{size}<object><name>dog</name>{inner}{box}</object></annotation>"


def write_coco(folder: Path) -> None:
    (folder / "annotations.json").write_text(json.dumps(coco()))


def write_voc(folder: Path) -> None:
    (folder / "a.xml").write_text(voc())


def write_yolo(folder: Path) -> None:
    (folder / "a.txt").write_text("0 0.3 0.2 0.4 0.2\n")
    (folder / "classes.txt").write_text("dog\ncat\n")


@pytest.mark.parametrize("write", [write_coco, write_voc, write_yolo])
def test_every_form_says_the_same_box(write: Callable[[Path], None], tmp_path: Path) -> None:
    folder = pictures(tmp_path / "set")
    write(folder)
    labels = find_labels(folder, NAMES)
    assert labels is not None
    truth = labels.of_classes(["dog", "cat"]).of("a.png")
    assert truth is not None
    (box,) = truth.on(100, 200, "a.png", "").boxes
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx((10, 20, 50, 60))
    assert box.kind == 0 and not box.crowd and not box.difficult


def test_only_yolo_says_that_nothing_is_on_a_picture_without_a_file(tmp_path: Path) -> None:
    for write, expected in ((write_coco, None), (write_voc, None), (write_yolo, Truth())):
        folder = pictures(tmp_path / write.__name__)
        write(folder)
        labels = find_labels(folder, NAMES)
        assert labels is not None and labels.of("b.png") == expected


def test_labels_lie_beside_images(tmp_path: Path) -> None:
    pictures(tmp_path / "images")
    (tmp_path / "labels").mkdir()
    write_yolo(tmp_path / "labels")
    for data in (tmp_path, tmp_path / "images"):
        assert [item.name for item in load_dataset(data).items] == list(NAMES)
        labels = find_labels(data, NAMES)
        assert labels is not None and labels.names == ("dog", "cat")


def test_labels_lie_in_a_folder_of_the_pictures(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    (folder / "labels").mkdir()
    write_yolo(folder / "labels")
    assert [(item.name, item.label) for item in load_dataset(folder).items] == [
        (name, None) for name in NAMES
    ]
    labels = find_labels(folder, NAMES)
    assert labels is not None and labels.path == folder / "labels"


def test_labels_of_a_split(tmp_path: Path) -> None:
    pictures(tmp_path / "images" / "val")
    (tmp_path / "labels" / "val").mkdir(parents=True)
    (tmp_path / "labels" / "val" / "b.txt").write_text("1 0.5 0.5 1 1\n")
    (tmp_path / "data.yaml").write_text("nc: 2\nnames:\n  0: dog  # first\n  1: 'a, cat'\n")
    labels = find_labels(tmp_path / "images" / "val", NAMES)
    assert labels is not None
    truth = labels.of("b.png")
    assert truth is not None and truth.boxes == (TrueBox(0, 0, 1, 1, 1),)


@pytest.mark.parametrize(
    "text",
    [
        "names: [dog, 'a, cat']  # two\n",
        "names: {0: dog, 1: 'a, cat'}",
        'names:\n- dog\n- "a, cat"\nnc: 2\n',
        "names:\n  0: dog\n\n  1: a, cat\nnc: 2\n",
        "names: [dog,\n  'a, cat'\n]\n",
    ],
)
def test_names_of_a_data_yaml(text: str, tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    (folder / "a.txt").write_text("1 0.5 0.5 1 1\n")
    (folder / "data.yaml").write_text(text)
    labels = find_labels(folder, NAMES)
    assert labels is not None and labels.names == ("dog", "a, cat")


def test_two_sets_of_labels_are_not_guessed_between(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    write_coco(folder)
    write_voc(folder)
    with pytest.raises(DataError, match="several labels"):
        find_labels(folder, NAMES)
    labels = find_labels(folder, NAMES, folder / "annotations.json")
    assert labels is not None and labels.form == "COCO JSON"


def test_nothing_beside_is_no_mistake(tmp_path: Path) -> None:
    assert find_labels(pictures(tmp_path), NAMES) is None


def test_coco_numbers_classes_by_id_and_keeps_crowds_and_points(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    row = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1, "area": 40.5}
    points = {"keypoints": [1, 2, 2, 0, 0, 0]}
    none = {"image_id": 7, "category_id": 3, "bbox": [0, 0, 0, 9]}
    (folder / "a.json").write_text(json.dumps(coco(annotations=[row | points, none])))
    labels = find_labels(folder, NAMES)
    assert labels is not None and labels.names == ("dog", "cat")
    truth = labels.of("a.png")
    assert truth is not None
    own = (TruePoint(1, 2), TruePoint(0, 0, known=False))
    assert truth.boxes == (TrueBox(0, 0, 9, 9, 1, crowd=True, area=40.5, points=own),)
    assert truth.boxes[0].surface == 40.5
    assert labels.notes == ("1 boxes without width or height are left out",)


def test_points_and_outlines_of_yolo(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    (folder / "a.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.4 0.1 0.4\n")
    labels = find_labels(folder, NAMES)
    assert labels is not None and labels.of("a.png") == Truth(
        (TrueBox(0.1, 0.1, 0.5, 0.4, 0),), shares=True
    )
    (folder / "data.yaml").write_text("kpt_shape: [2, 2]\n")
    labels = find_labels(folder, NAMES)
    assert labels is not None
    truth = labels.of("a.png")
    assert truth is not None
    assert truth.boxes[0].points == (TruePoint(0.5, 0.4), TruePoint(0.1, 0.4))


def test_difficult_objects_of_voc(tmp_path: Path) -> None:
    folder = pictures(tmp_path)
    (folder / "a.xml").write_text(voc("<difficult>1</difficult>"))
    labels = find_labels(folder, NAMES)
    assert labels is not None
    truth = labels.of("a.png")
    assert truth is not None and truth.boxes[0].difficult


EMPTY = (
    "<object><name>dog</name><bndbox><xmin>11</xmin><ymin>21</ymin><xmax>10</xmax>"
    "<ymax>60</ymax></bndbox></object>"
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "0 0.5 0.5 0.1 0.1\n0 0.002 0.0027 0 0\n"),
        ("a.xml", voc().replace("<object>", f"{EMPTY}<object>")),
    ],
)
def test_boxes_without_a_surface_are_left_out_and_counted(
    name: str, text: str, tmp_path: Path
) -> None:
    """Data sets have some: boxes of a dropped object, clicks without a drag."""
    folder = pictures(tmp_path)
    (folder / name).write_text(text)
    labels = find_labels(folder, NAMES)
    assert labels is not None
    truth = labels.of("a.png")
    assert truth is not None and len(truth.boxes) == 1
    assert labels.notes[-1] == "1 boxes without width or height are left out"


def two(first: str, second: str) -> Labels:
    boxes = (TrueBox(0, 0, 1, 1, 0), TrueBox(0, 0, 1, 1, 1))
    return Labels(Path("x.json"), "COCO JSON", {"a.png": Truth(boxes)}, (first, second))


def kinds(labels: Labels) -> list[int]:
    truth = labels.of("a.png")
    assert truth is not None
    return [box.kind for box in truth.boxes]


def test_classes_are_found_by_name_whatever_their_order() -> None:
    labels = two("Dog", "fire_truck").of_classes(["fire truck", "dog"])
    assert kinds(labels) == [1, 0] and labels.notes == ("classes of COCO JSON by name",)


def test_classes_that_the_network_does_not_have_are_left_out_and_named() -> None:
    labels = two("dog", "cat").of_classes(["cat"])
    assert kinds(labels) == [0]
    assert labels.notes[1] == "left out, as the network has no such class: dog"


def test_without_a_common_name_classes_go_by_order_and_that_is_said() -> None:
    labels = two("dog", "cat").of_classes(["perro", "gato"])
    assert kinds(labels) == [0, 1]
    assert labels.notes == ("classes of COCO JSON by order: no name is the same",)
    with pytest.raises(DataError, match=r"there is a class 1 \('cat'\), the network has 1: perro"):
        two("dog", "cat").of_classes(["perro"])


def test_labels_of_a_picture_of_another_size_are_refused() -> None:
    with pytest.raises(DataError, match=r"of a picture of 100x200 pixels, a\.png"):
        Truth((BOX,), (100, 200)).on(50, 100, "a.png", "x.json")


def test_a_name_without_folders_is_enough_where_it_is_the_only_one() -> None:
    one, other = Truth((BOX,)), Truth()
    labels = Labels(Path("x"), "", {"train/a.png": one, "train/b.png": one, "val/b.png": other})
    assert labels.of("a.png") is one and labels.of("val/b.png") is other
    assert labels.of("b.png") is None


def test_masks_are_read_as_classes(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "images")
    (tmp_path / "masks").mkdir()
    classes = np.array([[0, 1], [255, 2]], np.uint8)
    palette = Image.fromarray(classes, "P")
    palette.putpalette(list(range(255, -1, -1)) * 3)
    palette.save(tmp_path / "masks" / "a.png")
    Image.fromarray(classes).save(tmp_path / "masks" / "b.png")
    assert find_labels(folder, NAMES) is None  # boxes
    labels = find_labels(folder, NAMES, masks=True)
    assert labels is not None
    for name in NAMES:
        truth = labels.of(name)
        assert truth is not None and truth.mask is not None
        assert (read_mask(truth.mask) == classes).all()


def test_a_mask_of_colours_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="the mask has mode RGB"):
        read_mask(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(DataError, match="cannot decode this mask"):
        read_mask(tmp_path / "b.png")


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
WRONG = [
    ("a.xml", voc(head=ENTITIES), "line 1: document types and entities are not read"),
    ("a.xml", voc(head=OUTSIDE), "line 1: document types and entities are not read"),
    ("a.xml", "<annotation>\n<object>\n</annotation>", "line 3: not XML: mismatched tag"),
    ("a.xml", "<a>" * 100, "line 1: elements stand too deep"),
    ("a.xml", "", "line 1: not XML: no element found"),
    ("a.xml", '<?xml version="1.0" encoding="nope"?><a/>', "line 1: not XML: unknown encoding"),
    ("a.xml", "<x/>", "line 1: expected <annotation>, got <x>"),
    ("a.xml", voc().replace("60", "6O"), "line 1: <ymax> is '6O', no number"),
    ("a.xml", voc().replace("60", "nan"), "line 1: <ymax> is 'nan'"),
    ("a.xml", voc().replace("60", "1"), "line 1: a box that ends before it begins"),
    ("a.xml", voc().replace("ymax", "ymux"), "line 1: a <bndbox> without <ymax>"),
    ("a.xml", voc().replace("name", "nome"), "line 1: an <object> without <name>"),
    ("a.txt", "0 0.5 0.5 1 1\n0 0.5 0.5 1\n", "a.txt, line 2: 4 numbers where at least 5"),
    ("a.txt", "dog 0.5 0.5 1 1\n", "line 1: the class 'dog' is no whole number"),
    ("a.txt", "-1 0.5 0.5 1 1\n", "line 1: the class -1 is outside 0..9999"),
    ("a.txt", "0 50 50 10 10\n", "line 1: '50' is no share of the picture"),
    ("a.txt", "0 nan 0 1 1\n", "line 1: 'nan' is no share of the picture"),
    ("a.txt", "0 0.5 0.5 -0.1 0.5\n", "line 1: a box that ends before it begins"),
    ("a.txt", "0 0.5 0.5 0.5 0.5 0.1\n", "line 1: 5 numbers are no box and no outline"),
    ("a.txt", "0 0.5 0.5 1 1\n" * 10_001, "more than 10000 boxes"),
    ("a.json", '{"images": [],\n"annotations": [,]}', "a.json, line 2: not JSON"),
    ("a.json", '{"images": ' + "[" * 200_000, "a.json"),
    ("a.json", json.dumps(coco(images=3)), "images: expected a list, got 3"),
    ("a.json", json.dumps(coco(images=[3])), r"images\[0\]: expected a table, got 3"),
    ("a.json", json.dumps(coco(categories=[])), r"annotations\[0\]: there is no category 1"),
    ("a.json", json.dumps(coco(images=[])), r"annotations\[0\]: there is no image 7"),
    (
        "a.json",
        json.dumps(coco(annotations=[{"image_id": 7, "category_id": 1}])),
        r"annotations\[0\].bbox: expected a list of 4 numbers, got None",
    ),
    ("a.json", json.dumps(coco()).replace("[10,", "[NaN,"), "NaN is no number of JSON"),
    ("a.json", json.dumps(coco()).replace("[10,", "[1e999,"), r"bbox: expected numbers, got inf"),
    ("a.json", json.dumps(coco()).replace("[10,", '["1",'), r"bbox: expected numbers, got '1'"),
    ("a.json", json.dumps(coco()).replace("[10,", "[null,"), r"bbox: expected numbers, got None"),
    ("a.json", json.dumps(coco()).replace("[10,", "[1e7,"), r"annotations\[0\].bbox: a box at 1e"),
    ("a.json", json.dumps(coco()).replace("a.png", "c.png"), "says nothing of the pictures"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_wrong_labels_are_one_clear_error(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    folder = pictures(tmp_path)
    (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        find_labels(folder, NAMES)
