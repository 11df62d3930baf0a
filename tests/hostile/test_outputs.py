"""Whatever the texts of a model, a plan or a board say: no file that mcucc writes obeys them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jinja2
import onnx
import pytest
import yaml

from mcucc.backends.renode import write_scripts
from mcucc.base.names import comment
from mcucc.base.templates import code_templates
from mcucc.boards.board import load_board
from mcucc.cli.output import PlainConsole
from mcucc.codegen.model import Origin, model_code, model_identifier
from mcucc.codegen.write import library_sources
from mcucc.errors import ModelError, Problem, UnsupportedError
from mcucc.exports import Library, Trial, export_names, export_to
from mcucc.images.camera import CameraInput
from mcucc.ir import Graph
from mcucc.quantize.lower import lower
from mcucc.report.facts import Report
from mcucc.report.html import report_page
from mcucc.report.stored import read_report
from mcucc.report.terminal import print_layers, print_report
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from mcucc.schedule.plan.plan import ImagePolicy, Plan
from mcucc.toolchain import ModelUnit, build_firmware
from tests.backends.firmware_fixtures import ARENA_BYTES, TINY
from tests.cli.project import BOARD, Project, make_project, mcucc
from tests.exports.conftest import examples
from tests.graphs import mobile_net
from tests.hostile.texts import EVERYTHING, LEAVING, MARK, TEXTS, c_code, shape_of

Rename = Callable[[str], str]


def renamed(graph: Graph, rename: Rename) -> Graph:
    """The graph with other names of the network, its nodes and its tensors."""
    names = {name: rename(name) for name in graph.tensors}
    tensors = {names[t.name]: replace(t, name=names[t.name]) for t in graph.tensors.values()}
    nodes = tuple(
        replace(
            node,
            name=rename(node.name),
            inputs=tuple(names[n] for n in node.inputs),
            outputs=tuple(names[n] for n in node.outputs),
        )
        for node in graph.nodes
    )
    inputs, outputs = (tuple(names[n] for n in ends) for ends in (graph.inputs, graph.outputs))
    return Graph(rename(graph.name), nodes, tensors, inputs, outputs)


def library_of(rename: Rename, image: ImagePolicy) -> Library:
    integer = lower(renamed(mobile_net(), rename))
    plan = replace(layers_plan(integer, image), schedule=rename("layers"))
    cameras = {name: CameraInput.offset(3) for name in integer.inputs}
    origin = Origin(rename("net.onnx"), "0" * 64, "1.0")
    name = model_identifier(rename("net"))
    code = model_code(expand(integer, plan), cameras, name, origin)
    board = replace(load_board(BOARD), title=rename("my board"))
    made = [replace(each, what=comment(rename("picture"))) for each in examples(integer, cameras)]
    return Library.of(code, integer, cameras, (), Trial(board, lambda: tuple(made)))


def written(library: Library, folder: Path) -> dict[str, str]:
    """Every file of the library and of all exports, under names that do not tell the model's."""
    code = library.code
    for ecosystem in export_names():
        export_to(ecosystem, library, folder)
    found = {
        f"{path.relative_to(folder)}": path.read_text("ascii")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".pack"  # a zip of what stands beside it
    }
    found |= library_sources(code)
    return {name.replace(code.name, "net"): text for name, text in found.items()}


@pytest.mark.parametrize("image", [ImagePolicy.RESIDENT, ImagePolicy.MAPPED])
def test_code_and_build_files_are_those_of_harmless_names(
    image: ImagePolicy, tmp_path: Path
) -> None:
    """Token by token: other names change comments, strings and words, nothing else."""
    harmless = written(library_of(str, image), tmp_path / "a")
    hostile = written(library_of(lambda name: f"{name}{EVERYTHING}", image), tmp_path / "b")
    assert set(hostile) == set(harmless)
    for name, text in hostile.items():
        assert text.isascii()
        if Path(name).suffix in (".c", ".h", ".ino"):
            assert shape_of(c_code(text)) == shape_of(c_code(harmless[name])), name
        elif Path(name).name == "CMakeLists.txt" or name.endswith(".cmake"):
            bare = (re.sub(r"(?m)#.*$", "", each) for each in (text, harmless[name]))
            first, second = (shape_of(each) for each in bare)
            assert first == second, name
        else:
            assert len(text.splitlines()) == len(harmless[name].splitlines()), name
        assert not re.search(rf"(?m)^\s*{MARK}\b", text), name


