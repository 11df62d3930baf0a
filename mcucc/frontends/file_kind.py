"""What a file is, by its content: the two formats mcucc reads, and what people give by mistake."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from mcucc.errors import ModelError
from mcucc.frontends.imported import Format

FORMATS = tuple(format.suffix for format in Format)
FORMATS_HINT = f"give one of {', '.join(FORMATS)}"
TFLITE_MARK = b"TFL3"  # at byte 4
POINTER_HINT = "fetch the file it stands for: git lfs pull, git annex get, or download it"
_HEAD = 4096  # bytes looked at
_LARGEST_UNMARKED = 1 << 28  # bytes parsed to see whether a file of any name is ONNX
_EXPORT = "export it to ONNX, or convert it to an int8 .tflite"
_UNPACK = "unpack it, and give the .onnx or .tflite inside"


@dataclass(frozen=True)
class _Foreign:
    """A format that is not ours: `mark` at byte `offset`."""

    mark: bytes
    what: str
    hint: str
    offset: int = 0


_FOREIGN = (
    _Foreign(b"ORTM", "a model in ONNX Runtime's own format (.ort)", "give the .onnx file", 4),
    _Foreign(b"ET12", "an ExecuTorch program (.pte)", _EXPORT, 4),
    _Foreign(b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes (.h5)", _EXPORT),
    _Foreign(b"\x1f\x8b", "compressed by gzip", _UNPACK),
    _Foreign(b"BZh", "compressed by bzip2", _UNPACK),
    _Foreign(b"\xfd7zXZ\0", "compressed by xz", _UNPACK),
    _Foreign(b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    _Foreign(b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    _Foreign(b"Rar!", "a RAR archive", _UNPACK),
    _Foreign(b"ustar", "a tar archive", _UNPACK, 257),
    _Foreign(b"GGUF", "a GGUF file of weights", _EXPORT),
    _Foreign(b"7767517", "an ncnn network (.param)", _EXPORT),
    _Foreign(b"\x93NUMPY", "a NumPy array (.npy)", FORMATS_HINT),
    _Foreign(b"\x89PNG", "a picture (PNG)", FORMATS_HINT),
    _Foreign(b"\xff\xd8\xff", "a picture (JPEG)", FORMATS_HINT),
    _Foreign(b"\x7fELF", "a program (ELF)", FORMATS_HINT),
    _Foreign(b"%PDF", "a PDF document", FORMATS_HINT),
    *(
        _Foreign(b"\x80" + bytes([protocol]), "a Python pickle, as torch.save writes", _EXPORT)
        for protocol in (2, 3, 4, 5)
    ),
    _Foreign(b"\x08\x01\x12", "a TensorFlow SavedModel (.pb)", _EXPORT),
)


def format_of(path: Path) -> Format:
    """The format of a model file, decided by the content first, then by the suffix.

    Raises ModelError that says what the file is where it is neither.
    """
    where = str(path)
    if path.is_dir():
        raise ModelError(_folder(path), where=where, hint=FORMATS_HINT)
    head = _head(path)
    if head[4:8] == TFLITE_MARK:
        return Format.TFLITE
    suffix = path.suffix.lower()
    what, hint = foreign(path, head)
    if what:
        raise ModelError(f"this is {what}, not a network mcucc reads", where=where, hint=hint)
    if suffix == Format.ONNX.suffix or _is_onnx(path):
        return Format.ONNX
    if suffix == Format.TFLITE.suffix:
        raise ModelError(
            "not a TensorFlow Lite file (the identifier TFL3 is missing)",
            where=where,
            hint="give a .tflite file as the TensorFlow Lite converter writes it",
        )
    raise ModelError(
        f"{suffix or 'a file without a suffix'} is no format mcucc reads",
        where=where,
        hint=FORMATS_HINT,
    )


def foreign(path: Path, head: bytes) -> tuple[str, str]:
    """What a file that begins with `head` is, and what to do; empty texts where it is unknown."""
    pointer = pointer_of(head)
    if pointer:
        return pointer, POINTER_HINT
    if head.startswith(b"PK\x03\x04"):
        return _archive(path)
    for kind in _FOREIGN:
        if head[kind.offset :].startswith(kind.mark):
            return kind.what, kind.hint
    if head[8:9] == b"{" and 1 < int.from_bytes(head[:8], "little") < 1 << 27:
        return "a safetensors file of weights", _EXPORT
    if head[:1] == b"\n" and any(op in head for op in (b"Placeholder", b"\x05Const", b"NoOp")):
        return "a TensorFlow graph (.pb)", _EXPORT
    return _text(head)


def pointer_of(head: bytes) -> str:
    """The words for a pointer that stands in a file's place, "" where there is none."""
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer"
    if head.startswith(b"/annex/objects/") or b".git/annex/objects/" in head[:200]:
        return "a git-annex pointer"
    return ""


def _head(path: Path) -> bytes:
    where = str(path)
    try:
        if not path.is_file():
            raise ModelError("no such file", where=where)
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read ({error})", where=where) from error
    if not head:
        raise ModelError("the file is empty", where=where, hint="fetch or export it again")
    return head


def _folder(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return "this is the folder of a TensorFlow SavedModel, not a network mcucc reads"
    return "is a folder, not a model"


def _archive(path: Path) -> tuple[str, str]:
    """A zip by what it holds: PyTorch and Keras write such, people pack models into them."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a zip archive that is damaged or truncated", "fetch it again"
    inside = [name for name in names if name.lower().endswith(FORMATS)]
    if inside:
        return f"a zip archive with {inside[0][:80]!r}", "unpack it"
    if _holds(names, "data.pkl", "archive_format", "model.json"):
        return "a PyTorch file (.pt, .pth)", _EXPORT
    if _holds(names, "model.weights.h5", "config.json"):
        return "a Keras file (.keras)", _EXPORT
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy archive (.npz)", FORMATS_HINT
    return "a zip archive without a network", _UNPACK


def _holds(names: Sequence[str], *wanted: str) -> bool:
    return any(name.rsplit("/", 1)[-1] in wanted for name in names)


def _text(head: bytes) -> tuple[str, str]:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "a web page (HTML)", "the link gave a page: download the file itself"
    if start.startswith(b"<?xml") or start.startswith(b"<net"):
        what = "a network of OpenVINO (.xml)" if b"<net" in start else "an XML text"
        return what, _EXPORT
    if start.startswith((b"{", b"[")) and _printable(head):
        return "a JSON text", FORMATS_HINT
    return ("a text", FORMATS_HINT) if _printable(head) else ("", "")


def _printable(head: bytes) -> bool:
    """Whether every byte is one that texts have (UTF-8 or ASCII with tabs and ends of lines)."""
    try:
        text = head[: _HEAD - 4].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n" for letter in text)


def _is_onnx(path: Path) -> bool:
    """Whether a file of any name holds an ONNX network."""
    try:
        if path.stat().st_size > _LARGEST_UNMARKED:
            return False
        model = onnx.ModelProto()
        model.ParseFromString(path.read_bytes())
    except (DecodeError, OSError):
        return False
    return bool(model.graph.node and model.opset_import)
