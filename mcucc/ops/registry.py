"""Every op there is, found by importing the files of this package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from mcucc.ir.op import REGISTERED, Op


def registry() -> Mapping[str, type[Op]]:
    """Every op by name, sorted; imports each file of this package once."""
    package = importlib.import_module("mcucc.ops")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"mcucc.ops.{module.name}")
    return dict(sorted(REGISTERED.items()))
