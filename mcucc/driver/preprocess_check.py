"""Whether the preprocessing is the network's: by the model's own TOML, and by labelled pictures.

A wrong scale, mean or order of colours still gives numbers, only worse ones. Where another usual
preprocessing is right on clearly more pictures, ours is not the one the network was trained with.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mcucc.answers.answer import ClassesAnswer
from mcucc.driver.load import LoadedModel
from mcucc.errors import DataError
from mcucc.evaluate.ways import is_classifier
from mcucc.images.preprocess import Preprocess, toml_document, toml_of
from mcucc.images.samples import Picture, Sample
from mcucc.oracles.float_session import FloatSession

FEWEST = 16  # labelled pictures
SIGMAS = 3.0  # of the pictures that only one of two gets right
LEAST = 4  # pictures more
# Scale, mean and std of bytes, the same for each colour or one a colour.
USUAL: dict[str, tuple[float, tuple[float, ...], tuple[float, ...]]] = {
    "bytes scaled to 0..1": (1 / 255, (0.0,), (1.0,)),
    "bytes scaled to -1..1": (1 / 255, (0.5,), (0.5,)),
    "bytes as they are": (1.0, (0.0,), (1.0,)),
    "ImageNet's mean and std": (1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


VALUES = ("scale", "mean", "std")  # keys whose defaults are numbers like any others


def replaced_warning(model: Path, option: Path | None) -> str:
    """What the model's own TOML says and the one given in its place does not; "" for nothing."""
    own = toml_of(model)
    if option is None or own is None or own.resolve() == option.resolve():
        return ""
    try:
        said, says = toml_document(own), toml_document(option)
    except DataError:  # the one in use was read before: it is the other, which nobody asked for
        return ""
    lost = ["[output]"] if "output" in said and "output" not in says else []
    before, now = (each.get("preprocess") for each in (said, says))
    keys: list[str] = []
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [key for key in VALUES if key in before and key not in now]
    lost += [f"{', '.join(keys)} of [preprocess]"] if keys else []
    if not lost:
        return ""
    return (
        f"{option.name} is read in place of {own.name} and says nothing of its "
        f"{' and of '.join(lost)}: copy what is to hold"
    )


def _classifies(network: LoadedModel) -> bool:
    """Whether the file's only output is scores of classes, as far as shapes and [output] say."""
    other = [answer for answer in network.answers if not isinstance(answer, ClassesAnswer)]
    return not other and is_classifier(network.heads[1])


def preprocess_warning(network: LoadedModel, samples: Sequence[Sample]) -> str:
    """What the preprocessing should rather be, "" where no labelled picture says so."""
    labelled = [s for s in samples if isinstance(s, Picture) and s.label is not None]
    ours = network.preprocess
    if ours is None or len(labelled) < FEWEST or not _classifies(network):
        return ""
    session = FloatSession(network.imported)
    (output,) = session.tensors

    def right(preprocess: Preprocess, turned: bool) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        found = []
        for sample in labelled:
            image = sample.pixels[..., ::-1] if turned else sample.pixels
            scores = session.run([preprocess.real_values(image)])[output]
            found.append(int(np.argmax(scores)) == sample.label)
        return np.array(found)

    given = right(ours, turned=False)
    best, name = 0.0, ""
    counts = 0
    for title, preprocess, turned in _others(ours):
        theirs = right(preprocess, turned)
        more, fewer = int((theirs & ~given).sum()), int((given & ~theirs).sum())
        clear = more - fewer >= max(LEAST, SIGMAS * math.sqrt(more + fewer))
        if clear and theirs.mean() > best:
            best, name, counts = float(theirs.mean()), title, int(theirs.sum())
    if not name:
        return ""
    return (
        f"the float network is right on {int(given.sum())} of {len(labelled)} labelled pictures, "
        f"with {name} on {counts}: see scale, mean, std and channels of the preprocessing"
    )


def _others(ours: Preprocess) -> list[tuple[str, Preprocess, bool]]:
    """Usual ones that are not ours, and ours with red and blue exchanged."""
    colours, found = ours.channel_count, []
    for title, (scale, *rest) in USUAL.items():
        mean, std = (part * colours if len(part) == 1 else part for part in rest)
        if len(mean) != colours:
            continue
        other = replace(ours, scale=scale, mean=mean, std=std)
        if not _same(other, ours):
            found.append((title, other, False))
    if colours > 1:
        found.append(("red and blue exchanged", ours, True))
    return found


def _same(one: Preprocess, other: Preprocess) -> bool:
    """Whether bytes become the same numbers, but for digits."""
    pairs = zip(one.affine(), other.affine(), strict=True)
    return all(np.allclose(a, b, rtol=0.02, atol=1e-3) for a, b in pairs)
