"""Which of several integer networks is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mcucc.quantize.candidates import FEWEST, Quality, best_of, held_back
from mcucc.quantize.lower import lower
from mcucc.quantize.pipeline import quantize_model
from mcucc.quantize.quantize import Mode, QuantizeOptions
from mcucc.quantize.sweep import sweep
from tests.quantize.float_nets import camera_graph, mobile_net
from tests.quantize.test_pipeline import calibration
from tests.quantize.test_quantize import smooth_images, snr
from tests.quantize.test_sweep import nearest


def test_every_fifth_picture_judges_unless_there_are_few() -> None:
    made, judging = held_back(range(30))  # type: ignore[arg-type]
    assert list(judging) == [4, 9, 14, 19, 24, 29] and not set(made) & set(judging)
    assert len(made) == 24
    assert held_back(range(FEWEST - 1)) == (range(FEWEST - 1), ())  # type: ignore[arg-type]


def test_noise_in_the_outputs_and_in_the_classes_count_alike() -> None:
    first = Quality("a", 20.0, 0.02)
    assert Quality("b", 23.0, 0.02).better_by(first) == pytest.approx(1.5)
    assert Quality("b", 20.0, 0.002).better_by(first) == pytest.approx(5.0)
    assert Quality("b", 21.0, None).better_by(first) == pytest.approx(1.0)


def test_the_nearest_to_float_is_kept_and_of_equals_the_first(tmp_path: Path) -> None:
    graph, quantized, samples = nearest(tmp_path)
    good = sweep(graph, quantized, samples)
    bias = good.nodes[-1].inputs[2]
    off = replace(good.tensors[bias], data=good.tensors[bias].constant + 4000)
    bad = good.with_(tensors={**good.tensors, bias: off})
    ways = {"bad": lower(bad), "good": lower(good), "same": lower(good)}
    chosen = best_of(graph, ways, samples, 0)
    assert chosen.name == "good"
    assert [quality.name for quality in chosen.candidates] == list(ways)
    worst, best, same = chosen.candidates
    assert worst.snr_db < best.snr_db == same.snr_db
    assert worst.kl is not None and best.kl is not None and worst.kl > best.kl


def test_default_is_what_the_pictures_held_back_prefer(tmp_path: Path) -> None:
    model = mobile_net(tmp_path)
    graph = camera_graph(model)
    made = quantize_model(model, graph, calibration(25), QuantizeOptions(mode=Mode.DEFAULT))
    assert made.chosen is not None
    assert [quality.name for quality in made.chosen.candidates] == ["fast", "default"]
    assert made.chosen.pictures == 5
    best = max(made.chosen.candidates, key=lambda quality: quality.snr_db)
    assert made.chosen.name == best.name
    assert bool(made.maps) is (made.chosen.name == "default")
    again = quantize_model(model, graph, calibration(25), QuantizeOptions(mode=Mode.DEFAULT))
    for name, tensor in made.graph.tensors.items():
        if tensor.data is not None:
            assert np.array_equal(tensor.data, again.graph.tensors[name].data)
    fast = quantize_model(model, graph, calibration(25), QuantizeOptions(mode=Mode.FAST))
    assert fast.chosen is None and not fast.maps
    new = smooth_images(16, seed=99)
    assert snr(model, made.integer, new) > snr(model, fast.integer, new) - 0.5
