"""[output] as text: what it means, and that every message names the key that is wrong."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.answers.read import EXAMPLES, TASKS, find_output, read_output
from mcucc.answers.spec import (
    BoxesSpec,
    Decoder,
    EmbeddingSpec,
    HeadSpec,
    OutputSpec,
    tensors_of,
)
from mcucc.errors import DataError
from tests.docs.blocks import ROOT

BOXES = '[output.boxes]\ndecoder = "yolov3"\n'
TWO = '[[output.boxes]]\ndecoder = "fomo"\n[[output.boxes]]\ndecoder = "ssd"\n'
HEAD = BOXES + "[[output.boxes.heads]]\n"


def read(text: str) -> OutputSpec:
    return read_output(tomllib.loads(text)["output"], "net.toml")


def test_a_table_or_an_array_of_tables_a_task() -> None:
    assert read(HEAD + 'tensor = "a"\nanchors = [[116, 90]]\n').boxes == (
        BoxesSpec(Decoder.YOLOV3, (HeadSpec("a", anchors=((116.0, 90.0),)),)),
    )
    assert [each.decoder for each in read(TWO).boxes] == [Decoder.FOMO, Decoder.SSD]
    both = read(TWO + '[output.embedding]\ntensor = "e"\n')
    assert len(both.boxes) == 2 and both.embedding == (EmbeddingSpec("e"),)


def test_every_decoder_is_on_the_page() -> None:
    page = (ROOT / "docs" / "answers.md").read_text()
    assert all(f"\n| `{decoder.value}`" in page for decoder in Decoder)


def test_a_single_head_needs_no_array() -> None:
    assert len(read(BOXES + '[output.boxes.heads]\ntensor = "a"\n').boxes[0].heads) == 1


@pytest.mark.parametrize("task", EXAMPLES)
def test_the_examples_that_messages_show_are_right(task: str) -> None:
    assert getattr(read(EXAMPLES[task].format(decoders="")), task)


@pytest.mark.parametrize(
    "text, key",
    [
        ("output = 1\n", "output: expected a table"),
        ("[output]\n", "output: it says nothing"),
        ("[output.box]\n", "output: unknown key 'box'"),
        ("[output.boxes]\n", "output.boxes: the key 'decoder' is missing"),
        ('[output.boxes]\ndecoder = "yolo"\n', "output.boxes.decoder: expected one of"),
        (BOXES + "thresh = 0.5\n", "output.boxes: unknown key 'thresh'"),
        (BOXES + "threshold = 0\n", "output.boxes.threshold: expected a number between"),
        (BOXES + "threshold = nan\n", "output.boxes.threshold: expected a finite number"),
        (BOXES + "overlap = 45\n", "output.boxes.overlap: expected a number from 0 to 1"),
        (BOXES + "most = 1000000\n", "output.boxes.most: expected a number from 1 to 1000"),
        (BOXES + "candidates = 3\n", "output.boxes.candidates: expected a number from 20"),
        (BOXES + 'classes = ["a", "b", "a"]\n', "output.boxes.classes[2]: 'a' is there twice"),
        (BOXES + 'classes = ["a\\nb"]\n', "output.boxes.classes[0]: 'a\\\\nb' is no name"),
        (BOXES + "variances = [0.1]\n", "output.boxes.variances: 1 numbers"),
        (BOXES + "points = 2\npoint_names = ['a']\n", "output.boxes.point_names: 1 names"),
        (TWO.replace("ssd", "sdd"), "output.boxes[1].decoder: expected one of"),
        (HEAD, "output.boxes.heads[0]: it names no tensor"),
        (HEAD + 'tensor = "a"\nboxes = "b"\n', "output.boxes.heads[0]: tensor and boxes are both"),
        (HEAD + 'boxes = "b"\n', "output.boxes.heads[0]: it has boxes and no scores"),
        (HEAD + 'tensor = "a"\nstride = [0]\n', "output.boxes.heads[0].stride[0]: 0 is no length"),
        (HEAD + 'tensor = "a"\nanchors = [[1]]\n', "output.boxes.heads[0].anchors[0]: 1 numbers"),
        (HEAD + 'tensor = "a"\nanchors = 3\n', "output.boxes.heads[0].anchors: expected a list"),
        ('[output.classes]\nscore = "exp"\n', "output.classes.score: expected one of identity"),
        ("[output.mask]\nthreshold = 1\n", "output.mask.threshold: expected a number between"),
        (
            '[output.keypoints]\nheatmap = "a"\ntensor = "b"\n',
            "output.keypoints: heatmap and tensor are both",
        ),
        ('[output.keypoints]\noffsets = "a"\n', "output.keypoints.offsets: they belong"),
    ],
)
def test_a_message_names_the_key_and_shows_how_it_looks(text: str, key: str) -> None:
    with pytest.raises(DataError) as caught:
        read(text)
    assert caught.value.where == "net.toml"
    assert caught.value.what.startswith(key.replace("\\\\", "\\"))
    assert caught.value.hint.startswith(("it looks like:", "the keys are decoder, heads"))


def test_a_hint_is_the_line_of_the_key_a_head_or_the_table() -> None:
    with pytest.raises(DataError) as caught:
        read(BOXES + "threshold = 30\n")
    assert caught.value.hint == "it looks like: threshold = 0.3          # of the score"
    with pytest.raises(DataError) as caught:
        read(HEAD)
    assert caught.value.hint.startswith("it looks like:\n[[output.boxes.heads]]")
    with pytest.raises(DataError) as caught:
        read("[output.keypoints]\nheatmap = 'a'\ntensor = 'b'\n")
    assert caught.value.hint.startswith("it looks like:\n[output.keypoints]")


def test_tables_and_heads_are_bounded() -> None:
    with pytest.raises(DataError, match="17 tables"):
        read('[[output.boxes]]\ndecoder = "fomo"\n' * 17)
    with pytest.raises(DataError, match="heads: how many"):
        read(BOXES + '[[output.boxes.heads]]\ntensor = "a"\n' * 17)


KEYS = sorted({f.name for kind in (*TASKS.values(), HeadSpec) for f in fields(kind)} | {"", "x"})
PLAIN = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.sampled_from([*Decoder, "sigmoid", "nms", "boxes", "center"]).map(str),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
TABLE = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=8)
DOCUMENT = st.dictionaries(
    st.sampled_from([*TASKS, "x"]), TABLE | st.lists(TABLE, max_size=3) | VALUES, max_size=3
)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(DOCUMENT | VALUES)
def test_whatever_stands_there_is_a_specification_or_one_message(table: object) -> None:
    try:
        spec = read_output(table, "net.toml")
    except DataError as error:
        assert error.what.startswith("output") and error.hint
    else:
        assert all(key.startswith("output.") for key in tensors_of(spec).values())


def test_a_file_may_have_one_table_or_the_other(tmp_path: Path) -> None:
    model = tmp_path / "net.onnx"
    assert find_output(model) is None
    beside = tmp_path / "net.toml"
    beside.write_text('[preprocess]\nchannels = "rgb"\nresize = [8, 8]\n')
    assert find_output(model) is None
    beside.write_text("[output.mask]\n")
    assert find_output(model) == read("[output.mask]\n")
    assert find_output(tmp_path / "other.onnx", beside) == read("[output.mask]\n")
