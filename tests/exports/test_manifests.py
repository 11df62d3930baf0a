"""Manifests as their ecosystems' rules want them, and the same files every time."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from mcucc import __version__
from mcucc.exports import export_names, export_to
from mcucc.exports.cmsis_pack import short_name
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
TEST_KEYS = {"tags", "min_ram", "timeout", "harness", "harness_config", "platform_allow", "filter"}


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


# CMSIS-Pack: PACK.xsd as far as the description goes: element to what it may hold, in which
# attributes, and the form of values. Its root's children stand in any order.
COMPONENT = r"[A-Za-z0-9][A-Za-z0-9_+()'/\-\s.]{1,31}"
PDSC = {
    "package": (
        "name vendor description url license requirements releases keywords conditions components",
        {"schemaVersion": r"1\.7\.7", "{instance}noNamespaceSchemaLocation": "PACK.xsd"},
    ),
    "requirements": ("languages", {}),
    "languages": ("language", {}),
    "language": ("", {"name": "C", "version": "C99"}),
    "releases": ("release", {}),
    "release": ("", {"version": SEMVER}),
    "keywords": ("keyword", {}),
    "conditions": ("condition", {}),
    "condition": ("description accept require", {"id": ".+"}),
    "accept": (
        "",
        {
            "Dcore": r"Cortex-M(3|4|7|33|35P|55|85)",
            "Ddsp": "DSP",
            "Dmve": "MVE|FP_MVE",
        },
    ),
    "require": (
        "",
        {
            "condition": ".+",
            "Cclass": COMPONENT,
            "Cgroup": COMPONENT,
            "Csub": COMPONENT,
            "Cversion": f"{SEMVER}:{SEMVER}",
        },
    ),
    "components": ("component", {}),
    "component": (
        "description files",
        {
            "Cclass": COMPONENT,
            "Cgroup": COMPONENT,
            "Csub": COMPONENT,
            "Cversion": SEMVER,
            "condition": ".+",
        },
    ),
    "files": ("file", {}),
    "file": (
        "",
        {
            "category": "doc|header|include|source",
            "attr": "template",
            "select": ".+",
            "name": "[^/].*",
        },
    ),
    "name": ("", {}),
    "vendor": ("", {}),
    "description": ("", {}),
    "url": ("", {}),
    "license": ("", {}),
    "keyword": ("", {}),
}
REQUIRED = {
    "package": "name vendor description url releases",
    "component": "description files",
    "files": "file",
    "releases": "release",
}
INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


def check_pdsc(element: Xml.Element) -> None:
    children, attributes = PDSC[element.tag]
    tags = [child.tag for child in element]
    assert set(tags) <= set(children.split()), element.tag
    assert set(REQUIRED.get(element.tag, "").split()) <= set(tags), element.tag
    for key, value in element.attrib.items():
        form = attributes[key.replace(INSTANCE, "{instance}")]
        assert re.fullmatch(form, value), (element.tag, key, value)
    if not children:
        assert element.attrib or (element.text or "").strip(), element.tag
    for child in element:
        check_pdsc(child)


def test_cmsis_pack_is_described_and_complete(pair: Pair, dsp: Exported) -> None:
    for network in (*pair, dsp):
        place, name = network.of("cmsis-pack"), network.code.name
        package = Xml.parse(place / f"mcucc.{name}.pdsc").getroot()
        check_pdsc(package)
        for tag in ("name", "vendor"):
            assert re.fullmatch(r"[\w-]+", package.findtext(tag, ""), re.A)
        assert (place / package.findtext("license", "")).is_file()
        listed = [file.attrib["name"] for file in package.iter("file")]
        assert all((place / file).exists() for file in listed)
        sources = [file for file in listed if file.startswith("src/")]
        assert sorted(sources) == sorted(
            path.relative_to(place).as_posix() for path in place.glob("src/**/*.c")
        ), "each source is of one component"
        conditions = {each.attrib["id"]: each for each in package.iter("condition")}
        used = [each.attrib["condition"] for each in package.iter() if "condition" in each.attrib]
        assert set(used) == set(conditions)
        kernels = [
            each.attrib["Csub"]
            for each in package.iter("component")
            if each.attrib["Cgroup"] == "Kernel"
        ]
        wanted = [each.get("Csub") for each in conditions["network"].findall("require")]
        assert [kernel for kernel in wanted if kernel] == kernels
        cores = [each.attrib["Dcore"] for each in package.iter("accept")]
        assert ("Cortex-M4" in cores and "Cortex-M3" not in cores) == (network is dsp)


def test_a_pack_has_its_description_at_the_top(pair: Pair) -> None:
    for network in pair:
        place, name = network.of("cmsis-pack"), network.code.name
        with zipfile.ZipFile(place / f"mcucc.{name}.{__version__}.pack") as pack:
            inside = {entry: pack.read(entry) for entry in pack.namelist()}
        outside = contents(place)
        del outside[f"mcucc.{name}.{__version__}.pack"]
        assert inside == outside and f"mcucc.{name}.pdsc" in inside


def test_two_packs_share_the_kernels_of_one_name(pair: Pair) -> None:
    texts: dict[str, set[bytes]] = {}
    for network in pair:
        for source in network.of("cmsis-pack").glob("src/mcucc/**/*.c"):
            texts.setdefault(source.stem, set()).add(source.read_bytes())
    assert all(len(found) == 1 for found in texts.values())


def test_long_names_stay_apart_in_a_pack() -> None:
    assert short_name("n" * 40 + "_face") == "n" * 27 + "_face"
    assert short_name("a" + "_" * 20 + "b" * 20) == "b" * 20
