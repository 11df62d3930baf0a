"""python -m tests.fuzz --count 10000 --jobs 2: mutated files, counted; findings in build/fuzz.

Input number i is the same for a seed whatever the number of jobs. Every worker is a fork that has
all modules and seeds: it takes every so manieth input and writes one line each into its pipe. A
worker that dies, or that no signal reaches, is replaced by one that begins behind that input.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutate_onnx import mutate_onnx
from tests.fuzz.mutate_tflite import mutate_tflite
from tests.fuzz.seeds import seeds
from tests.fuzz.target import MEMORY, SECONDS, limit_memory, outcome, peak_bytes

DEEP = 4  # every so manieth input is quantized, planned and replayed too
KEPT = 3  # inputs kept of one finding
REPORT_S = 30.0
SILENT_S = 20 * SECONDS  # of the clock, until a worker counts as stuck

Seeds = tuple[list[bytes], list[bytes]]


def mutated(files: Seeds, seed: int, number: int) -> tuple[str, bytes]:
    """Input `number`: the suffix of its format, and its bytes."""
    random = Random((seed << 40) + number)
    if number % 2:
        return ".tflite", mutate_tflite(random.choice(files[1]), random)
    return ".onnx", mutate_onnx(random.choice(files[0]), random)


def _work(files: Seeds, seed: int, numbers: range, pipe: Connection, folder: str) -> None:
    """Send (number, None) before an input and (number, outcome) behind it."""
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # ONNX's C++ complains there
    limit_memory()
    before = peak_bytes()
    for number in numbers:
        suffix, data = mutated(files, seed, number)
        path = Path(folder) / f"input{suffix}"
        path.write_bytes(data)
        pipe.send((number, None))
        found = outcome(path, number // 2 % DEEP == 0)
        swollen = peak_bytes() - before > MEMORY // 2
        if swollen and found in ("refused", "network"):
            found = f"{MEMORY >> 21} MiB for one file ({found})"
        pipe.send((number, found))
        if swollen:
            return
    pipe.send((-1, None))


class _Worker:
    """A process and where it is in its share of the inputs."""

    def __init__(self, files: Seeds, seed: int, numbers: range, folder: str) -> None:
        self.files, self.seed, self.numbers, self.folder = files, seed, numbers, folder
        self.start(numbers)

    def start(self, numbers: range) -> None:
        """A fresh process for these inputs."""
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        self.at, self.last = -1, -1  # the input that was begun last, and that was done last
        self.heard, self.done = time.monotonic(), not numbers
        arguments = (self.files, self.seed, numbers, theirs, self.folder)
        self.process = multiprocessing.get_context("fork").Process(target=_work, args=arguments)
        if numbers:
            self.process.start()
        theirs.close()

    def behind(self, number: int) -> range:
        """The inputs of this worker behind one."""
        return range(number + self.numbers.step, self.numbers.stop, self.numbers.step)


class Fuzz:
    """Counts outcomes and keeps the inputs of findings."""

    def __init__(self, files: Seeds, seed: int, out: Path) -> None:
        self.files, self.seed, self.out = files, seed, out
        self.outcomes: Counter[str] = Counter()
        self.by_format: Counter[tuple[str, str]] = Counter()

    def note(self, number: int, found: str) -> None:
        """One outcome; the input is written where it is a finding."""
        suffix = ".tflite" if number % 2 else ".onnx"
        kind = found if found in ("refused", "network") else "FINDING"
        self.by_format[suffix, kind] += 1
        if kind != "FINDING":
            return
        self.outcomes[found] += 1
        if self.outcomes[found] <= KEPT:
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / f"{self.seed}-{number}{suffix}").write_bytes(
                mutated(self.files, self.seed, number)[1]
            )
            print(f"FINDING {self.seed}-{number}{suffix}: {found}", flush=True)

    def run(self, first: int, count: int, jobs: int, seconds: float) -> None:
        """Inputs [first, first + count), or as many as `seconds` allow."""
        begin = shown = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="mcucc-fuzz-") as scratch:
            workers = []
            for job in range(jobs):
                folder = Path(scratch) / str(job)
                folder.mkdir()
                numbers = range(first + job, first + count, jobs)
                workers.append(_Worker(self.files, self.seed, numbers, str(folder)))
            while not all(worker.done for worker in workers):
                wait([w.pipe for w in workers if not w.done], timeout=1.0)
                for worker in workers:
                    self._listen(worker)
                now = time.monotonic()
                if now - shown > REPORT_S:
                    shown = now
                    self.report(now - begin)
                if seconds and now - begin > seconds:
                    break
            for worker in workers:
                worker.process.kill() if not worker.done else None
        self.report(time.monotonic() - begin)

    def _listen(self, worker: _Worker) -> None:
        try:
            while not worker.done and worker.pipe.poll():
                number, found = worker.pipe.recv()
                worker.heard = time.monotonic()
                worker.done = number < 0
                worker.at = number if found is None else worker.at
                if found is not None:
                    self.note(number, found)
                    worker.last = number
        except EOFError:
            self._replace(worker, "the process died")
            return
        if not worker.done and time.monotonic() - worker.heard > SILENT_S:
            self._replace(worker, "no signal stops it")

    def _replace(self, worker: _Worker, why: str) -> None:
        worker.process.kill()
        worker.process.join()
        if worker.at < 0:
            raise RuntimeError("a worker died before its first input")
        if worker.at != worker.last:
            self.note(worker.at, why)
        worker.start(worker.behind(worker.at))

    def report(self, seconds: float) -> None:
        """One line of counts."""
        total = sum(self.by_format.values())
        parts = [
            f"{suffix} {sum(n for (s, _), n in self.by_format.items() if s == suffix):,}"
            f" ({self.by_format[suffix, 'network']:,} networks,"
            f" {self.by_format[suffix, 'refused']:,} refused)"
            for suffix in (".onnx", ".tflite")
        ]
        findings = sum(self.outcomes.values())
        print(
            f"{total:,} inputs, {total / max(seconds, 1e-9):,.0f} a second; {', '.join(parts)}; "
            f"{findings:,} findings of {len(self.outcomes)} kinds",
            flush=True,
        )


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 where there is any finding."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.0, help="stop then; 0: never")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"))
    given: Any = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="mcucc-fuzz-") as scratch:
        files = seeds(Path(scratch))
    fuzz = Fuzz(files, given.seed, given.out)
    fuzz.run(given.first, given.count, given.jobs, given.seconds)
    for found, count in fuzz.outcomes.most_common():
        print(f"{count:>8,}  {found}")
    return 1 if fuzz.outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
