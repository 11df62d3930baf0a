"""Outputs that nothing computes: the tables of a compiled folder, and whether they are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mcucc.backends.host import HostModel
from mcucc.codegen.constant_outputs import ConstantTable, constant_tables
from mcucc.driver.folder import CompiledFolder
from mcucc.frontends.imported import Array
from mcucc.oracles.constant_outputs import constants_by_oracle

# Folded in float32 by NumPy and by the runtime: sums may be in another order.
RELATIVE = 1e-5


@dataclass(frozen=True)
class ConstantCheck:
    """An output that is the same for every picture, its table in C, and what is wrong with it.

    `wrong` is "" where table, import and runtime agree; `unasked` says why no runtime was asked.
    """

    name: str
    symbol: str
    wrong: str
    unasked: str = ""

    @property
    def told(self) -> str:
        """A line of `validate`."""
        if self.wrong:
            return f"output {self.name}, the same for every picture, is wrong: {self.wrong}"
        compared = f"compared with nothing: {self.unasked}" if self.unasked else "as in the file"
        return f"output {self.name} is the same for every picture: {self.symbol}, {compared}"


def constants_of(compiled: CompiledFolder) -> tuple[ConstantTable, ...]:
    """The tables that the folder's C has."""
    name = compiled.manifest.name
    if f"{name}_constants.h" not in compiled.manifest.files:
        return ()  # without reading the model file again
    return tuple(t for t in constant_tables(name, compiled.imported.constants) if t.symbol)


def values_of(tables: Sequence[ConstantTable]) -> dict[str, object]:
    """For --json: values by name in the file's shape, numbers that JSON has not as texts."""
    found: dict[str, object] = {}
    for table in tables:
        assert table.values is not None  # it has a symbol
        values = table.values
        finite = values.dtype.kind != "f" or bool(np.isfinite(values).all())
        found[table.name] = (values if finite else values.astype(str)).tolist()
    return found


def check_constants(compiled: CompiledFolder, library: Path) -> tuple[ConstantCheck, ...]:
    """Every table, read from the host's library, against the model file run by its own runtime."""
    tables = constants_of(compiled)
    if not tables:
        return ()
    model = HostModel(library, compiled.manifest.name)
    theirs = constants_by_oracle(compiled.imported)
    checks = []
    for table in tables:
        assert table.values is not None  # it has a symbol
        ours = compiled.imported.constants[table.name].values
        raw = model.constant(table.symbol, table.values.nbytes)
        wrong = "" if raw == table.values.tobytes() else "the C has other values than the import"
        unasked = theirs if isinstance(theirs, str) else ""
        if not isinstance(theirs, str) and not wrong:
            wrong = _difference(ours, theirs[table.name])
        checks.append(ConstantCheck(table.name, table.symbol, wrong, unasked))
    return tuple(checks)


def _difference(ours: Array, theirs: Array) -> str:
    """Where two values of the file differ, "" where they do not."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        kinds = (f"{value.dtype} {list(value.shape)}" for value in (ours, theirs))
        return " where the runtime has ".join(kinds)
    have, want = ours.astype(np.float64), theirs.astype(np.float64)
    most = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    allowed = RELATIVE * most if ours.dtype.kind == "f" else 0.0
    close = (np.abs(have - want) <= allowed) | (have == want) | (np.isnan(have) & np.isnan(want))
    off = np.flatnonzero(~close.reshape(-1))
    if not off.size:
        return ""
    i = int(off[0])
    pair = have.reshape(-1)[i], want.reshape(-1)[i]
    return f"element {i} is {pair[0]:.9g} where the runtime has {pair[1]:.9g}"
