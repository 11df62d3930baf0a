"""Small networks, exported once a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mcucc.answers.answer import Answer, BoxesAnswer, ClassesAnswer, KeypointsAnswer, MaskAnswer
from mcucc.boards.board import load_board
from mcucc.codegen.model import ModelCode, Origin, model_code
from mcucc.exports import Example, Library, Trial, export_names, export_to
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import select_all
from mcucc.ops.arg_max import ArgMax
from mcucc.ops.common.detection import Anchor, Channels, Curve, Form
from mcucc.ops.detect_head import DetectHead
from mcucc.ops.points import Points
from mcucc.ops.softmax import Softmax
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from tests.graphs import Builder

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Exported:
    """A network in the shape of every ecosystem."""

    folder: Path
    integer: IntegerGraph
    library: Library
    answers: tuple[Answer, ...]

    @property
    def code(self) -> ModelCode:
        """Names and numbers of its C."""
        return self.library.code

    def of(self, ecosystem: str) -> Path:
        """The library's folder."""
        return self.folder / ecosystem / self.code.name

    def printed(self) -> str:
        """What the example of every export prints: all outputs of its picture, answers."""
        shape = self.integer.activations["image"].shape
        camera = CameraInput.offset(shape[2])
        values = self.integer.run({"image": camera.apply(noise(shape))})
        lines = []
        for end, name in zip(self.code.outputs, self.integer.outputs, strict=True):
            numbers = " ".join(str(value) for value in values[name].reshape(-1))
            if not end.records:
                lines.append(f"{end.identifier}: {numbers}\n")
        for answer, code in zip(self.answers, self.code.answers, strict=True):
            real = self.integer.activations[answer.output].real(values[answer.output])
            lines += said(answer, code.output.end, values[answer.output], real)
        return "".join(lines)


