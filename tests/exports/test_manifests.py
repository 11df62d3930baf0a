"""Manifests as their ecosystems' rules want them, and the same files every time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from mcucc import __version__
from mcucc.exports import export_names, export_to
from tests.exports.conftest import Exported

LIBRARIES = ("arduino", "cmake", "cmsis-pack", "esp-idf", "platformio", "zephyr")
Pair = tuple[Exported, Exported]
SEMVER = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_ecosystem_is_a_file() -> None:
    assert set(export_names()) == {*LIBRARIES, "self-test"}


def test_the_same_network_is_the_same_bytes(pair: Pair, tmp_path: Path) -> None:
    for network in pair:
        for ecosystem in export_names():
            place = export_to(ecosystem, network.library, tmp_path)
            assert contents(place) == contents(network.of(ecosystem)), ecosystem


def test_exports_say_their_licence_and_what_the_example_prints(pair: Pair) -> None:
    for network in pair:
        assert "\n".join(network.library.expected) + "\n" == network.printed()
        for ecosystem in LIBRARIES:
            place = network.of(ecosystem)
            assert "Apache License" in (place / "LICENSE").read_text("ascii")
            readme = (place / "README.md").read_text("ascii")
            assert all(line[:80] in readme for line in network.library.expected)
            (example,) = re.findall(r"^`(\S+)` is one inference", readme, re.M)
            assert (place / example).is_file()


# Arduino: arduino-lint's rules of library.properties, all that do not need the network, in its
# strictest mode but for the recommended length of names.
CATEGORIES = {
    *("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing"),
    *("Data Storage", "Data Processing", "Other"),
}


def test_arduino_properties_are_as_its_lint_wants_them(pair: Pair) -> None:
    for network in pair:
        place = network.of("arduino")
        lines = (place / "library.properties").read_text("ascii").splitlines()
        values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        assert set(values) == {
            *("name", "version", "author", "maintainer", "sentence", "paragraph", "category"),
            *("url", "architectures", "license", "includes", "dot_a_linkage"),
        }
        assert all(value == value.strip() != "" for value in values.values())
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_.-]{0,62}", values["name"])
        assert not re.search("arduino|library", values["name"] + values["maintainer"], re.I)
        assert re.fullmatch(SEMVER, values["version"])
        assert values["category"] in CATEGORIES
        assert re.fullmatch(r"https?://[^\s/]+/\S*", values["url"])
        assert not values["paragraph"].startswith(values["sentence"])
        assert values["license"] == "Apache-2.0"
        assert values["dot_a_linkage"] == "true", "two networks bring the same kernels"
        assert values["includes"] == f"{values['name']}.h", "found by the library's own name"
        assert (place / "src" / values["includes"]).is_file()
        assert place.name == values["name"]
        assert not list(place.glob("*.h")) and not (place / "utility").exists()
        (sketch,) = (place / "examples").rglob("*.ino")
        assert sketch.stem == sketch.parent.name


def test_platformio_takes_the_manifest(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = pytest.importorskip("platformio.package.manifest.schema")
    parser = pytest.importorskip("platformio.package.manifest.parser")
    # The list of licences is a download.
    licences = {"licenses": [{"licenseId": "Apache-2.0"}]}
    monkeypatch.setattr(schema.ManifestSchema, "load_spdx_licenses", lambda self: licences)
    for network in pair:
        place = network.of("platformio")
        raw = json.loads((place / "library.json").read_text("ascii"))
        found = parser.ManifestParserFactory.new_from_dir(str(place)).as_dict()
        made = schema.ManifestSchema().load_manifest(found)
        assert (made["name"], made["version"]) == (network.code.name, __version__)
        assert made["license"] == "Apache-2.0"
        assert raw["build"]["libArchive"], "two networks bring the same kernels"
        assert all((place / "src" / header).is_file() for header in made["headers"])
        for example in made["examples"]:
            assert all((place / example["base"] / file).is_file() for file in example["files"])


# Zephyr: the keys of zephyr/module.yml and of twister's sample.yaml that its schemas know.
MODULE_KEYS = {"name", "build", "samples", "tests", "boards", "blobs", "package-managers"}
TEST_KEYS = {"tags", "min_ram", "timeout", "extra_args", "harness", "harness_config"}


def test_zephyr_knows_every_key_and_finds_every_file(pair: Pair) -> None:
    for network in pair:
        place, name = network.of("zephyr"), network.code.name
        module = yaml.safe_load((place / "zephyr" / "module.yml").read_text("ascii"))
        assert set(module) <= MODULE_KEYS and module["name"] == f"mcucc_{name}"
        assert (place / module["build"]["cmake"] / "CMakeLists.txt").is_file()
        assert (place / module["build"]["kconfig"]).is_file()
        (folder,) = module["samples"]
        sample = yaml.safe_load((place / folder / "sample.yaml").read_text("ascii"))
        assert set(sample) == {"sample", "tests"} and sample["sample"]["name"]
        ((key, test),) = sample["tests"].items()
        assert key == f"sample.mcucc.{name}" and set(test) <= TEST_KEYS
        assert test["min_ram"] * 1024 > network.code.arena_bytes


def test_twister_would_judge_what_the_sample_prints(pair: Pair) -> None:
    """Its console harness searches each line for the next expression, in order."""
    for network in pair:
        file = network.of("zephyr") / "samples" / "first_run" / "sample.yaml"
        ((_, test),) = yaml.safe_load(file.read_text("ascii"))["tests"].items()
        assert test["harness"] == "console"
        config = test["harness_config"]
        assert config["type"] == "multi_line" and config["ordered"]

        def passes(text: str, wanted: list[str] = config["regex"]) -> bool:
            left = list(wanted)
            for line in text.splitlines():
                if left and re.search(left[0], line):
                    left.pop(0)
            return not left

        printed = network.printed()
        assert passes(f"*** Booting Zephyr OS ***\n{printed}".replace("\n", "\r\n"))
        for digit in re.finditer(r"\d", printed):
            wrong = str((int(digit[0]) + 1) % 10)
            assert not passes(printed[: digit.start()] + wrong + printed[digit.end() :])


def test_a_folder_in_an_ide_has_one_runtime_for_two_networks(pair: Pair) -> None:
    """docs/ecosystems/stm32cubeide.md: copy the second over the first."""
    first, second = (dict(network.library.sources) for network in pair)
    shared = set(first) & set(second) - {"CMakeLists.txt"}
    assert shared and all(path.startswith("runtime/") for path in shared)
    assert all(first[path] == second[path] for path in shared)
