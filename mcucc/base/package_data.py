"""Finds the C runtime, the templates and the boards, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from mcucc.errors import ToolError

_PACKAGE = Path(__file__).resolve().parent.parent
_ROOTS = (_PACKAGE / "_data", _PACKAGE.parent)


def resource_dir(name: str) -> Path:
    """The folder `runtime_c`, `templates` or `boards`.

    A wheel carries them under mcucc/_data; a checkout has them beside the package.
    Raises ToolError when neither has the folder.
    """
    for root in _ROOTS:
        if (root / name).is_dir():
            return root / name
    raise ToolError(f"the folder {name} is missing from this installation", hint="reinstall mcucc")


def licence_text() -> str:
    """The licence of mcucc and of the C runtime: its file stands beside the runtime's folder."""
    return (resource_dir("runtime_c").parent / "LICENSE").read_text("ascii")