def test_manifests_of_exports_stay_whole(tmp_path: Path) -> None:
    files = written(library_of(lambda n: f"{n}{EVERYTHING}", ImagePolicy.ROWS), tmp_path)
    library = json.loads(files["platformio/net/library.json"])
    assert set(library) >= {"name", "version", "build"}
    assert set(yaml.safe_load(files["zephyr/net/zephyr/module.yml"])) == {
        "name",
        "build",
        "samples",
    }
    assert set(yaml.safe_load(files["esp-idf/net/idf_component.yml"])) == {
        "version",
        *("description", "license", "url", "dependencies", "examples"),
    }
    ((test, _),) = yaml.safe_load(files["zephyr/net/samples/first_run/sample.yaml"])[
        "tests"
    ].items()
    assert re.fullmatch(r"sample\.mcucc\.[a-z0-9_]+", test)
    package = ElementTree.fromstring(files["cmsis-pack/net/mcucc.net.pdsc"])
    assert {child.tag for child in package} == {
        *("vendor", "name", "description", "url", "license", "requirements", "releases"),
        *("keywords", "conditions", "components"),
    }
    properties = files["arduino/net/library.properties"].splitlines()
    assert all(re.match(r"[a-z_A-Z]+=|# url must", line) for line in properties)


@pytest.mark.parametrize("text", LEAVING)
def test_templates_refuse_what_was_not_escaped(text: str) -> None:
    """One gate for every value: a call of `comment` that somebody forgets is an error, no hole."""
    with pytest.raises(ValueError, match="unescaped"):
        code_templates().from_string("/* {{ text }} */").render(text=text)


def test_every_template_of_code_is_behind_the_gate() -> None:
    """Jinja is set up in one file, and without the gate for nothing but the pages of HTML."""
    package = Path(__file__).parents[2] / "mcucc"
    texts = {
        path.relative_to(package).as_posix(): path.read_text() for path in package.rglob("*.py")
    }
    assert {f for f, text in texts.items() if "jinja2.Environment(" in text} == {
        "base/templates.py"
    }
    using = {file for file, text in texts.items() if re.search(r"\benvironment\(", text)}
    pages = {"report/html/page.py", "report/html/validation.py"}
    assert using == {"base/templates.py", *pages}
    assert isinstance(code_templates(), jinja2.Environment)


def test_a_plan_file_cannot_write_code(project: Project) -> None:
    """What a plan calls its schedule stands in every generated file."""
    plan = json.loads(layers_plan(lower(mobile_net()), ImagePolicy.ROWS).to_json())
    for text in (*TEXTS, "x" * 1000, 7, None, ["a"]):
        with pytest.raises(ModelError, match="not a plan: schedule: expected a") as caught:
            Plan.from_json(json.dumps({**plan, "schedule": text}))
        assert len(str(caught.value)) < 500
    path = project.folder / "plan.json"
    path.write_text(json.dumps({**plan, "schedule": EVERYTHING}))
    result = project.compile("--plan", path, "--c-only")
    assert (result.code, result.out) == (2, "")
    assert not (project.folder / "out").exists()


@pytest.mark.emulated
def test_a_boards_title_cannot_write_code(tmp_path: Path) -> None:
    """It goes into the linker script, the configuration and the emulator's platform."""
    found = []
    for title in ("my board", EVERYTHING):
        board = replace(load_board(BOARD), title=title)
        firmware = build_firmware(
            [ModelUnit("tiny", ARENA_BYTES, (TINY,))], [], board, tmp_path / "firmware"
        )
        write_scripts(firmware, tmp_path)
        paths = [p for p in tmp_path.rglob("*") if p.suffix in (".ld", ".c", ".repl")]
        found.append({path.name: shape_of(c_code(path.read_text())) for path in paths})
    assert set(found[0]) >= {"firmware.ld", "firmware_config.c", "platform.repl"}
    assert found[0] == found[1]


