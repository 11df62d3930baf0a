"""Two networks exported once a worker: one whose picture is resident, one that streams rows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mcucc.codegen.model import ModelCode, Origin, model_code
from mcucc.exports import export_names, export_to
from mcucc.images.camera import CameraInput
from mcucc.ir.integer import IntegerGraph
from mcucc.ir.kernel_id import InstructionSet
from mcucc.kernels.select import select_all
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy
from tests.graphs import mobile_net


@dataclass(frozen=True, eq=False)
class Exported:
    """A network in the shape of every ecosystem."""

    folder: Path
    integer: IntegerGraph
    code: ModelCode

    def of(self, ecosystem: str) -> Path:
        """The library's folder."""
        return self.folder / ecosystem / self.code.name

    def grey_outputs(self) -> str:
        """What the example of every export prints: all outputs of a picture of 128."""
        shape = self.integer.activations["image"].shape
        camera = CameraInput.offset(shape[2])
        values = self.integer.run({"image": camera.apply(np.full((1, *shape), 128, np.uint8))})
        lines = []
        for end, name in zip(self.code.outputs, self.integer.outputs, strict=True):
            numbers = " ".join(str(value) for value in values[name].reshape(-1))
            lines.append(f"{end.identifier}: {numbers}\n")
        return "".join(lines)


def twin_of(package: Path, code: ModelCode, target: Path) -> Path:
    """A copy of an export whose every C name is another network's: `twin`."""
    shutil.copytree(package, target)
    for path in sorted(target.rglob("*"), reverse=True):
        if path.is_file():
            text = path.read_text("ascii").replace(code.name, "twin").replace(code.macro, "TWIN")
            path.write_text(text, "ascii")
        if code.name in path.name:
            path.rename(path.with_name(path.name.replace(code.name, "twin")))
    return target


def exported(name: str, image: ImagePolicy, isa: InstructionSet, folder: Path) -> Exported:
    integer = lower(mobile_net())
    graph = select_all(integer, isa)
    program = expand(graph, layers_plan(graph, image))
    cameras = {"image": CameraInput.offset(integer.activations["image"].channels)}
    code = model_code(program, cameras, name, Origin("a test", "0" * 64, "test"))
    for ecosystem in export_names():
        assert export_to(ecosystem, code, folder) == folder / ecosystem / name
    return Exported(folder, integer, code)


@pytest.fixture(scope="session", params=["resident", "rows", "armv7em"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    image = ImagePolicy.ROWS if request.param == "rows" else ImagePolicy.RESIDENT
    isa = InstructionSet.ARMV7EM if request.param == "armv7em" else InstructionSet.PORTABLE
    return exported(f"net_{request.param}", image, isa, tmp_path_factory.mktemp("exports"))
