"""`mcucc doctor`."""

from __future__ import annotations

import dataclasses

import typer

from mcucc.cli import options as shared


def doctor_command(json_output: shared.Json = False, verbose: shared.Verbose = False) -> None:
    """Say what is installed, what is missing, and the command that gets it.

    Exit code 1 when something is missing without which nothing can be compiled.
    """
    from rich.table import Table
    from rich.text import Text

    from mcucc.cli.output import console, print_json
    from mcucc.driver.doctor import PACKAGE, examine

    del verbose
    health = examine()
    if json_output:
        tools = [dataclasses.asdict(tool) for tool in health.tools]
        print_json({"verdict": health.verdict, "python": health.python, "tools": tools})
    else:
        style = "bold red" if health.missing else "bold green"
        console.print(Text(health.verdict, style=style))
        table = Table(box=None, pad_edge=False, header_style="dim")
        for title in ("", "tool", "version", "for"):
            table.add_column(title, no_wrap=title in ("", "version"))
        packages = [tool for tool in health.tools if tool.use == PACKAGE and tool.version]
        for tool in health.tools:
            if tool in packages:
                continue
            mark = Text("✓", style="green")
            if tool.version is None:
                mark = Text("✗" if tool.needed else "–", style="red" if tool.needed else "yellow")
            table.add_row(mark, tool.name, tool.version or "missing", tool.use)
        console.print(table)
        named = ", ".join(f"{tool.name} {tool.version}" for tool in packages)
        console.print(Text(f"Python {health.python} with {named}", style="dim"))
        wanted = [tool for tool in health.tools if tool.version is None]
        if wanted:
            console.print("\nto get what is missing:", style="dim")
        for get in dict.fromkeys(tool.get for tool in wanted):
            names = ", ".join(tool.name for tool in wanted if tool.get == get)
            console.print(Text(f"  {get}", style="bold"), Text(f"  ({names})", style="dim"), sep="")
    if health.missing:
        raise typer.Exit(1)
