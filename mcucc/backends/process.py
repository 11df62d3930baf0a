"""Runs a program with a limit that holds: what the program has started ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def run_limited(command: Sequence[str], folder: Path, timeout_s: float) -> str:
    """Runs a program in `folder`; returns what it wrote to standard error.

    Raises subprocess.TimeoutExpired after the limit. Standard error goes through a file: a pipe
    would stay open as long as anything that the program has started.
    """
    errors = folder / "errors.txt"
    with (
        errors.open("wb") as stream,
        started(
            command,
            folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stream,
        ) as process,
    ):
        process.wait(timeout_s)
    return errors.read_text("utf-8", "replace")


@contextmanager
def started(
    command: Sequence[str],
    folder: Path,
    *,
    stdin: int | IO[bytes],
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    grace_s: float = 0.0,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs in `folder` until the block ends, in a process group of its own.

    With `grace_s` it is asked to end first and has so long to leave what it holds in order.
    """
    process = subprocess.Popen(
        list(command),
        cwd=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if grace_s > 0 and process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(grace_s)
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """The program and what it has started, which may outlive it."""
    if hasattr(os, "killpg"):  # not on Windows
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.poll() is None:
        process.kill()
        process.wait()
