"""The folder that `compile` writes: all of it or nothing, and only what is compile's own.

The files are made in a scratch folder beside the target, which takes the target's place at the
end. A failure leaves nothing behind, and an older result stays as it was.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mcucc.errors import OutputError

MANIFEST = "manifest.json"


def check_target(out: Path) -> None:
    """OutputError unless `out` is new, empty, or a folder an earlier compile made."""
    if out.exists() and not out.is_dir():
        raise OutputError("is a file, not a folder", where=str(out), hint="give another --out")
    if out.is_dir() and any(out.iterdir()) and not _own_files(out):
        raise OutputError(
            "holds other files, which compile would replace",
            where=str(out),
            hint="give a new or empty folder",
        )


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A scratch folder that takes the place of `out` when the block ends without an error.

    Files of an older result go; what others put beside them is kept.
    """
    made = [folder for folder in out.parents if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise OutputError(str(error), where=str(out), hint="give another --out") from error
    try:
        new = scratch / "new"
        new.mkdir()
        yield new
        _exchange(out, new, scratch / "old")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for folder in made:  # innermost first; those that hold something stay
            with suppress(OSError):
                folder.rmdir()


def _exchange(out: Path, new: Path, old: Path) -> None:
    """Put `new` where `out` is; on an error `out` is put back."""
    if not out.exists():
        new.rename(out)
        return
    keep = _foreign_files(out)
    out.rename(old)
    try:
        new.rename(out)
    except OSError:
        old.rename(out)
        raise
    for name in keep:
        if not (out / name).exists():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (old / name).rename(out / name)


def _own_files(folder: Path) -> frozenset[str]:
    """The files that an earlier compile wrote here; empty where its manifest is not ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return frozenset((MANIFEST, *manifest["files"])) if "mcucc" in manifest else frozenset()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return frozenset()


def _foreign_files(folder: Path) -> list[Path]:
    own = _own_files(folder)
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if path.as_posix() not in own]