@pytest.fixture(scope="module")
def hostile_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Compiled from a model, a plan and a board whose texts are hostile; C only."""
    project = make_project(tmp_path_factory.mktemp("hostile"))
    model = onnx.load(str(project.model))
    text = EVERYTHING.replace("\x00", "")
    new = {name: f"{name}{text}" for node in model.graph.node for name in node.output}
    new["image"] = f"{text} image"
    for node in model.graph.node:
        node.name = f"{text}/{node.name}"
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new[name] for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = new[value.name]
    model.graph.name = model.producer_name = model.domain = text
    model.metadata_props.add(key=text, value=text)
    onnx.save(model, str(project.model))
    result = project.compile("--c-only")
    assert result.code == 0, result.err
    return project


def tags_of(page: str) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
    """Elements with the names of their attributes, and the scripts' texts."""

    class Reader(HTMLParser):
        tags: list[tuple[str, tuple[str, ...]]]
        scripts: str
        inside = False

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
            self.inside = tag in ("script", "style")

        def handle_endtag(self, tag: str) -> None:
            self.inside = False

        def handle_data(self, data: str) -> None:
            if self.inside:
                self.scripts += data

    reader = Reader()
    reader.tags, reader.scripts = [], ""
    reader.feed(page)
    return reader.tags, reader.scripts


def test_the_page_has_the_elements_of_harmless_names(hostile_project: Project) -> None:
    text = (hostile_project.folder / "out" / "report.json").read_text()
    page = (hostile_project.folder / "out" / "report.html").read_text(encoding="utf-8")
    text = json.dumps({**json.loads(text), "program_text": ["-"]})  # names are one line there
    plain = re.sub(re.escape(json.dumps(EVERYTHING.replace("\x00", ""))[1:-1]), "", text)
    assert MARK in text and MARK not in plain
    assert MARK not in tags_of(page)[1]
    tags, _ = tags_of(report_page(Report.from_json(text)))
    assert tags == tags_of(report_page(Report.from_json(plain)))[0]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)


def unobeyed(printed_text: str) -> None:
    """Nothing a terminal obeys: no control but the line's end."""
    assert MARK in printed_text
    assert all(c.isprintable() or c == "\n" for c in printed_text), repr(printed_text)


def test_terminals_get_text_alone(hostile_project: Project) -> None:
    out = hostile_project.folder / "out"
    for options in ((), ("--csv",)):
        result = mcucc("report", out, *options)
        assert result.code == 0, result.err
        unobeyed(result.out)
    for verb in (("analyze", "--board", BOARD), ("plan", "--image", "rows")):
        result = mcucc(verb[0], hostile_project.model, *verb[1:])
        assert result.code == 0, result.err
        unobeyed(result.out + MARK)
    shown = hostile_project.compile("--c-only", "--print-after", "all")
    assert shown.code == 0, shown.err
    unobeyed(shown.out)
    run = mcucc("run", out, "--input", hostile_project.data / "class0/0.png", "--emulator", "host")
    assert run.code == 0, run.err
    unobeyed(run.out)


def test_styles_are_ours_and_texts_are_not_styled(hostile_project: Project) -> None:
    """On a real terminal rich's own escapes stand beside names, and none of the names'."""
    report = read_report(hostile_project.folder / "out")
    console = PlainConsole()
    console.file, console._force_terminal = io.StringIO(), True  # what isatty would say
    print_report(report, console)
    print_layers(report, console)
    text = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())
    unobeyed(text + MARK)


def test_errors_show_names_as_text_and_stay_short(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    model = onnx.load(str(project.model))
    model.graph.node[0].op_type = f"Odd{EVERYTHING}".replace("\x00", "")
    onnx.save(model, str(project.model))
    result = project.compile("--c-only")
    assert result.code == 2
    unobeyed(result.err)
    problems = [Problem(f"{i}{'n' * 10_000}", "Op", "why") for i in range(20_000)]
    assert len(str(UnsupportedError(problems))) < 20_000
