"""The fuzzer itself: it is repeatable, and it sees what it looks for."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from mcucc.errors import ModelError
from tests.fuzz.__main__ import Fuzz, mutated
from tests.fuzz.seeds import seeds
from tests.fuzz.target import outcome


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], list[bytes]]:
    return seeds(tmp_path_factory.mktemp("seeds"))


def test_every_seed_becomes_a_network(
    files: tuple[list[bytes], list[bytes]], tmp_path: Path
) -> None:
    for suffix, group in zip((".onnx", ".tflite"), files, strict=True):
        for number, data in enumerate(group):
            path = tmp_path / f"{number}{suffix}"
            path.write_bytes(data)
            assert outcome(path, deep=True) == "network", path


def test_an_input_is_a_function_of_its_number(files: tuple[list[bytes], list[bytes]]) -> None:
    first = [mutated(files, 3, number) for number in range(40)]
    assert first == [mutated(files, 3, number) for number in range(40)]
    assert len({data for _, data in first}) > 35


def test_some_hundred_inputs(files: tuple[list[bytes], list[bytes]], tmp_path: Path) -> None:
    fuzz = Fuzz(files, 0, tmp_path / "fuzz")
    fuzz.run(first=0, count=200, jobs=2, seconds=0)
    assert sum(fuzz.by_format.values()) == 200
    assert min(fuzz.by_format[s, k] for s in (".onnx", ".tflite") for k in ("network", "refused"))
    assert not fuzz.outcomes


def raising(error: BaseException) -> object:
    def load(path: Path) -> object:
        raise error

    return load


def test_findings_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(path: Path) -> object:
        while True:
            signal.raise_signal(signal.SIGPROF)  # as the timer does after 5 s

    for load, words in (
        (raising(KeyError("x")), "KeyError at"),
        (raising(MemoryError()), "MemoryError at"),
        (raising(ModelError("x" * 10)), "refused"),
        (endless, "more than 5 s at"),
    ):
        monkeypatch.setattr("tests.fuzz.target.load", load)
        assert outcome(tmp_path / "net.onnx", deep=False).startswith(words)


def test_a_worker_that_dies_is_a_finding(
    files: tuple[list[bytes], list[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(path: Path, deep: bool) -> str:
        if deep:
            signal.raise_signal(signal.SIGKILL)
        return "refused"

    monkeypatch.setattr("tests.fuzz.__main__.outcome", dies)
    fuzz = Fuzz(files, 0, tmp_path / "fuzz")
    fuzz.run(first=0, count=16, jobs=1, seconds=0)
    assert fuzz.outcomes == {"the process died": 4}
    assert sum(fuzz.by_format.values()) == 16
    assert len(list((tmp_path / "fuzz").iterdir())) == 3
