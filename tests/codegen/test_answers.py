"""The answers' functions in C say what `Answer.read` says of the same output bytes."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcucc.answers.answer import (
    Answer,
    BoxesAnswer,
    ClassesAnswer,
    EmbeddingAnswer,
    KeypointsAnswer,
    MaskAnswer,
)
from mcucc.answers.records import Box, Point
from mcucc.codegen.model import ModelCode, Origin, model_code
from mcucc.codegen.write import write_library
from mcucc.ir import Quant
from mcucc.ir.integer import IntegerGraph
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.reshape import Reshape
from mcucc.ops.suppress import Suppress
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.buffers import BufferKind
from mcucc.schedule.plan.check import check
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan, StagePlan
from mcucc.toolchain.firmware import include_folders, unit_of
from mcucc.toolchain.host import build_shared
from tests.graphs import Builder
from tests.schedule.parts import head

NAMES = ('person "A"', 'a \\ or */ "??/', "cœur")  # as C they are text, whatever they hold
MOST = 4


class CBox(ctypes.Structure):
    """mcucc_box."""

    _fields_ = (
        *((name, ctypes.c_int16) for name in ("left", "top", "right", "bottom")),
        ("score", ctypes.c_uint16),
        ("kind", ctypes.c_uint8),
        ("zero", ctypes.c_uint8),
    )


class CPoint(ctypes.Structure):
    """mcucc_point."""

    _fields_ = (("x", ctypes.c_int16), ("y", ctypes.c_int16), ("score", ctypes.c_uint16))


def vector(b: Builder, name: str, length: int, quant: Quant) -> str:
    """An output of so many values."""
    flat = b.conv("image", length)
    b.tensors[flat] = b.tensors[flat].__class__(
        flat, b.tensors[flat].shape, np.dtype("int8"), quant
    )
    return b.node(Reshape((1, length)), flat, quant=quant, name=name)


def compiled(answers: tuple[Answer, ...], outputs: tuple[str, ...], b: Builder) -> ModelCode:
    """The generated code of a network whose outputs say `answers`."""
    program = expand(graph := lower(b.graph(*outputs)), layers_plan(lower(b.graph(*outputs))))
    assert graph.outputs == outputs
    return model_code(program, {}, "net", Origin("a test", "0" * 64, "test"), answers=answers)


def everything() -> tuple[ModelCode, dict[str, Answer]]:
    """Two detectors, classes, a mask, keypoints and an embedding in one network."""
    b = Builder(1, 1, 2)
    records = Quant((1.0,), 0)
    vector(b, "faces", MOST * 24, records)
    vector(b, "cars", MOST * 12, records)
    vector(b, "kinds", 3, Quant((1 / 256,), -128))
    b.node(ArgMax(3), b.conv("image", 3), name="mask")
    vector(b, "joints", 18, records)
    vector(b, "face", 8, Quant((0.05,), 3))
    answers: tuple[Answer, ...] = (
        BoxesAnswer("faces", ("h",), NAMES, 0.3, 0.45, MOST, 2, ("left eye", "right eye")),
        BoxesAnswer("cars", ("h",), (), 0.3, 0.45, MOST),
        ClassesAnswer("kinds", ("kinds",), NAMES, 0.6, several=True),
        MaskAnswer("mask", ("m",), NAMES),
        KeypointsAnswer("joints", ("j",), NAMES, 0.25),
        EmbeddingAnswer("face", ("face",)),
    )
    outputs = tuple(answer.output for answer in answers)
    return compiled(answers, outputs, b), {answer.output: answer for answer in answers}


def library(code: ModelCode, folder: Path) -> ctypes.CDLL:
    """The library on the host."""
    sources = write_library(code, folder)
    unit, kernels = unit_of(code.name, code.arena_bytes, folder, sources)
    return ctypes.CDLL(str(build_shared([unit], kernels, folder / "host")))


def arena_with(code: ModelCode, output: str, data: np.ndarray) -> bytes:
    """An arena of other bytes in which an output, or an input, holds `data`."""
    (end,) = (end for end in (*code.inputs, *code.outputs) if end.name == output)
    arena = np.random.default_rng(1).integers(0, 256, code.arena_bytes, np.uint8)
    arena[end.offset : end.offset + data.nbytes] = np.frombuffer(data.tobytes(), np.uint8)
    return arena.tobytes()


def box(found: CBox, points: tuple[Point, ...] = ()) -> Box:
    corners = (found.left / 16, found.top / 16, found.right / 16, found.bottom / 16)
    return Box(*corners, found.score / 65535, found.kind, points)


def point(found: CPoint) -> Point:
    return Point(found.x / 16, found.y / 16, found.score / 65535)


@pytest.mark.host
def test_c_reads_what_answers_read(tmp_path: Path) -> None:
    code, answers = everything()
    lib = library(code, tmp_path)
    rng = np.random.default_rng(3)
    for output, points in (("faces", 2), ("cars", 0)):
        for count in range(MOST + 1):
            data = rng.integers(-128, 128, (MOST, 12 + 6 * points)).astype(np.int8)
            data[:, 8:10] |= 1
            data[count:, 8:10] = 0
            arena, found = arena_with(code, output, data), (CBox * MOST)()
            assert lib[f"net_detect_{output}"](arena, found) == count
            read = []
            for i in range(count):
                own = (CPoint * 2)()
                if points:
                    lib.net_detect_points_faces(arena, i, own)
                read.append(box(found[i], tuple(map(point, own[:points]))))
            assert tuple(read) == answers[output].read(data)
    joints = rng.integers(-128, 128, (3, 6)).astype(np.int8)
    found_points = (CPoint * 3)()
    sure = lib.net_keypoints(arena_with(code, "joints", joints), found_points)
    assert tuple(map(point, found_points)) == answers["joints"].read(joints[None])
    assert sure == sum(p.score >= 0.25 for p in map(point, found_points))


@pytest.mark.host
def test_a_class_is_sure_from_the_threshold_on(tmp_path: Path) -> None:
    code, answers = everything()
    lib, score = library(code, tmp_path), ctypes.c_int32()
    for values in ([-1, 25, 26], [26, 25, 25], [-128, -128, -128], [127, 127, 0], [3, 25, 25]):
        q = np.array(values, np.int8)
        arena = arena_with(code, "kinds", q)
        scores = answers["kinds"].read((q.astype(np.float64) + 128) / 256)
        found = lib.net_classify(arena, ctypes.byref(score))
        assert (found if found >= 0 else None) == scores.best
        assert score.value == int(max(scores.scores) * 65535 + 0.5)
        assert lib.net_classify(arena, None) == found
        each = (ctypes.c_uint8 * 3)()
        assert lib.net_classify_each(arena, each) == sum(each)
        assert list(each) == [s >= 0.6 for s in scores.scores]


@pytest.mark.host
def test_every_pixel_of_a_mask_has_its_class(tmp_path: Path) -> None:
    b = Builder(3, 5, 2)
    b.node(ArgMax(3), b.conv("image", 3), name="mask")
    answer = MaskAnswer("mask", ("m",), NAMES)
    code = compiled((answer,), ("mask",), b)
    lib = library(code, tmp_path)
    mask = np.random.default_rng(5).integers(0, 3, (3, 5))
    arena = arena_with(code, "mask", (mask - 128).astype(np.int8))
    found = [[lib.net_segment(arena, row, column) for column in range(5)] for row in range(3)]
    assert np.array_equal(found, answer.read(mask[..., None].astype(float)))


@pytest.mark.host
def test_names_are_strings_in_an_object_of_their_own(tmp_path: Path) -> None:
    code, _ = everything()
    lib = library(code, tmp_path)
    table = (ctypes.c_char_p * 3).in_dll(lib, "net_detect_names_faces")
    assert list(table) == [b'person "A"', b'a ? or * / "? ?/', b"c?ur"]
    assert list((ctypes.c_char_p * 2).in_dll(lib, "net_detect_point_names_faces")) == [
        b"left eye",
        b"right eye",
    ]
    header = (tmp_path / "net.h").read_text("ascii")
    assert "net_detect_names_cars" not in header
    assert "cœur"[:1] + "?ur" not in (tmp_path / "net_answers.c").read_text("ascii")
    assert '"c?ur",' in (tmp_path / "net_names.c").read_text("ascii")


@pytest.mark.host
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_header_and_functions_compile_without_a_warning_and_as_cpp(
    compiler: str, tmp_path: Path
) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    code, _ = everything()
    sources = write_library(code, tmp_path)
    unit, _ = unit_of(code.name, code.arena_bytes, tmp_path, sources)
    words = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-fsyntax-only"]
    words += [f"-I{folder}" for folder in include_folders([unit])]
    own = [str(tmp_path / f"net_{part}.c") for part in ("answers", "names")]
    user = tmp_path / "user.cpp"
    user.write_text(
        '#include "net.h"\nint32_t (*f)(const void *, mcucc_box *) = net_detect_cars;\n'
    )
    for language in (["-std=c99", *own], ["-x", "c++", str(user)]):
        done = subprocess.run([compiler, *words, *language], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def pyramid() -> IntegerGraph:
    """Heads at two scales, whose lists are merged."""
    b = Builder(12, 16, 3)
    x = b.conv("image", 6, 3, 2)
    y = b.conv(x, 8, 3, 2)
    lists = [head(b, b.conv(m, 3, 3), b.conv(m, 4), most=9) for m in (x, y)]
    return lower(b.graph(b.node(Suppress(most=MOST), *lists, name="cats")))


@pytest.mark.host
def test_detect_finds_what_numpy_does_though_no_head_is_stored(tmp_path: Path) -> None:
    graph = pyramid()
    names = [node.name for node in graph.nodes]
    stages = (StagePlan(tuple(names[:-1]), (1, 2)), StagePlan((names[-1],), (1, 0)))
    program = expand(graph, Plan("test", ImagePolicy.RESIDENT, stages))
    check(program)
    answer = BoxesAnswer("cats", (), NAMES, 0.3, 0.45, MOST)
    code = model_code(program, {}, "net", Origin("a test", "0" * 64, "test"), answers=(answer,))
    kinds = [buffer.kind for buffer in program.buffers.values()]
    assert kinds.count(BufferKind.TENSOR) == 2  # the lists
    lib, found = library(code, tmp_path), (CBox * MOST)()
    rng = np.random.default_rng(7)
    counts = set()
    for _ in range(8):
        picture = rng.integers(-128, 128, (1, 12, 16, 3)).astype(np.int8)
        arena = ctypes.create_string_buffer(arena_with(code, "image", picture))
        lib.net_run(arena)
        count = lib.net_detect(arena, found)
        expected = answer.read(graph.run({"image": picture})["cats"])
        assert tuple(map(box, found[:count])) == expected
        counts.add(count)
    assert max(counts) > 1


@pytest.mark.host
def test_a_head_of_one_row_is_a_stage_of_one_slice(tmp_path: Path) -> None:
    b = Builder(1, 5, 3)
    scores, boxes = b.conv("image", 3), b.conv("image", 4)
    graph = lower(b.graph(head(b, scores, boxes, most=MOST, name="cats")))
    answer = BoxesAnswer("cats", (), NAMES, 0.3, 0.45, MOST)
    program = expand(graph, layers_plan(graph))
    code = model_code(program, {}, "net", Origin("a test", "0" * 64, "test"), answers=(answer,))
    lib, found = library(code, tmp_path), (CBox * MOST)()
    picture = np.random.default_rng(2).integers(-128, 128, (1, 1, 5, 3)).astype(np.int8)
    arena = ctypes.create_string_buffer(arena_with(code, "image", picture))
    lib.net_run(arena)
    count = lib.net_detect(arena, found)
    expected = answer.read(graph.run({"image": picture})["cats"])
    assert count and tuple(map(box, found[:count])) == expected


def test_one_answer_of_a_task_needs_no_name_of_its_output() -> None:
    b = Builder(1, 1, 2)
    vector(b, "list", MOST * 12, Quant((1.0,), 0))
    answer = BoxesAnswer("list", ("h",), ("a",), 0.3, 0.45, MOST)
    (made,) = compiled((answer,), ("list",), b).answers
    assert (made.function, made.count_macro) == ("net_detect", "NET_BOXES_MOST")
    assert [(t.symbol, t.length) for t in made.tables] == [("net_detect_names", "NET_BOXES_KINDS")]


def test_without_answers_nothing_is_added(tmp_path: Path) -> None:
    b = Builder(1, 1, 2)
    vector(b, "list", 8, Quant((1.0,), 0))
    write_library(compiled((), ("list",), b), tmp_path)
    assert not list(tmp_path.rglob("*boxes*"))
    assert not list(tmp_path.glob("net_[an]*.c"))
