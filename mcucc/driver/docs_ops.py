"""The table of ops, from the registry: docs/ops.md and `mcucc ops`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from mcucc.errors import McuccError
from mcucc.ops.registry import registry

HEAD = """# Ops

Written from the registry by `python -m mcucc.driver.docs_ops > docs/ops.md`; a test compares.
int8 activations, per-tensor scales; weights int8 per output channel, bias and sums int32.
Networks with a memory of their own from call to call (LSTM, GRU, SVDF) are refused, and so are
control flow and what sorts or counts (TopK, NonZero, NonMaxSuppression).

| op | what | int8 formula | largest error | limits |
| --- | --- | --- | --- | --- |
"""


def ops_table() -> str:
    """The Markdown text of docs/ops.md."""
    rows = []
    for op in op_facts():
        limits = op["limits"] or "-"
        cells = (op["name"], op["what"], f"`{op['int8']}`", op["largest_error"], limits)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return HEAD + "\n".join(rows) + "\n"


def op_facts() -> list[dict[str, str]]:
    """Every op: name, what it is, int8 formula, largest error, limits ("": none)."""
    return [
        {
            "name": name,
            "what": (op.__doc__ or "").strip().splitlines()[0],
            "int8": op.FORMULA,
            "largest_error": op.LARGEST_ERROR,
            "limits": op.LIMITS,
        }
        for name, op in registry().items()
    ]


def chosen_ops(names: Sequence[str]) -> list[dict[str, str]]:
    """The ops of these names, in whatever case (all where none is given); McuccError otherwise."""
    by_name = {op["name"].lower(): op for op in op_facts()}
    for name in names:
        if name.lower() not in by_name:
            near = difflib.get_close_matches(name.lower(), by_name, n=1)
            hint = f"did you mean {by_name[near[0]]['name']}?" if near else "mcucc ops lists all"
            raise McuccError(f"there is no op {name!r}", where="ops", hint=hint)
    return [by_name[name.lower()] for name in names] or list(by_name.values())


def operators_read() -> dict[str, list[str]]:
    """The operators that the frontends convert, by file format."""
    from mcucc.frontends.onnx import converters as onnx
    from mcucc.frontends.tflite import converters as tflite

    return {"ONNX": list(onnx.converters()), "TFLite": list(tflite.converters())}


if __name__ == "__main__":
    print(ops_table(), end="")
