"""How users get things wrong: commands that prepare a mistake in a project."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from mcucc.base.package_data import resource_dir
from tests.cli.project import BOARD, TOML, Project
from tests.frontends.onnx_nets import Net

Words = tuple[object, ...]


@dataclass(frozen=True)
class Wrong:
    """One mistake: `command` prepares it in a fresh project and returns the words of the command.

    `says` are words of the message. `environment` is set while it runs. Where `compiled`, the
    project has a compiled folder `out`.
    """

    what: str
    command: Callable[[Project], Words]
    says: tuple[str, ...]
    compiled: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def environment_in(self, project: Project) -> dict[str, str]:
        """`environment` with {folder}, the project's, and {path}, the PATH."""
        names = {"folder": str(project.folder), "path": os.environ["PATH"]}
        return {name: value.format(**names) for name, value in self.environment.items()}


def compiling(project: Project, *more: object, model: Path | None = None) -> Words:
    """The words of a compile that is right but for `more`."""
    usual = ("--board", BOARD, "--data", project.data, "--out", project.folder / "out")
    return ("compile", model or project.model, *usual, *more)


def with_option(*more: object) -> Callable[[Project], Words]:
    """compile with options."""
    return lambda project: compiling(project, *more)


def with_file(name: str, content: bytes | str) -> Callable[[Project], Words]:
    """compile of a model file of this content."""

    def command(project: Project) -> Words:
        return compiling(project, model=written(project, name, content))

    return command


def with_zip(name: str, inside: str) -> Callable[[Project], Words]:
    """compile of a zip archive that holds one file."""

    def command(project: Project) -> Words:
        with zipfile.ZipFile(project.folder / name, "w") as archive:
            archive.writestr(inside, "content")
        return compiling(project, model=project.folder / name)

    return command


def external_data(project: Project) -> Words:
    """compile of a network whose weights lie in a file that was not copied along."""
    model = onnx.load(str(project.model))
    where = {"location": "weights.bin", "size_threshold": 0, "all_tensors_to_one_file": True}
    onnx.save_model(model, str(project.model), save_as_external_data=True, **where)
    (project.folder / "weights.bin").unlink()
    return compiling(project)


def with_toml(old: str, new: str) -> Callable[[Project], Words]:
    """compile with a changed preprocessing file."""

    def command(project: Project) -> Words:
        assert old in TOML
        written(project, "net.toml", TOML.replace(old, new))
        return compiling(project)

    return command


def with_data(name: str, content: bytes | str) -> Callable[[Project], Words]:
    """compile with a folder of pictures that holds one file."""

    def command(project: Project) -> Words:
        return compiling(project, "--data", written(project, f"pictures/{name}", content).parent)

    return command


def with_net(make: Callable[[Net], str], *more: object) -> Callable[[Project], Words]:
    """compile of a network of pictures of 14x12 pixels."""

    def command(project: Project) -> Words:
        n = Net([1, 3, 14, 12])
        n.save(project.folder, make(n))
        return compiling(project, *more)

    return command


def with_board(old: str, new: str) -> Callable[[Project], Words]:
    """compile for a board file of the user's: bluepill.toml, changed."""
    text = (resource_dir("boards") / "bluepill.toml").read_text()
    assert old in text
    changed = text.replace(old, new, 1)
    return lambda project: compiling(project, "--board", written(project, "my.toml", changed))


def running(*more: object) -> Callable[[Project], Words]:
    """run of a picture that is right but for `more`."""

    def command(project: Project) -> Words:
        picture = project.data / "class0" / "0.png"
        return ("run", project.folder / "out", "--input", picture, *more)

    return command


def running_on(name: str, content: bytes) -> Callable[[Project], Words]:
    """run of a file of this content."""
    return lambda project: (
        "run",
        project.folder / "out",
        "--input",
        written(project, name, content),
    )