def noise(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """The example's picture: a row is a linear congruential generator begun at its number."""
    values = []
    for row in range(shape[0]):
        state = row
        for _ in range(shape[1] * shape[2]):
            state = (1664525 * state + 1013904223) % 2**32
            values.append(state >> 24)
    return np.array(values, np.uint8).reshape(1, *shape)


def said(answer: Answer, end: str, raw: Array, real: Array) -> list[str]:
    """What the example prints of an answer."""
    if isinstance(answer, ClassesAnswer):
        found = answer.read(real)
        name = "no class is sure" if found.best is None else answer.classes[found.best]
        score = int(max(found.scores) * 65535 + 0.5) * 1000 // 65535
        return [f"{end}: {name}, score per mille {score}\n"]
    if isinstance(answer, KeypointsAnswer):
        points = answer.read(raw)
        lines = [f"{end}: sure points {sum(point.score >= answer.threshold for point in points)}\n"]
        for name, point in zip(answer.names, points, strict=True):
            score = round(point.score * 65535) * 1000 // 65535
            place = f"pixel {int(point.x)} {int(point.y)}"
            lines.append(f"  {name}, score per mille {score}, {place}\n")
        return lines
    if isinstance(answer, MaskAnswer):
        others = int((real != 0).sum())
        return [f"{end}: pixels of other classes than the first {others}\n"]
    assert isinstance(answer, BoxesAnswer)
    boxes = answer.read(raw)
    lines = [f"{end}: boxes {len(boxes)}\n"]
    for box in boxes:
        corners = [int(side) for side in (box.left, box.top, box.right, box.bottom)]
        score = round(box.score * 65535) * 1000 // 65535
        place = "pixels {} {} to {} {}".format(*corners)
        lines.append(f"  {answer.classes[box.kind]}, score per mille {score}, {place}\n")
        lines += [f"    point {int(p.x)} {int(p.y)}\n" for p in box.points]
    return lines


def classifier() -> IntegerGraph:
    """What a picture is of, and two places in it."""
    b = Builder(8, 8, 1)
    x = b.depthwise(b.conv("image", 4, 3, 2))
    kind = b.node(Softmax(), b.classifier(x, 3), name="kind")
    points = Points(2, Anchor(3.0, 3.0, 8.0, 8.0), score_curve=Curve.SIGMOID)
    places = b.node(points, b.classifier(x, 6), name="places")
    return lower(b.graph(kind, places, name="classifier"))


def detector() -> IntegerGraph:
    """Two classes a cell with boxes and points, what the picture is of, and a mask."""
    b = Builder(9, 7, 1, seed=1)
    x = b.block(b.conv("image", 4, 3, 2), 2, 4)
    op = DetectHead(
        *(2, 4, 0.2, Form.SIDES, (Anchor(1.0, 1.0, 3.0, 3.0),), (2.0, 2.0)),
        scores=Channels(0),
        boxes=Channels(1),
        points=Channels(1, 4),
        point_count=2,
    )
    found = b.node(op, b.conv(x, 2), b.conv(x, 8), name="found")
    kind = b.node(Softmax(), b.classifier(x, 3), name="kind")
    mask = b.node(ArgMax(3), b.conv(x, 3), name="mask")
    return lower(b.graph(found, kind, mask, name="detector"))


KIND = ClassesAnswer("kind", (), ("x", "y", "z"), 0.1)
FOUND = BoxesAnswer("found", (), ('a "b"', "100 %d"), 0.2, 0.5, 4, 2)
PLACES = KeypointsAnswer("places", (), ("eye", "ear"), 0.4)
MASK = MaskAnswer("mask", (), ("ground", "a", "b"))
ANSWERS = (FOUND, KIND, MASK)  # of the detector


def examples(
    integer: IntegerGraph, cameras: Mapping[str, CameraInput], count: int = 2
) -> tuple[Example, ...]:
    """Pictures of random bytes and the reference's outputs."""
    rng, made = np.random.default_rng(3), []
    for index in range(count):
        inputs, raw = {}, b""
        for name in integer.inputs:
            a = integer.activations[name]
            part = rng.integers(0, 256, a.size, np.uint8)
            raw += part.tobytes()
            camera = cameras.get(name)
            shaped = part.reshape(1, *a.shape)
            inputs[name] = camera.apply(shaped) if camera else shaped.view(np.int8)
        values = integer.run(inputs)
        outputs = b"".join(values[name].tobytes() for name in integer.outputs)
        made.append(Example(f"picture {index}", raw, outputs))
    return tuple(made)


def exported(
    name: str,
    integer: IntegerGraph,
    answers: tuple[Answer, ...],
    image: ImagePolicy,
    isa: InstructionSet,
    folder: Path,
) -> Exported:
    """A network in all shapes below a folder."""
    graph = select_all(integer, isa)
    program = expand(graph, layers_plan(graph, image))
    cameras = {"image": CameraInput.offset(integer.activations["image"].channels)}
    origin = Origin("a test", "0" * 64, "test")
    code = model_code(program, cameras, name, origin, answers=answers)
    trial = Trial(load_board("bluepill"), lambda: examples(integer, cameras))
    library = Library.of(code, program.graph, cameras, answers, trial)
    for ecosystem in export_names():
        assert export_to(ecosystem, library, folder) == folder / ecosystem / name
    return Exported(folder, integer, library, answers)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exported, Exported]:
    """Two networks of one project: `first` has its picture resident, `second` streams rows.

    Their path has a space and a letter outside of ASCII.
    """
    folder = tmp_path_factory.mktemp("exports") / "zwei für eins"
    portable = InstructionSet.PORTABLE
    first = exported("first", classifier(), (KIND, PLACES), ImagePolicy.RESIDENT, portable, folder)
    return first, exported("second", detector(), ANSWERS, ImagePolicy.ROWS, portable, folder)


@pytest.fixture(scope="session")
def dsp(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The detector for a core with DSP instructions."""
    folder = tmp_path_factory.mktemp("exports of dsp")
    return exported("dsp", detector(), ANSWERS, ImagePolicy.ROWS, InstructionSet.ARMV7EM, folder)
