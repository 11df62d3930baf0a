"""Keys and values that are tokens: the same values where nobody else reads the projections."""

import pytest

from mcucc.ir.graph import Graph
from mcucc.ops.attention import Attention
from mcucc.ops.conv2d import Conv2d
from mcucc.passes import fold_attention
from mcucc.passes.pipeline import optimize
from tests.passes.float_graphs import ONE, Floats, assert_same_values

HEADS = 2


def _encoder(*, keys: str = "x", shared: int = 0) -> Graph:
    """Attention of the 6 x 7 pixels of x (4 channels), depth 3 a head, values of 2."""
    g = Floats()

    def projection(name: str, x: str, inputs: int, outputs: int) -> str:
        weights = g.random(f"{name}.w", outputs, 1, 1, inputs)
        return g(name, Conv2d(ONE), x, weights, g.random(f"{name}.b", outputs))

    other = projection("other", "x", 4, 4)
    key_heads = shared or HEADS
    q = projection("q", other, 4, 3 * HEADS)
    k = projection("k", keys, 4, 3 * key_heads)
    v = projection("v", "x", 4, 2 * key_heads)
    y = g("attention", Attention(HEADS, 0.4, shared), q, k, v)
    return g.graph(projection("out", y, 2 * HEADS, 5))


def test_tokens_are_keys_and_values() -> None:
    before = _encoder()
    after = optimize(fold_attention.run(before))
    (node,) = (node for node in after.nodes if isinstance(node.op, Attention))
    assert node.op.shared == 1 and node.inputs[1:] == ("x", "x")
    assert after.tensors[node.output].shape[-1] == HEADS * 4
    assert {"k", "v"}.isdisjoint(after.tensors)
    assert_same_values(before, after)


@pytest.mark.parametrize(("keys", "shared"), [("other", 0), ("x", 1)])
def test_keys_of_other_tokens_stay(keys: str, shared: int) -> None:
    before = _encoder(keys=keys, shared=shared)
    assert fold_attention.run(before) is before
