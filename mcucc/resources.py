"""Where the C runtime, the templates and the boards lie: beside a checkout, or in the wheel."""

from __future__ import annotations

from pathlib import Path

from mcucc.errors import McuccError

PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """The folder `runtime_c`, `templates` or `boards`; McuccError when the install lacks it."""
    for root in (PACKAGE / "_data", PACKAGE.parent):
        folder = root / name
        if folder.is_dir():
            return folder
    raise McuccError(
        f"this install of mcucc has no {name}", hint="pip install --force-reinstall mcucc"
    )
