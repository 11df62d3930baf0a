"""A public method says what it does: itself, or in the interface that it implements."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import FunctionType

import mcucc


def classes() -> Iterator[type]:
    """Every public class of the package, where it is defined."""
    for module in pkgutil.walk_packages(mcucc.__path__, "mcucc."):
        if module.name.endswith("__main__"):
            continue
        for name, found in vars(importlib.import_module(module.name)).items():
            if inspect.isclass(found) and found.__module__ == module.name and name[0] != "_":
                yield found


def undocumented(cls: type) -> list[str]:
    """Public methods and properties of the class that neither it nor a base documents."""
    kinds = (FunctionType, property, classmethod, staticmethod)
    own = [name for name, value in vars(cls).items() if name[0] != "_" and isinstance(value, kinds)]
    own = [
        name for name in own if getattr(vars(cls)[name], "__name__", "") != "<lambda>"
    ]  # a field
    return [n for n in own if not any(getattr(vars(c).get(n), "__doc__", "") for c in cls.__mro__)]


def test_every_public_method_is_documented_where_its_interface_is() -> None:
    missing = [
        f"{cls.__module__}.{cls.__name__}.{name}" for cls in classes() for name in undocumented(cls)
    ]
    assert missing == []


def test_what_has_no_docstring_anywhere_is_found() -> None:
    class Interface:
        def said(self) -> None:
            """What it does."""

    class Implementation(Interface):
        def said(self) -> None:
            return None

        @property
        def unsaid(self) -> int:
            return 0

        @staticmethod
        def silent() -> None:
            return None

    assert undocumented(Implementation) == ["unsaid", "silent"]
