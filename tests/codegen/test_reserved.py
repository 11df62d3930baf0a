"""Names of networks: what others are called is refused, two networks never share a symbol."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mcucc.answers.answer import ClassesAnswer
from mcucc.codegen.model import Origin, model_code, model_identifier
from mcucc.codegen.write import model_sources
from mcucc.errors import ModelError
from mcucc.images.camera import CameraInput
from mcucc.ir import Graph
from mcucc.quantize.lower import lower
from mcucc.schedule.expand.expand import expand
from mcucc.schedule.plan.layers import layers_plan
from tests.graphs import Builder


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("test", "CMake"),
        ("All", "CMake"),
        ("string", "header of C"),
        ("Time", "header of C"),
        ("arm_math", "vendors"),
        ("m", "linkers"),
        ("freertos", "ESP-IDF"),
        ("esp_camera", "ESP-IDF"),
        ("zephyr", "Zephyr"),
        ("Wire", "Arduino"),
        ("first_run", "mcucc"),
        ("face_weights", "a network face"),
        ("face_input", "a network face"),
        ("face_output_2", "a network face"),
    ],
)
def test_names_of_others_are_refused_with_one_that_is_free(name: str, owner: str) -> None:
    with pytest.raises(ModelError, match=owner) as refused:
        model_identifier(name)
    (free,) = re.findall(r"--name (\w+)", refused.value.hint)
    assert model_identifier(free) == free


@pytest.mark.parametrize("name", ["faces", "person_detect", "my_model", "test_2", "input", "int"])
def test_other_names_are_free(name: str) -> None:
    assert model_identifier(name) in (name, f"n_{name}")


def network(nodes: tuple[str, ...], ends: tuple[str, ...]) -> Graph:
    """A picture, two layers, two outputs, called like this."""
    b = Builder(4, 4, 1, seed=3)
    x = b.conv("image", 2, 3)
    graph = b.graph(b.classifier(x, 3), b.classifier(x, 2), name="drawn")
    called = dict(zip((*graph.inputs, *graph.outputs), ends, strict=True))

    def new(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(called.get(name, name) for name in names)

    made = [
        replace(node, name=f"{nodes[i % 2]}{i // 2 or ''}", inputs=new(node.inputs))
        for i, node in enumerate(graph.nodes)
    ]
    made = [replace(node, outputs=new(node.outputs)) for node in made]
    tensors = {
        called.get(name, name): replace(t, name=called.get(name, name))
        for name, t in graph.tensors.items()
    }
    return Graph(graph.name, tuple(made), tensors, new(graph.inputs), new(graph.outputs))


def symbols(name: str, graph: Graph) -> set[str]:
    """What a network's objects show the linker."""
    integer = lower(graph)
    program = expand(integer, layers_plan(integer))
    cameras = {each: CameraInput.offset(1) for each in integer.inputs}
    answers = [ClassesAnswer(each, (), ("x", "y"), 0.1) for each in integer.outputs]
    code = model_code(program, cameras, name, Origin("x", "0" * 64, "x"), answers=answers)
    text = "".join(t for file, t in model_sources(code, []).items() if file.endswith(".c"))
    found = re.findall(r"^(?!static|typedef|MCUCC_|#|\s|return)[\w *]*?\b(\w+)[(\[]", text, re.M)
    assert all(each.startswith(f"{name}_") for each in found)
    return set(found)


WORDS = ("face", "box", "conv", "input", "output", "run", "model", "classify", "each", "names", "1")


def drawn(random: random.Random, most: int) -> str:
    return "_".join(random.choice(WORDS) for _ in range(random.randint(1, most)))


def test_two_networks_never_share_a_symbol(tmp_path: Path) -> None:
    """Names put together from few words, the second beginning with the first."""
    face = symbols("face", network(("box_conv", "x"), ("image", "p", "q")))
    assert face & symbols("face_box", network(("conv", "y"), ("image", "p", "q"))) == set()
    source, pairs = random.Random(5), 0
    while pairs < 25:
        first = drawn(source, 2)
        second = f"{first}_{drawn(source, 2)}"
        try:
            names = [model_identifier(each) for each in (first, second)]
        except ModelError:
            continue
        ends = [[drawn(source, 4) + "_" * i for i in range(3)] for _ in names]
        layers = [(drawn(source, 3), drawn(source, 3) + "_x") for _ in names]
        a, b = (
            symbols(name, network(nodes, (own[0], own[1], own[2])))
            for name, nodes, own in zip(names, layers, ends, strict=True)
        )
        assert a & b == set(), (names, layers, ends)
        pairs += 1
