"""`mcucc ops`."""

from __future__ import annotations

from typing import Annotated

import typer

from mcucc.cli import options as shared


def ops_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Ops to explain in full; default: the list.")
    ] = None,
    json_output: shared.Json = False,
    verbose: shared.Verbose = False,
) -> None:
    """List what mcucc computes, and the operators of model files it reads."""
    from rich.table import Table
    from rich.text import Text

    from mcucc.cli.output import console, print_json
    from mcucc.driver.docs_ops import chosen_ops, operators_read

    del verbose
    ops = chosen_ops(names or [])
    read = operators_read()
    if json_output:
        print_json({"ops": ops, "onnx": read["ONNX"], "tflite": read["TFLite"]})
        return
    if names:
        for op in ops:
            table = Table(title=Text(op["name"], style="bold"), title_justify="left", box=None)
            table.show_header = False
            table.add_column(style="dim", no_wrap=True)
            table.add_column()
            for key in ("what", "int8", "largest_error", "limits"):
                if op[key]:
                    table.add_row(key.replace("_", " "), Text(op[key]))
            console.print(table)
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column()
    for op in ops:
        limits = f" ({op['limits']})" if op["limits"] else ""
        table.add_row(op["name"], Text.assemble(op["what"], (limits, "dim")))
    console.print(table)
    for file, operators in read.items():
        console.print(Text.assemble((f"\nread from {file}: ", "dim"), ", ".join(operators)))
    console.print(Text("\nmcucc ops NAME explains one; docs/ops.md has all", style="dim"))
