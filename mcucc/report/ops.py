"""docs/ops.md: the table of ops, written from the registry."""

from __future__ import annotations

from mcucc.ops.base import registry

HEAD = """# Ops

Written from the registry by `python -m mcucc.report.ops > docs/ops.md`; a test compares.
int8 activations, per-tensor scales; weights int8 per output channel, bias and sums int32.

| op | what | int8 formula | largest error | limits |
| --- | --- | --- | --- | --- |
"""


def ops_table() -> str:
    """The Markdown text of docs/ops.md."""
    rows = []
    for name, op in registry().items():
        what = (op.__doc__ or "").strip().splitlines()[0]
        cells = (name, what, f"`{op.FORMULA}`", op.LARGEST_ERROR, op.LIMITS or "-")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(ops_table(), end="")
