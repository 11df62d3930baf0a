"""Arrays of raw inputs: an .npz or .npy of many samples, read within bounds and without pickle.

An array is named as the model file names its input; the only array may have any name. Its first
axis counts samples, the others are the input's. `labels` may stand beside. A folder holds such
files, in the order of their names, or a folder of them for each class.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mcucc.errors import DataError
from mcucc.frontends.imported import Port
from mcucc.images.samples import ArraySample, CalibrationSet
from mcucc.ir.window import hwc

Array = npt.NDArray[Any]
SUFFIXES = (".npz", ".npy")
LABELS = "labels"
ONLY = ""  # the name of the array in an .npy
LARGEST = 2**31  # bytes, unpacked
MOST_PACKED, SMALL = 200, 2**26  # pictures shrink to a tenth at best; small files may be plain
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def is_arrays(path: Path) -> bool:
    """Whether a file is named as one of arrays, or a folder has such files."""
    if path.is_dir():
        return any(_files(path))
    return path.suffix.lower() in SUFFIXES


def read_samples(path: Path, ports: Sequence[Port]) -> tuple[ArraySample, ...]:
    """Every sample of a file or folder; DataError unless it fits the inputs, one a mistake."""
    if not path.is_dir():
        return _of_file(path, ports)
    samples: list[ArraySample] = []
    size = 0
    for label, file in _files(path):
        found = _of_file(file, ports)
        size += sum(value.nbytes for sample in found for value in sample.values)
        if size > LARGEST:
            raise DataError(f"more than {LARGEST:,} bytes", where=str(path))
        for number, sample in enumerate(found):
            name = f"{file.name} {number}" if len(found) > 1 else file.name
            own = label if sample.label is None else sample.label
            samples.append(replace(sample, name=name, label=own))
    return tuple(samples)


def _files(folder: Path) -> list[tuple[int | None, Path]]:
    """The files of a folder with their classes; one of each class in turn, as of pictures."""
    try:
        inside = sorted(e for e in folder.iterdir() if not e.name.startswith("."))
        classes = [[f for f in sorted(e.iterdir()) if _named(f)] for e in inside if e.is_dir()]
    except OSError as error:
        raise DataError(f"cannot list the files: {error}", where=str(folder)) from error
    if not any(classes):
        return [(None, file) for file in inside if _named(file)]
    longest = max(map(len, classes))
    return [(k, own[i]) for i in range(longest) for k, own in enumerate(classes) if i < len(own)]


def _named(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _of_file(path: Path, ports: Sequence[Port]) -> tuple[ArraySample, ...]:
    arrays = read_arrays(path)
    labels = None
    if LABELS in arrays and LABELS not in [port.name for port in ports]:
        labels = arrays.pop(LABELS)
    chosen = _by_port(arrays, ports, path)
    columns = [_rows(chosen[port.name], port, path) for port in ports]
    counts = {port.name: len(rows) for port, rows in zip(ports, columns, strict=True)}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise DataError(f"the inputs differ in their samples: {told}", where=str(path))
    count = len(columns[0])
    classes = _labels(labels, count, path)
    return tuple(
        ArraySample(tuple(ports), tuple(rows[i] for rows in columns), f"sample {i}", classes[i])
        for i in range(count)
    )


def read_sample(path: Path, ports: Sequence[Port]) -> ArraySample:
    """The only sample of a file, whose axis may be left out."""
    found = read_samples(path, ports)
    if len(found) != 1:
        raise DataError(
            f"holds {len(found)} samples, one is run at a time",
            where=str(path),
            hint="validate takes many; save one with numpy.save(FILE, array[:1])",
        )
    return found[0]


def calibration_of(path: Path, ports: Sequence[Port], count: int) -> CalibrationSet:
    """The first samples of a file to calibrate on."""
    return CalibrationSet(path.resolve().name, read_samples(path, ports)[:count])


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of a file by name; DataError for anything that is none, or larger than LARGEST."""
    try:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return {ONLY: _array(file, path.stat().st_size, "the array")}
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if e.filename.endswith(".npy")]
            check_unpacked(entries, path, LARGEST)
            found = {}
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as file:
                    found[name] = _array(file, entry.file_size, name)
            return found
    except DataError as error:
        raise DataError(error.what, where=str(path), hint=error.hint) from error
    # NumPy and zipfile raise many kinds of errors on broken files.
    except Exception as error:
        raise DataError(
            f"not NumPy arrays: {error}",
            where=str(path),
            hint="numpy.savez(FILE, NAME=array) or numpy.save(FILE, array) makes them",
        ) from error


