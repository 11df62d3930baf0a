"""PlatformIO builds a project of two networks for the machine it runs on.

Its platform `native` and its SCons are downloads; here the test writes the few lines that the
platform is, and SCons comes from PyPI.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.exports.conftest import Exported
from tests.exports.tools import application, both_outputs, needs, run

PARTS = ("platformio", "SCons")
MISSING = [name for name in PARTS if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.host,
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING} (the extra `test`)"),
    needs("g++"),
]

PLATFORM = """from platformio.public import PlatformBase
class NativePlatform(PlatformBase):
    def is_embedded(self):
        return False
"""
BUILDER = """from SCons.Script import Default, DefaultEnvironment
env = DefaultEnvironment()
env.Append(CCFLAGS=["-Os", "-Wall", "-Wextra", "-Werror"])
Default([env.BuildProgram()])
"""
INI = "[env:native]\nplatform = native\n"


def core(folder: Path) -> dict[str, str]:
    """PlatformIO's own folder, complete, and the variables that name it."""
    from platformio.dependencies import get_core_dependencies  # only where it is installed

    wanted = get_core_dependencies()["tool-scons"].lstrip("~^=")
    scons, native = folder / "packages" / "tool-scons", folder / "platforms" / "native"
    scons.mkdir(parents=True)
    (native / "builder").mkdir(parents=True)
    name = {"name": "tool-scons", "version": wanted}
    (scons / "package.json").write_text(json.dumps({**name, "description": "PyPI's"}))
    spec = {"owner": "platformio", "id": None, "name": "tool-scons", "requirements": None}
    about = {"type": "tool", **name, "spec": {**spec, "uri": None}}
    (scons / ".piopm").write_text(json.dumps(about))
    (scons / "scons.py").write_text("from SCons.Script import main\nmain()\n")
    (native / "platform.json").write_text(
        json.dumps({"name": "native", "title": "Native", "version": "1.0.0", "packages": {}})
    )
    (native / "platform.py").write_text(PLATFORM)
    (native / "builder" / "main.py").write_text(BUILDER)
    return {"PLATFORMIO_CORE_DIR": str(folder), "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no"}


def test_two_networks_are_libraries_of_a_project(
    pair: tuple[Exported, Exported], tmp_path: Path
) -> None:
    project = tmp_path / "Projekt für zwei"
    application(
        [network.of("platformio") / "examples" / "first_run" / "first_run.c" for network in pair],
        project / "src",
    )
    for network in pair:
        shutil.copytree(network.of("platformio"), project / "lib" / network.code.name)
    (project / "platformio.ini").write_text(INI)
    words = (sys.executable, "-m", "platformio", "run", "-v", "-d", project)
    said = run(*words, environment=core(tmp_path / "core"))
    assert run(project / ".pio" / "build" / "native" / "program") == both_outputs(pair)
    commands = [line for line in said.splitlines() if "/softmax.c" in line and " -c " in line]
    assert len(commands) == len(pair)
    for command in commands:
        flags = shlex.split(command)
        assert flags.index("-O2") > flags.index("-Os"), "the library's own flag wins"
        assert "-ffunction-sections" in flags
