"""Tensors in int16 by choice: what gains most for its share, as much as a measured bound lets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import DataError
from mcucc.images.samples import Picture
from mcucc.ir.integer import IntegerGraph
from mcucc.oracles.float_session import FloatSession
from mcucc.quantize.pipeline import quantize_model
from mcucc.quantize.precision import WideCost, Widening, wide_activations
from mcucc.quantize.quantize import Mode, QuantizeOptions
from mcucc.quantize.wide_choice import WideChoice, choose_wide
from tests.quantize.float_nets import camera_graph, mobile_net
from tests.quantize.quality import integer_outputs
from tests.quantize.test_pipeline import calibration
from tests.quantize.test_quantize import PRE, smooth_images

# Of the tensors of mobile_net: v4 makes most of the noise, v2 a little, v6 next to none.
NOISE = {"v0": 4.0, "v2": 1.0, "v3": 8.0, "v4": 16.0, "v6": 1e-4}
BYTES = {"v0": 3, "v2": 20, "v3": 3, "v4": 9, "v6": 1}


def chosen(tmp_path: Path, bound: float, named: Sequence[str] = ()) -> WideChoice:
    """What is taken where a tensor costs its BYTES on top of 100."""
    graph = camera_graph(mobile_net(tmp_path))

    def measure(tensors: Sequence[str]) -> WideCost:
        cost = 100 + sum(BYTES[name] for name in tensors)
        return WideCost(cost, cost, float(cost))

    return choose_wide(graph, NOISE, measure, bound, named)


def test_with_room_for_all_everything_that_gains_is_taken(tmp_path: Path) -> None:
    made = chosen(tmp_path, 2.0)
    assert set(made.tensors) == {"v0", "v2", "v3", "v4"}
    assert made.gained > 0.99
    assert made.precision == dict.fromkeys(made.tensors, "int16")
    assert (made.before.layers_bytes, made.after.layers_bytes) == (100, 135)


def test_what_gains_most_for_its_share_keeps_within_the_bound(tmp_path: Path) -> None:
    made = chosen(tmp_path, 1.12)
    assert "v4" in made.tensors and "v2" not in made.tensors
    assert made.after.within(1.12, made.before)
    assert 0.5 < made.gained < 0.99


def test_nothing_fits_where_there_is_no_room(tmp_path: Path) -> None:
    made = chosen(tmp_path, 1.0)
    assert made.tensors == () and made.gained == 0.0
    assert made.after == made.before


def test_named_tensors_are_left_as_they_are(tmp_path: Path) -> None:
    assert "v4" not in chosen(tmp_path, 2.0, ["v4"]).tensors


def bytes_and_macs(integer: IntegerGraph) -> WideCost:
    """Bytes of all tensors, without a planner."""
    size = sum(a.size for a in integer.activations.values())
    return WideCost(size, size, float(integer.macs))


@pytest.mark.parametrize("mode", [Mode.FAST, Mode.DEFAULT])
def test_the_quantizer_takes_what_was_chosen_and_is_nearer_to_float(
    mode: Mode, tmp_path: Path
) -> None:
    model = mobile_net(tmp_path)
    graph, images = camera_graph(model), smooth_images(12, seed=7)
    session = FloatSession(model)
    (name,) = graph.outputs
    exact = [session.run(Picture(image, PRE).real)[name] for image in images]

    def made(widen: Widening | None) -> tuple[dict[str, str], float]:
        options = QuantizeOptions(mode, widen=widen)
        quantized = quantize_model(model, graph, calibration(), options)
        (output,) = quantized.integer.outputs
        real = quantized.integer.activations[output].real
        found = [real(each[output]) for each in integer_outputs(quantized.integer, images)]
        error = sum(
            np.square(a.ravel() - b.ravel()).sum() for a, b in zip(found, exact, strict=True)
        )
        assert (quantized.widened is None) == (widen is None)
        return wide_activations(quantized.graph), float(error)

    plain, wide = made(None), made(Widening(bytes_and_macs, 1.6))
    assert plain[0] == {} and wide[0]
    assert wide[1] < 0.8 * plain[1]
    assert made(Widening(bytes_and_macs, 1.6)) == wide


def test_there_must_be_pictures_to_choose_by(tmp_path: Path) -> None:
    model = mobile_net(tmp_path)
    options = QuantizeOptions(Mode.PLAIN, widen=Widening(bytes_and_macs))
    with pytest.raises(DataError, match="--precision"):
        quantize_model(model, camera_graph(model), calibration(), options)
