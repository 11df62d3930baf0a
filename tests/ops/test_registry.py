"""One op, one file: what is no op lies in ops/common."""

from __future__ import annotations

from pathlib import Path

import mcucc.ops
from mcucc.ops.registry import registry

FOLDER = Path(mcucc.ops.__path__[0])


def test_every_file_holds_one_op_and_is_called_after_it() -> None:
    found = {op.__module__: name for name, op in registry().items()}
    assert len(found) == len(registry())
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "registry"}
    assert {module.removeprefix("mcucc.ops.") for module in found} == files
    for module, name in found.items():
        assert module.removeprefix("mcucc.ops.").replace("_", "") == name.lower()
