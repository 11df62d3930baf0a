"""`[output]` of a model's TOML as an OutputSpec; every message names the key that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from mcucc.answers.check_spec import check_spec
from mcucc.answers.spec import (
    BoxesSpec,
    ClassesSpec,
    Decoder,
    EmbeddingSpec,
    HeadSpec,
    KeypointsSpec,
    MaskSpec,
    OutputSpec,
)
from mcucc.base.typed import Reader, shown, wrong
from mcucc.errors import DataError
from mcucc.images.preprocess import toml_document, toml_of

TASKS: dict[str, Any] = {
    "boxes": BoxesSpec,
    "classes": ClassesSpec,
    "mask": MaskSpec,
    "keypoints": KeypointsSpec,
    "embedding": EmbeddingSpec,
}
MOST_TABLES = 16  # of one task
_DEFAULTED = frozenset(
    field.name
    for kind in (*TASKS.values(), HeadSpec)
    for field in fields(kind)
    if field.default is not MISSING
)
EXAMPLES = {
    "boxes": """[output.boxes]
decoder = "yolov3"       # {decoders}
classes = ["person"]
threshold = 0.3          # of the score
overlap = 0.45           # IoU from which two boxes are the same thing
most = 20                # boxes
[[output.boxes.heads]]   # one for each map; left out where the shapes say it
tensor = "output_0"      # or: boxes = "..", scores = ".."
anchors = [[10, 13], [16, 30], [33, 23]]  # width, height in pixels""",
    "classes": """[output.classes]
classes = ["cat", "dog"]
threshold = 0.5          # below it no class is sure
score = "softmax"        # where the network ends in logits; sigmoid: several may be true""",
    "mask": """[output.mask]
classes = ["background", "road"]
score = "identity"       # sigmoid: of a map of one channel that holds logits
threshold = 0.5          # of a map of one channel""",
    "keypoints": """[output.keypoints]
heatmap = "heat"         # (H, W, K); or tensor = "..", which holds the points themselves
names = ["nose", "left_eye"]
threshold = 0.1""",
    "embedding": """[output.embedding]
tensor = "features\"""",
}


def find_output(model_path: Path, option: Path | None = None) -> OutputSpec | None:
    """`[output]` of the TOML of a model (`option`, or the one beside it); None without one.

    Raises DataError for a table that cannot be right whatever the network is.
    """
    path = toml_of(model_path, option)
    if path is None:
        return None
    document = toml_document(path)
    return read_output(document["output"], str(path)) if "output" in document else None


def read_output(table: Any, where: str) -> OutputSpec:
    """The table `output` of a TOML; DataError names the key, with an example as its hint."""
    task = ""
    try:
        if not isinstance(table, dict):
            raise wrong("output", "a table", table)
        found: dict[str, tuple[Any, ...]] = {}
        for task, value in table.items():
            if task not in TASKS:
                tasks = ", ".join(TASKS)
                raise ValueError(f"output: unknown key {shown(task)}; the keys are {tasks}")
            found[task] = tuple(_task(task, value))
        task = ""
        if not any(found.values()):
            raise ValueError(f"output: it says nothing; its tables are {', '.join(TASKS)}")
        spec = OutputSpec(**found)
        check_spec(spec, {name: isinstance(value, list) for name, value in table.items()})
    except ValueError as error:
        raise DataError(str(error), where=where, hint=hint_for(str(error), task)) from error
    return spec


def _task(task: str, value: Any) -> Iterator[Any]:
    """The tables of a task: one, or an array of them."""
    several = isinstance(value, list)
    tables = value if isinstance(value, list) else [value]
    if len(tables) > MOST_TABLES:
        raise ValueError(f"output.{task}: {len(tables)} tables (at most {MOST_TABLES})")
    for number, each in enumerate(tables):
        at = f"output.{task}[{number}]" if several else f"output.{task}"
        if isinstance(each, dict) and isinstance(each.get("heads"), dict):
            each = {**each, "heads": [each["heads"]]}
        yield Reader(_DEFAULTED).read(TASKS[task], each, at)


def hint_for(message: str, task: str = "") -> str:
    """How what a message is about looks: the line of a key, a head, or the table of the task."""
    key, _, rest = message.partition(":")
    task = next((name for name in TASKS if key.startswith(f"output.{name}")), task)
    if "unknown key" in rest and task in TASKS:
        kind = HeadSpec if ".heads" in key else TASKS[task]
        return f"the keys are {', '.join(field.name for field in fields(kind))}"
    decoders = ", ".join(decoder.value for decoder in Decoder)
    lines = EXAMPLES[task if task in TASKS else "boxes"].format(decoders=decoders).splitlines()
    last = re.sub(r"\[\d+\]", "", key).rpartition(".")[2]
    if "is missing" in rest:
        last = rest.split("'")[1]
    own = [line for line in lines if line.split(" = ")[0] == last]
    if own:
        return f"it looks like: {own[0]}"
    if ".heads" in key:
        lines = lines[[line.startswith("[[") for line in lines].index(True) :]
    return "it looks like:\n" + "\n".join(lines)
