"""Datasets: the four forms, their order, and what is wrong with a broken one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from PIL import Image

from mcucc.errors import DataError
from mcucc.images.datasets import DataWarning, check_labels, load_dataset, pictures
from mcucc.images.preprocess import Preprocess
from mcucc.images.samples import CalibrationFacts, load_picture

PRE = Preprocess("rgb", (4, 5))


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 4), (value, 2 * value, 3 * value)).save(path)


def labels(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_text(text, encoding="utf-8")


def summary(dataset):
    return [(item.name, item.label) for item in dataset.items]


def test_class_folders_are_labels_in_sorted_order_taken_in_turn(tmp_path):
    for name in ("cat/2.png", "cat/1.png", "cat/3.png", "ape/1.png", "dog/9.png"):
        picture(tmp_path / name)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("ape", "cat", "dog")
    assert summary(dataset) == [
        ("ape/1.png", 0),
        ("cat/1.png", 1),
        ("dog/9.png", 2),
        ("cat/2.png", 1),
        ("cat/3.png", 1),
    ]


def test_further_columns_of_labels_csv_are_groups_of_its_pictures(tmp_path):
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    labels(tmp_path, "file,label, distance,light,light,,\na.png,1, near ,day,x,y\nb.png,0\n")
    dataset = load_dataset(tmp_path)
    assert [dict(item.groups) for item in dataset.items] == [
        {"distance": "near", "light": "day"},
        {"distance": "", "light": ""},
    ]
    assert dict(dataset.items[0].load(PRE).groups)["distance"] == "near"
    labels(tmp_path, "a.png,1,near\n")  # nothing names the column
    assert dict(load_dataset(tmp_path).items[0].groups) == {}


@pytest.mark.parametrize("header", ["file,label,name\n", "", "\ufefffile,label\n"])
def test_labels_csv_keeps_its_order_and_skips_negative_labels(tmp_path, header):
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    labels(tmp_path, f"{header}b.png,7,x\n\na.png,-1\nc.png, 0\n")
    dataset = load_dataset(tmp_path)
    assert summary(dataset) == [("b.png", 7), ("a.png", None), ("c.png", 0)]
    assert [item.name for item in dataset.labelled] == ["b.png", "c.png"]
    assert [item.name for item in dataset.limit(1).items] == ["b.png"]
    # Pictures without a label are good enough to calibrate on.
    assert dataset.calibration(PRE, 2).facts.last == "a.png"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a.png,cat", "'cat'"),
        ("a.png,1.5", "'1.5'"),
        ("a.png", "no label"),
        ("nowhere.png,1", "nowhere.png does not exist"),
        ("../outside.png,1", "outside the folder"),
        ("/etc/hostname,1", "outside the folder"),
        ("sub,1", "does not exist"),
        ("a\0.png,1", ""),
        (f"{'x' * 5000}.png,1", ""),
    ],
)
def test_a_bad_row_of_labels_csv_is_an_error_that_names_it(tmp_path, row, words):
    picture(tmp_path / "outside.png")
    picture(tmp_path / "data" / "a.png")
    (tmp_path / "data" / "sub").mkdir()
    labels(tmp_path / "data", f"a.png,1\n{row}\n")
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path / "data")
    assert words in str(caught.value)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    picture(tmp_path / "outside.png")
    labels(tmp_path / "data", "a.png,1\n")
    (tmp_path / "data" / "a.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(DataError, match="outside the folder"):
        load_dataset(tmp_path / "data")


def test_a_header_alone_is_an_error(tmp_path):
    labels(tmp_path, "file,label\n")
    with pytest.raises(DataError, match="no picture"):
        load_dataset(tmp_path)


def test_bare_pictures_have_no_labels(tmp_path):
    for value, name in enumerate(("b.png", "a.png", "c.bmp")):
        picture(tmp_path / name, value)
    dataset = load_dataset(tmp_path)
    assert summary(dataset) == [("a.png", None), ("b.png", None), ("c.bmp", None)]
    assert dataset.labelled == ()
    calibration = dataset.calibration(PRE, 2)
    assert [int(sample.image[0, 0, 1]) for sample in calibration.samples] == [2, 0]
    assert calibration.facts == CalibrationFacts(tmp_path.name, 2, "a.png", "b.png")


@pytest.mark.parametrize("folders", [(), ("cat", "dog")])
def test_an_empty_folder_is_an_error(tmp_path, folders):
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="no pictures"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_what_is_no_dataset_is_an_error(tmp_path, name):
    (tmp_path / "file.txt").write_text("hello")
    with pytest.raises(DataError):
        load_dataset(tmp_path / name)


def test_a_corrupt_picture_is_named_and_the_rest_goes_on(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "c.png")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    whole = (tmp_path / "c.png").read_bytes()
    (tmp_path / "d.png").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(DataWarning) as caught:
        read = list(pictures(load_dataset(tmp_path).items, PRE))
    assert [found.name for found in read] == ["a.png", "c.png"]
    assert [next(n for n in ("b.jpg", "d.png") if n in str(w.message)) for w in caught] == [
        "b.jpg",
        "d.png",
    ]


def test_nothing_but_corrupt_pictures_is_an_error(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"nothing")
    told = []
    with pytest.raises(DataError, match="not one picture"):
        list(pictures(load_dataset(tmp_path).items, PRE, warn=told.append))
    assert len(told) == 1


@pytest.mark.parametrize("side", [9000, 16000])  # beyond our limit, beyond Pillow's
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, side):
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="pixels"):
            load_picture(tmp_path / "bomb.png", PRE)


@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (6, 4, 5, 1), (6, 4, 5)])
def test_an_npz_has_images_labels_and_its_own_calibration_images(tmp_path, shape):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    np.savez(
        tmp_path / "d.npz",
        test_images=images,
        test_labels=np.array([3, 1, -1, 0, 2, 5], np.int64),
        calibration_images=images[::-1],
    )
    dataset = load_dataset(tmp_path / "d.npz", limit=3)
    assert [item.label for item in dataset.items] == [3, 1, 0]
    pre = Preprocess("rgb" if shape[-1] == 3 else "gray", (4, 5))
    read = [found.image for found in pictures(dataset.items, pre)]
    for image, index in zip(read, (0, 1, 3), strict=True):
        assert (image == images[index].reshape(image.shape)).all()
    calibration = dataset.calibration(pre, 1)
    assert (calibration.samples[0].image == images[-1].reshape(read[0].shape)).all()


def test_the_plain_names_of_an_npz_work_too(tmp_path):
    np.savez(tmp_path / "d.npz", images=np.zeros((2, 4, 5, 3), np.uint8), labels=np.array([0, 1]))
    dataset = load_dataset(tmp_path / "d.npz")
    assert summary(dataset) == [("images[0]", 0), ("images[1]", 1)]
    assert dataset.calibration_items == dataset.items


@pytest.mark.parametrize(
    "arrays",
    [
        {"pictures": np.zeros((2, 4, 5, 3), np.uint8)},
        {"images": np.zeros((2, 4, 5, 3), np.float32)},
        {"images": np.zeros((2, 4, 5, 2), np.uint8)},
        {"images": np.zeros((0, 4, 5, 3), np.uint8)},
        {"images": np.zeros((2, 4, 5, 3), np.uint8), "labels": np.array([1])},
        {"images": np.zeros((2, 4, 5, 3), np.uint8), "labels": np.array([1.0, 2.0])},
        {"images": np.array([{"a": 1}], dtype=object)},
    ],
)
def test_an_npz_that_is_no_dataset_is_an_error(tmp_path, arrays):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError):
        load_dataset(tmp_path / "d.npz")


def test_a_truncated_npz_is_an_error(tmp_path):
    np.savez(tmp_path / "d.npz", images=np.zeros((2, 4, 5, 3), np.uint8))
    whole = (tmp_path / "d.npz").read_bytes()
    (tmp_path / "d.npz").write_bytes(whole[:100])
    with pytest.raises(DataError):
        load_dataset(tmp_path / "d.npz")


def test_labels_beyond_the_networks_classes_are_an_error(tmp_path):
    picture(tmp_path / "a.png")
    labels(tmp_path, "a.png,2\n")
    dataset = load_dataset(tmp_path)
    check_labels(dataset.items, 3, "here")
    with pytest.raises(DataError, match=r"a\.png has label 2"):
        check_labels(dataset.items, 2, "here")
