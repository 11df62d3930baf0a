"""`compile` and `validate --layers` say which layers cost the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mcucc.base.progress import Progress, silent
from mcucc.driver.folder import CompiledFolder
from mcucc.driver.load import LoadedModel, NetworkOptions, forms_of
from mcucc.driver.preprocess_check import preprocess_warning, replaced_warning
from mcucc.driver.samples import evenly, unseen_samples
from mcucc.evaluate.calibration_check import calibration_warnings
from mcucc.evaluate.diagnosis import SEEN, UNSEEN, Diagnosis, with_shares, worst_output
from mcucc.evaluate.layer_noise import compare_layers, watch_layers
from mcucc.evaluate.noise_shares import noise_by_tensor
from mcucc.images.samples import Sample
from mcucc.quantize.ends import end_tensors
from mcucc.quantize.sensitivity import sensitivities
from mcucc.report.stored import read_report

SHARES_FROM = 16  # pictures: a tensor's share within a tenth
COMPARED_ON = 16
LABELLED = 48  # pictures to see whether the preprocessing is right


@dataclass(frozen=True)
class Health:
    """What `compile` says of a network's accuracy, and of the pictures it was calibrated on."""

    diagnosis: Diagnosis | None = None
    warnings: tuple[str, ...] = ()


def examine(network: LoadedModel, options: NetworkOptions, progress: Progress = silent) -> Health:
    """What there is to say of a network; its layers only where it was quantized here."""
    replaced = replaced_warning(network.file.path, options.preprocess)
    always = (replaced,) if replaced else ()
    if network.origin is None or network.synthetic or options.data is None:
        return Health(warnings=always)
    calibrated = network.origin.calibration
    unseen = unseen_samples(
        network.imported, network.preprocess, options.data, options.calibrate, LABELLED
    )
    found = diagnose(network, unseen, progress)
    progress("looking at the calibration pictures", 0, 0)
    looks = calibration_warnings(calibrated.samples, unseen, found)
    fits = preprocess_warning(network, unseen)
    return Health(found, (*always, *looks, fits) if fits else (*always, *looks))


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
    samples = evenly(unseen if enough else calibration, COMPARED_ON)
    found = origin.sensitivities
    if found is None:
        found = sensitivities(origin.floats, evenly(calibration, SHARES_FROM), progress)
    noise = noise_by_tensor(origin.floats, origin.quantized, origin.maps, found)
    layers = compare_layers(
        network.imported,
        origin.floats,
        *network.heads,
        network.values,
        samples,
        progress,
    )
    rows, predicted = with_shares(layers, noise)
    source = UNSEEN if enough else SEEN
    measured = worst_output(rows, end_tensors(origin.floats))
    return Diagnosis(len(samples), source, True, predicted, measured, rows)


def diagnose_folder(
    compiled: CompiledFolder, samples: Sequence[Sample], progress: Progress = silent
) -> Diagnosis:
    """The layers of a compiled folder on samples, the shares of noise as `compile` found them."""
    samples = evenly(samples, COMPARED_ON)
    source = "of these pictures"
    if not compiled.manifest.is_float:
        rows = watch_layers(*compiled.heads, samples, progress)
        return Diagnosis(len(samples), source, False, None, None, rows)
    floats = forms_of(compiled.imported, compiled.manifest)[-1]
    network = *compiled.heads, compiled.values
    rows = compare_layers(compiled.imported, floats, *network, samples, progress)
    measured = worst_output(rows, end_tensors(floats))
    known = read_report(compiled.path).diagnosis
    if known is None:
        return Diagnosis(len(samples), source, True, None, measured, rows)
    shares = {layer.tensor: layer for layer in known.layers}
    joined = tuple(
        replace(row, activation=own.activation, weights=own.weights)
        if (own := shares.get(row.tensor)) is not None
        else row
        for row in rows
    )
    return Diagnosis(len(samples), source, True, known.predicted_db, measured, joined)
