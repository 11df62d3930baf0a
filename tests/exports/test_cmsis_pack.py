"""CMSIS-Pack: the description as PACK.xsd wants it, and two packs built as a project has them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from mcucc import __version__
from mcucc.exports.cmsis_pack import short_name
from tests.exports.conftest import Exported
from tests.exports.test_manifests import SEMVER, Pair, contents
from tests.exports.tools import STRICT, application, both_outputs, needs, run

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


@pytest.mark.host
@pytest.mark.slow
@needs("gcc", "g++")
def test_a_project_of_two_packs_links_their_objects(pair: Pair, tmp_path: Path) -> None:
    """As development environments do: the components' files, equal components once, no archive."""
    components: dict[tuple[str, str], list[Path]] = {}
    folders, templates = [], []
    for network in pair:
        place, name = tmp_path / f"Pack für {network.code.name}", network.code.name
        with zipfile.ZipFile(network.of("cmsis-pack") / f"mcucc.{name}.{__version__}.pack") as pack:
            pack.extractall(place)
        for component in Xml.parse(place / f"mcucc.{name}.pdsc").getroot().iter("component"):
            compiled = components.setdefault(
                (component.attrib["Cgroup"], component.attrib["Csub"]), []
            )
            compiled.clear()  # an equal component of another pack: one of them is taken
            for file in component.iter("file"):
                path, kind = place / file.attrib["name"], file.attrib["category"]
                if file.get("attr") == "template":
                    templates.append(path)
                elif kind == "source":
                    compiled.append(path)
                elif kind == "include":
                    folders.append(path)
    include = [f"-I{folder}" for folder in dict.fromkeys(folders)]
    mine = application(templates, tmp_path / "project")
    objects = []
    for source in [*mine, *(path for files in components.values() for path in files)]:
        objects.append(tmp_path / f"{len(objects)}.o")
        compiler = "g++" if source.suffix == ".cpp" else "gcc"
        flags = [] if source in mine else ["-std=c99", *STRICT.split()]
        run(compiler, *flags, *include, "-c", source, "-o", objects[-1])
    run("g++", *objects, "-o", tmp_path / "program")
    assert run(tmp_path / "program") == both_outputs(pair)
