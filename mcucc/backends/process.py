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
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs in `folder` until the block ends, in a process group of its own."""
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
        if process.poll() is None:
            if hasattr(os, "killpg"):  # not on Windows
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
