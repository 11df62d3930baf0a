"""mcucc: a compiler for tiny vision networks on microcontrollers.

The public names are in `__all__`; `mcucc.api` says what they do. Each is imported when it is first
asked for, so that the command line starts without NumPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mcucc.version import __version__

if TYPE_CHECKING:
    from mcucc.api import compile, load, open_folder, plan, quantized, run, validate
    from mcucc.boards.board import load_board
    from mcucc.driver.load import NetworkOptions
    from mcucc.errors import McuccError
    from mcucc.ir.verify import verify
    from mcucc.schedule.search.estimate import estimate
    from mcucc.schedule.search.wishes import ScheduleOptions

__all__ = [
    "McuccError",
    "NetworkOptions",
    "ScheduleOptions",
    "__version__",
    "compile",
    "estimate",
    "load",
    "load_board",
    "open_folder",
    "plan",
    "quantized",
    "run",
    "validate",
    "verify",
]
_ELSEWHERE = {
    "McuccError": "mcucc.errors",
    "NetworkOptions": "mcucc.driver.load",
    "ScheduleOptions": "mcucc.schedule.search.wishes",
    "estimate": "mcucc.schedule.search.estimate",
    "load_board": "mcucc.boards.board",
    "verify": "mcucc.ir.verify",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_ELSEWHERE.get(name, "mcucc.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
