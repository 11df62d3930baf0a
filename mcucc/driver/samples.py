"""Pictures, arrays or noise: what a model is calibrated on and what a compiled folder reads.

Here and only here data becomes samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from mcucc.driver.folder import CompiledFolder
from mcucc.errors import DataError
from mcucc.frontends.imported import ImportedModel, Port
from mcucc.images.arrays import calibration_of, is_arrays, read_arrays, read_sample, read_samples
from mcucc.images.camera import CameraInput
from mcucc.images.datasets import check_labels, load_dataset, pictures
from mcucc.images.preprocess import (
    CHANNELS,
    Preprocess,
    example,
    find_preprocess,
    says_preprocess,
    toml_of,
)
from mcucc.images.samples import ArraySample, CalibrationSet, Picture, Sample, load_picture
from mcucc.ir.window import hwc

ARRAYS_HINT = (
    "an .npz with an array for each input under its name (samples first; floats, or integers as "
    "the file reads them), and labels where there are any"
)
DUMPS = (".bin", ".raw")  # of a camera's bytes
NOISE = "noise"  # what the manifest calls it

Row = TypeVar("Row")


def preprocess_of(
    imported: ImportedModel, toml: Path | None, data: Path | None, *, noise: bool
) -> Preprocess | None:
    """That of a TOML: `toml`, or the one beside the model file; None where raw inputs are read.

    With `noise` only shapes matter: bytes / 255 where there is none. Raises DataError where
    pictures are given, or nothing, and cannot be read.
    """
    path, ports = imported.model_path, imported.ports
    said = toml_of(path, toml)
    given = said is not None and says_preprocess(said)
    if not given and data is not None and is_arrays(data):
        return None
    reason = _no_picture(ports, said=given)
    if reason:
        if noise and data is None and not given:
            return None
        hint = raw_hint(ports) + ("; a preprocessing TOML is for pictures" if given else "")
        raise DataError(reason, where=str(path), hint=hint)
    height, width, depth = hwc(ports[0].stored)
    made = Preprocess("gray" if depth == 1 else "rgb", (height, width), scale=1 / 255)
    if noise and not given:
        return made
    if not given:
        raise DataError(
            f"there is no preprocessing for {path.name}: {said or path.with_suffix('.toml')} "
            + ("does not exist" if said is None else "has no [preprocess]"),
            where=str(path),
            hint=f"write that file, or name one with --preprocess:\n{example(made)}"
            + (f"\nwhere it reads no pictures {raw_hint(ports)}" if depth == 1 else ""),
        )
    preprocess = find_preprocess(path, toml)
    preprocess.check_input((height, width, depth), where=str(path))
    return preprocess


def _no_picture(ports: Sequence[Port], *, said: bool) -> str:
    """Why no picture can be read, "" where one can: also of a sequence that is `said` to be one."""
    if len(ports) != 1:
        names = ", ".join(port.name for port in ports)
        return f"the network has {len(ports)} inputs ({names}): a picture fills one input"
    (port,) = ports
    picture = "pictures have height, width and 1 or 3 channels"
    if (said or len(port.shape) == 4) and hwc(port.stored)[2] in CHANNELS.values():
        return ""
    return f"the network reads no picture: its input {port.name} is {list(port.shape)}, {picture}"


def raw_hint(ports: Sequence[Port]) -> str:
    """How samples are given to a network that reads no picture, in the words of NumPy."""
    shapes = [["N", *(p.shape[1:] if p.shape[0] == 1 else p.shape)] for p in ports]
    wanted = [f"[{', '.join(map(str, shape))}]" for shape in shapes]
    if len(ports) == 1:
        return (
            "give samples: --data FILE.npy, written by numpy.save, with floats as the network "
            f"reads them, {wanted[0]} (N samples), or a folder of .npy files of one sample each"
        )
    arrays = ", ".join(f"{p.name!r}: {shape}" for p, shape in zip(ports, wanted, strict=True))
    return (
        "give samples: --data FILE.npz, written by numpy.savez(FILE, **{name: array}), with "
        f"floats as the network reads them, {arrays} (N samples), or a folder of such files"
    )


def calibration_samples(
    imported: ImportedModel,
    preprocess: Preprocess | None,
    data: Path | None,
    count: int,
    *,
    noise: bool,
) -> CalibrationSet:
    """The first samples of `data`; of `noise` where there is none. DataError without either."""
    if data is not None and preprocess is not None:
        return load_dataset(data).calibration(preprocess, count)
    if data is not None:
        return calibration_of(data, imported.ports, count)
    if noise:
        return CalibrationSet(NOISE, tuple(_noise(imported, preprocess)))
    raise DataError(
        "a float network is quantized with pictures: none are given",
        where=str(imported.model_path),
        hint="add --data DIR (a folder of pictures, labelled or not)",
    )


def unseen_samples(
    imported: ImportedModel, preprocess: Preprocess | None, data: Path, calibrate: int, count: int
) -> tuple[Sample, ...]:
    """At most `count` samples of `data` that are not among the `calibrate` first, evenly spread.

    With their labels. Pictures that cannot be decoded are left out: nothing depends on them.
    """
    if preprocess is None:
        return tuple(evenly(read_samples(data, imported.ports)[calibrate:], count))
    dataset, found = load_dataset(data), []
    tried = {item.name for item in dataset.calibration_items[:calibrate]}
    for item in evenly([item for item in dataset.items if item.name not in tried], count):
        with suppress(DataError):
            found.append(item.load(preprocess))
    return tuple(found)


def evenly(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` of them, evenly spread."""
    count = min(count, len(rows))
    return [rows[index * len(rows) // count] for index in range(count)]


def _noise(imported: ImportedModel, preprocess: Preprocess | None) -> list[Sample]:
    """Two samples of random bytes, or of normally distributed numbers."""
    rng = np.random.default_rng(0)
    if preprocess is not None:
        drawn = rng.integers(0, 256, (2, *preprocess.camera_shape), np.uint8)
        return [Picture(image, preprocess, name=str(i)) for i, image in enumerate(drawn)]
    ports = imported.ports
    rows = [[rng.normal(size=port.shape).astype(np.float32) for port in ports] for _ in range(2)]
    return [ArraySample(ports, tuple(values), str(i)) for i, values in enumerate(rows)]


def samples_of(compiled: CompiledFolder, data: Path, limit: int | None) -> tuple[Sample, ...]:
    """Every sample of `data`, the labelled ones alone where there are any.

    Raises DataError for data that is not what the folder reads, and for wrong labels.
    """
    graph = compiled.integer
    classes = graph.activations[compiled.scores[0]].channels if compiled.scores else None
    feed = _picture_feed(compiled)
    if feed is None:
        return _array_samples(compiled, data, limit, classes)
    preprocess, camera = feed
    if compiled.answers and not compiled.rated_by_class:
        items = load_dataset(data).items[:limit]
        return tuple(pictures(items, preprocess, camera, where=str(data)))
    dataset = load_dataset(data, limit=limit)
    if classes is not None:
        check_labels(dataset.items, classes, str(data))
    return tuple(pictures(dataset.labelled or dataset.items, preprocess, camera, where=str(data)))


def class_names_of(compiled: CompiledFolder, data: Path) -> tuple[str, ...]:
    """The names of a folder's classes where pictures are read, by label."""
    if _picture_feed(compiled) is None or not data.is_dir():
        return ()
    return load_dataset(data).class_names


def sample_of(path: Path, compiled: CompiledFolder) -> Sample:
    """One sample: a picture file, camera bytes in a dump or .npy, or raw inputs in .npy or .npz."""
    if not path.is_file():
        raise DataError("no such file", where=str(path))
    feed = _picture_feed(compiled)
    if feed is None:
        if not is_arrays(path):
            raise DataError(
                "the network was compiled without preprocessing and reads no picture",
                where=str(path),
                hint=f"give {ARRAYS_HINT}; or compile again with --preprocess FILE",
            )
        return read_sample(path, ports_of(compiled))
    preprocess, camera = feed
    if path.suffix.lower() in (".npy", *DUMPS):
        return _camera_bytes(path, preprocess, camera)
    return load_picture(path, preprocess, camera, path.name)


def samples_in(path: Path, compiled: CompiledFolder, limit: int | None) -> tuple[Sample, ...]:
    """The samples to run: those of a folder, labelled or not, or the one of a file."""
    if not path.is_dir():
        return (sample_of(path, compiled),)
    feed = _picture_feed(compiled)
    if feed is None:
        return _array_samples(compiled, path, limit, None)
    return tuple(pictures(load_dataset(path).items[:limit], *feed, where=str(path)))


def ports_of(compiled: CompiledFolder) -> tuple[Port, ...]:
    """The inputs of the folder's model file."""
    ports, tensors = compiled.imported.ports, compiled.graph.tensors
    if not compiled.manifest.is_float:
        return ports
    return tuple(replace(port, quant=tensors[port.tensor].quantization) for port in ports)


def _picture_feed(compiled: CompiledFolder) -> tuple[Preprocess, CameraInput] | None:
    """How pictures become what the C reads, None where it reads int8."""
    preprocess, camera = compiled.manifest.preprocess, compiled.camera
    return None if preprocess is None or camera is None else (preprocess, camera)


def _array_samples(
    compiled: CompiledFolder, data: Path, limit: int | None, classes: int | None
) -> tuple[Sample, ...]:
    if not data.exists():
        raise DataError("does not exist", where=str(data), hint=f"give {ARRAYS_HINT}")
    if not is_arrays(data):
        raise DataError(
            "the folder was compiled without preprocessing: pictures cannot be fed",
            where=str(data),
            hint=f"compile again with --preprocess FILE, or give {ARRAYS_HINT}",
        )
    found = read_samples(data, ports_of(compiled))
    if classes is not None:
        check_labels(found, classes, str(data))
    return (tuple(s for s in found if s.label is not None) or found)[:limit]


def _camera_bytes(path: Path, preprocess: Preprocess, camera: CameraInput) -> Picture:
    """An .npy of camera bytes in any shape of whole rows, or a dump of them and nothing else."""
    shape = preprocess.camera_shape
    height, size = shape[0], math.prod(shape)
    if path.suffix.lower() == ".npy":
        ((_, array),) = read_arrays(path).items()
        rows = (height, size // height)
        fits = array.shape in (shape, (1, *shape), rows, (size,), (*shape[:2], 1))
        held = f"{array.dtype} {list(array.shape)}"
        wrong = array.dtype != np.uint8 or array.size != size or not fits
    else:
        held = f"{path.stat().st_size:,} bytes"
        wrong = path.stat().st_size != size
        array = np.zeros(0, np.uint8) if wrong else np.fromfile(path, np.uint8)
    if wrong:
        wanted = f"uint8 {list(shape)}, {size:,} bytes"
        title = "" if preprocess.camera is None else f": {preprocess.camera.title}"
        raise DataError(f"holds {held}", where=str(path), hint=f"the network reads {wanted}{title}")
    return Picture(array.reshape(shape), preprocess, camera, path.name)