def check_unpacked(entries: Sequence[zipfile.ZipInfo], path: Path, most: int) -> None:
    """DataError for an archive that unpacks to more than `most` bytes, or to a bomb's share."""
    total = sum(entry.file_size for entry in entries)
    if total > min(most, max(SMALL, MOST_PACKED * path.stat().st_size)):
        raise DataError(f"{total:,} bytes unpacked are too many", where=str(path))


def _array(file: IO[bytes], size: int, name: str) -> Array:
    """One array of numbers in NumPy's format, of exactly the bytes that are there."""
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"{name} is in version {version} of the format")
    shape, fortran, dtype = HEADERS[version](file)
    if dtype.kind not in "iufb":
        raise DataError(f"{name} holds {dtype}, no numbers")
    if size > LARGEST:
        raise DataError(f"{size:,} bytes are too many")
    if prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"{name} claims {list(shape)[:8]} of {dtype}, which is not what it holds")
    flat: Array = np.frombuffer(file.read(), dtype)
    return flat.astype(dtype.newbyteorder("="), copy=False).reshape(
        shape, order="F" if fortran else "C"
    )


def _by_port(arrays: Mapping[str, Array], ports: Sequence[Port], path: Path) -> dict[str, Array]:
    """Each input's array by the input's name."""
    names = [port.name for port in ports]
    if len(names) == 1 and len(arrays) == 1:
        return {names[0]: next(iter(arrays.values()))}
    if sorted(arrays) != sorted(names):
        held = ", ".join(name or "one array" for name in arrays) or "nothing"
        raise DataError(
            f"it holds {held}; the inputs are {', '.join(names)}",
            where=str(path),
            hint="an .npz of raw inputs has an array for each input, under its name, and may have "
            "labels",
        )
    return dict(arrays)


def _rows(array: Array, port: Port, path: Path) -> Array:
    """An input's array with samples first, the rest in the file's shape."""
    shape = port.shape
    inner = shape[1:] if shape[0] == 1 else shape  # samples take the place of a batch of one
    found = f"the array for input {port.name} is {array.dtype} {list(array.shape)}"
    wanted = f"{port.reads} of shape {['N', *inner]}".replace("'", "")
    if array.shape in (shape, inner) and array.shape[1:] not in (shape, inner):
        array = array.reshape(1, *shape)
    elif array.shape[1:] not in (shape, inner) and _as_in_c(array, port):
        array = port.of_c(array)[None]
    if array.shape[1:] not in (shape, inner) or not len(array):
        what = found if len(array.shape) and len(array) else f"{found}: there is no sample in it"
        raise DataError(what, where=str(path), hint=f"the input reads {wanted}, N samples")
    if not port.takes(array.dtype):
        raise DataError(
            found,
            where=str(path),
            hint=f"the input reads {wanted}; pictures need a preprocessing TOML beside the model "
            "when it is compiled",
        )
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):  # what float32 does not hold is not finite either
        values = array.astype(np.float32)
    flat = np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if not flat.all():
        raise DataError(
            f"{found} with NaN, infinity or more than float32 holds in sample {int(flat.argmin())}",
            where=str(path),
        )
    return values


def _as_in_c(array: Array, port: Port) -> bool:
    """Whether this is one sample of integers as the C reads it, (H, W, C)."""
    whole = array.shape[-3:] == hwc(port.stored) and array.size == prod(port.shape)
    return port.quant is not None and array.dtype == port.element and whole


def _labels(labels: Array | None, count: int, path: Path) -> list[int | None]:
    """A class for each sample, negative ones as none."""
    if labels is None:
        return [None] * count
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise DataError(
            f"labels must be {count} integers, not {labels.dtype} {list(labels.shape)}",
            where=str(path),
        )
    return [int(label) if label >= 0 else None for label in labels]
