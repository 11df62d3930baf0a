"""[output] behind a network: what it ends in then, and that messages name keys."""

from __future__ import annotations

import numpy as np
import pytest

from mcucc.answers.answer import ClassesAnswer, EmbeddingAnswer, MaskAnswer, Scores
from mcucc.answers.append import Appended, append, without, without_kernels
from mcucc.answers.decode import decode
from mcucc.answers.ends import Ends
from mcucc.answers.spec import ClassesSpec, EmbeddingSpec, MaskSpec, OutputSpec
from mcucc.errors import DataError
from mcucc.ir import Graph, Node, Quant, Tensor
from mcucc.numerics.fixed_point import INT8, INT16
from mcucc.ops.requantize import Requantize
from mcucc.quantize.lower import lower

SHAPES = {"map": (1, 3, 4, 5), "one": (1, 3, 4, 1), "vector": (1, 6)}


def network(*names: str, dtype: np.dtype[np.generic] = INT8) -> Graph:
    """Every output is its input, by way of a node."""
    quant = Quant((1 / 16,), 0, limit=32767 if dtype == INT16 else None)
    tensors, nodes = {}, []
    for name in names:
        shape = SHAPES[name]
        op = Requantize()
        for each in (f"{name}_in", name):
            tensors[each] = Tensor(each, (1,) * (4 - len(shape)) + shape, dtype, quant)
        nodes.append(Node(f"n_{name}", op, (f"{name}_in",), (name,)))
    return Graph("net", tuple(nodes), tensors, tuple(f"{n}_in" for n in names), names)


def appended(spec: OutputSpec, *names: str, dtype: np.dtype[np.generic] = INT8) -> Appended:
    return append(network(*names, dtype=dtype), spec, Ends({n: n for n in names}, where="net.toml"))


def test_a_mask_is_the_arg_max_of_each_pixel() -> None:
    made = appended(OutputSpec(mask=(MaskSpec(),)), "map")
    assert made.graph.outputs == ("mask",)
    assert made.answers == (MaskAnswer("mask", ("map",), ()),)
    integer = lower(made.graph)
    x = np.random.default_rng(0).integers(-128, 128, (1, 3, 4, 5)).astype(np.int8)
    q = integer.run({"map_in": x})["mask"]
    answer = made.answers[0]
    assert isinstance(answer, MaskAnswer)
    ours = answer.read(integer.activations["mask"].real(q)[0])
    assert (ours == x[0].argmax(axis=-1)).all()
    floats = decode(made.graph, made.answers, {"map": x / 16.0})["mask"]
    assert (answer.read(floats[0]) == ours).all()


@pytest.mark.parametrize("score, limit", [("identity", 0.6), ("sigmoid", np.log(1.5))])
def test_a_mask_of_one_channel_is_where_it_is_at_least_the_threshold(
    score: str, limit: float
) -> None:
    made = appended(OutputSpec(mask=(MaskSpec(threshold=0.6, score=score),)), "one")
    integer = lower(made.graph)
    x = np.arange(12, dtype=np.int8).reshape(1, 3, 4, 1)
    q = integer.run({"one_in": x})["mask"]
    assert ((q == -127) == (x / 16 >= limit)).all()
    floats = decode(made.graph, made.answers, {"one": x / 16})["mask"]
    assert (floats == (x / 16 >= limit)).all()


def test_classes_get_the_function_that_the_network_lacks() -> None:
    spec = ClassesSpec(classes=tuple("abcdef"), threshold=0.5, score="softmax")
    made = appended(OutputSpec(classes=(spec,)), "vector")
    answer = made.answers[0]
    assert answer == ClassesAnswer("classes", ("vector",), tuple("abcdef"), 0.5)
    found = decode(made.graph, made.answers, {"vector": np.array([0, 0, 3.0, 0, 0, 0])})["classes"]
    scores = answer.read(found)
    assert isinstance(scores, Scores) and scores.best == 2
    assert sum(scores.scores) == pytest.approx(1)
    several = appended(OutputSpec(classes=(ClassesSpec(score="sigmoid"),)), "vector").answers[0]
    assert isinstance(several, ClassesAnswer) and several.several


def test_outputs_that_are_not_named_stay_where_they_are() -> None:
    spec = OutputSpec(mask=(MaskSpec("map"),))
    made = appended(spec, "vector", "map", "one")
    assert made.graph.outputs == ("vector", "mask", "one")
    assert without(made.graph, made.answers).outputs == ("vector", "map", "one")


def test_without_answers_it_is_the_network_it_was() -> None:
    made = appended(OutputSpec(mask=(MaskSpec(),)), "map")
    assert without(made.graph, made.answers).nodes == network("map").nodes
    raw = without_kernels(lower(made.graph), made.answers)
    assert raw.outputs == ("map",) and [node.name for node in raw.nodes] == ["n_map"]
    assert set(raw.activations) == {"map_in", "map"}


def test_an_embedding_needs_no_node() -> None:
    made = appended(OutputSpec(embedding=(EmbeddingSpec(),)), "vector")
    assert made.graph.nodes == network("vector").nodes
    assert made.answers == (EmbeddingAnswer("vector", ("vector",)),)


def test_heads_of_int16_are_read_as_int8() -> None:
    made = appended(OutputSpec(mask=(MaskSpec(),)), "map", dtype=INT16)
    assert made.graph.tensors["map/int8"].dtype == INT8
    integer = lower(made.graph)
    x = np.random.default_rng(0).integers(-32767, 32768, (1, 3, 4, 5)).astype(np.int16)
    values = integer.run({"map_in": x})
    near = integer.activations["map/int8"].real(values["map/int8"])
    assert np.abs(near - x / 16).max() <= integer.activations["map/int8"].scale / 2


@pytest.mark.parametrize(
    "spec, names, message",
    [
        (OutputSpec(mask=(MaskSpec(),)), ("map", "one"), "output.mask: which output"),
        (OutputSpec(mask=(MaskSpec("mop"),)), ("map",), "output.mask.tensor: .* has: map"),
        (OutputSpec(mask=(MaskSpec(classes=("a",)),)), ("map",), "output.mask.classes: 1 names"),
        (OutputSpec(classes=(ClassesSpec(),)), ("map",), "output.classes.tensor: .* map of 3x4"),
        (OutputSpec(embedding=(EmbeddingSpec(),)), ("map",), "output.embedding.tensor: .* 3x4"),
    ],
)
def test_messages_name_the_key(spec: OutputSpec, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        appended(spec, *names)
    assert caught.value.where == "net.toml" and caught.value.hint
