"""What `[output]` may name of a model file, and what its outputs look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mcucc.answers.ends import Ends
from mcucc.answers.propose import Proposed, propose
from mcucc.frontends.imported import ImportedModel
from mcucc.images.preprocess import toml_of
from mcucc.ir.window import hwc
from mcucc.quantize.split_outputs import SplitOutput


def ends_of(
    imported: ImportedModel,
    splits: Sequence[SplitOutput],
    inner: Mapping[str, str],
    toml: Path | None,
) -> Ends:
    """The outputs by name; `inner` are those of tensors inside the file, `toml` has [output]."""
    ports = {port.name: port.tensor for port in imported.outputs}
    pictures = [hwc(port.stored)[:2] for port in imported.inputs if len(port.stored) == 4]
    return Ends(
        names={**ports, **{name: ports[end] for name, end in inner.items()}},
        splits=splits,
        constants={name: made.values for name, made in imported.constants.items()},
        size=pictures[0] if len(imported.inputs) == len(pictures) == 1 else None,
        where=str(toml_of(imported.model_path, toml)),
    )


def proposal(imported: ImportedModel) -> Proposed | None:
    """The `[output]` that the outputs look like, None where they look like none."""
    return propose(imported.graph, ends_of(imported, (), {}, None))
