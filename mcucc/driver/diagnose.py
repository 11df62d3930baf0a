"""`compile` and `validate --layers` say which layers cost the accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from mcucc.base.progress import Progress, silent
from mcucc.driver.load import LoadedModel
from mcucc.evaluate.diagnosis import Diagnosis, with_shares
from mcucc.evaluate.layer_noise import compare_layers
from mcucc.evaluate.noise_shares import noise_by_tensor
from mcucc.images.samples import Sample
from mcucc.quantize.sensitivity import sensitivities

SHARES_FROM = 16  # pictures: a tensor's share within a tenth
COMPARED_ON = 16


def diagnose(
    network: LoadedModel, unseen: Sequence[Sample], progress: Progress = silent
) -> Diagnosis | None:
    """Every layer of a network that was quantized here; None of others, and of noise.

    Layers are compared on `unseen` pictures, where there are too few on those that calibrated.
    """
    origin = network.origin
    if origin is None or network.synthetic:
        return None
    calibration = origin.calibration.samples
    enough = len(unseen) >= COMPARED_ON
    samples = spread(unseen if enough else calibration, COMPARED_ON)
    found = origin.sensitivities
    if found is None:
        found = sensitivities(origin.floats, spread(calibration, SHARES_FROM), progress)
    noise = noise_by_tensor(origin.floats, origin.quantized, origin.maps, found)
    layers = compare_layers(
        network.imported,
        origin.floats,
        network.graph,
        network.integer,
        network.values,
        samples,
        progress,
    )
    rows, predicted = with_shares(layers, noise)
    source = "pictures that did not calibrate" if enough else "pictures that calibrated"
    return Diagnosis(len(samples), source, True, predicted, rows)


def spread(samples: Sequence[Sample], count: int) -> tuple[Sample, ...]:
    """At most `count` of them, evenly spread."""
    count = min(count, len(samples))
    return tuple(samples[index * len(samples) // count] for index in range(count))
