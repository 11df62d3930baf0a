"""The command line: one file a verb. Heavy imports wait until a verb runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mcucc.cli.analyze import analyze_command
from mcucc.cli.boards import boards_command
from mcucc.cli.compare import compare_command
from mcucc.cli.compile import compile_command
from mcucc.cli.doctor import doctor_command
from mcucc.cli.ops import ops_command
from mcucc.cli.output import report_error, use_json
from mcucc.cli.plan import plan_command
from mcucc.cli.report import report_command
from mcucc.cli.run import run_command
from mcucc.cli.validate import validate_command
from mcucc.version import __version__

INTERRUPTED = 130  # 128 + SIGINT, as shells count

app = typer.Typer(
    name="mcucc",
    help="Compile tiny vision networks for microcontrollers: int8, least SRAM, readable C, proved.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("analyze")(analyze_command)
app.command("compile")(compile_command)
app.command("plan")(plan_command)
app.command("run")(run_command)
app.command("validate")(validate_command)
app.command("report")(report_command)
app.command("compare")(compare_command)
app.command("boards")(boards_command)
app.command("ops")(ops_command)
app.command("doctor")(doctor_command)


def _version(value: bool) -> None:
    if value:
        print(f"mcucc {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile tiny vision networks for microcontrollers: int8, least SRAM, readable C, proved."""
    del version


def main() -> None:
    """Entry point: user errors are one message and exit code 2, never a traceback."""
    arguments = sys.argv[1:] or ["--help"]
    use_json("--json" in arguments)
    try:
        # Not standalone: typer would print usage errors in a form of its own.
        status = app(arguments, prog_name="mcucc", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Exception as error:
        status = report_error(error, verbose="--verbose" in arguments)
    if status == INTERRUPTED:
        print("interrupted; nothing was written", file=sys.stderr)
    sys.exit(status)