def written(project: Project, name: str, content: bytes | str) -> Path:
    """A file of the project."""
    path = project.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def truncated(project: Project) -> Words:
    content = project.model.read_bytes()
    return compiling(project, model=written(project, "net.onnx", content[: len(content) // 2]))


def open_sizes(project: Project) -> Words:
    n = Net([1, 3, "height", "width"])
    n.save(project.folder, n.conv("image", 3, 4))
    return compiling(project)


def two_inputs(n: Net) -> str:
    n.inputs.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1, 3, 14, 12]))
    return n("Add", n.conv("image", 3, 3), "other")


def wide(n: Net) -> str:
    return n.conv(n("Relu", n.conv("image", 3, 200)), 200, 2, 3, strides=[2, 2])


def heavy(n: Net) -> str:
    return n.conv(n("Relu", n.conv("image", 3, 120, 3, strides=[7, 6])), 120, 130, 3)


def not_finite(n: Net) -> str:
    return n.conv(n("Mul", "image", n.const(np.nan)), 3, 4)


def no_toml(project: Project) -> Words:
    (project.folder / "net.toml").unlink()
    return compiling(project)


def no_data(project: Project) -> Words:
    return ("compile", project.model, "--board", BOARD, "--out", project.folder / "out")


def empty_data(project: Project) -> Words:
    (project.folder / "pictures").mkdir()
    return compiling(project, "--data", project.folder / "pictures")


def npz_without_images(project: Project) -> Words:
    np.savez(project.folder / "pictures.npz", x=np.zeros(3))
    return compiling(project, "--data", project.folder / "pictures.npz")


def raw_inputs(**arrays: np.ndarray) -> Callable[[Project], Words]:
    """compile of a network of a vector, calibrated with these arrays."""

    def command(project: Project) -> Words:
        (project.folder / "net.toml").unlink()
        n = Net([1, 20])
        n.save(project.folder, n("Gemm", "image", n.weights(4, 20), transB=1))
        np.savez(project.folder / "inputs.npz", **arrays)
        return compiling(project, "--data", project.folder / "inputs.npz")

    return command


def pickled(project: Project) -> Words:
    """compile with an array of objects."""
    objects = np.array([{}, {}], dtype=object)
    return raw_inputs(image=objects)(project)


def label_too_large(project: Project) -> Words:
    place = project.folder / "labelled"
    place.mkdir()
    shutil.copyfile(project.data / "class0" / "0.png", place / "a.png")
    (place / "labels.csv").write_text("a.png,3\n")
    return ("validate", project.folder / "out", "--data", place)


def out_is_a_file(project: Project) -> Words:
    return compiling(project, "--out", written(project, "notes.txt", "mine"))


def out_holds_files(project: Project) -> Words:
    return compiling(project, "--out", written(project, "site/index.html", "mine").parent)


def with_tool(name: str, script: str, words: Callable[[Project], Words]) -> Callable[..., Words]:
    """A command in whose `bin` a program lies; see Wrong.environment."""

    def command(project: Project) -> Words:
        written(project, f"bin/{name}", script).chmod(0o755)
        return words(project)

    return command


def other_plan(project: Project) -> Words:
    plan = (project.folder / "out" / "plan.json").read_text()
    n = Net([1, 3, 14, 12])
    n.save(project.folder, n("Relu", n.conv("image", 3, 4, 5)))
    path = written(project, "other.json", plan)
    return compiling(project, "--plan", path)


def file_gone(project: Project) -> Words:
    (project.folder / "out" / "net.c").unlink()
    return running()(project)


def not_compiled(verb: str, option: str) -> Callable[[Project], Words]:
    """run or validate of a folder that compile did not make."""
    return lambda project: (verb, project.data, option, project.data / "class0" / "0.png")


def array_of(shape: tuple[int, ...], dtype: Any) -> Callable[[Project], Words]:
    """run of a NumPy array."""

    def command(project: Project) -> Words:
        np.save(project.folder / "x.npy", np.zeros(shape, dtype))
        return ("run", project.folder / "out", "--input", project.folder / "x.npy")

    return command
