"""Networks on the host: the same bytes, step by step, and sanitizers that see a byte too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.backends import HostModel, run_host, run_program
from mcucc.errors import ToolError
from mcucc.toolchain import ModelUnit, build_program, build_shared
from tests.backends.firmware_fixtures import TINY, expected, pictures

pytestmark = pytest.mark.host
UNIT = ModelUnit("tiny", 128, (TINY,))


def test_a_shared_object_gives_bytes_names_and_the_arena_between_steps(tmp_path: Path) -> None:
    library = build_shared([UNIT], [], tmp_path)
    images = pictures(3)
    assert run_host(library, "tiny", images) == tuple(expected(image) for image in images)
    model = HostModel(library, "tiny")
    assert (model.arena_bytes, model.id) == (128, 0x1234ABCD)
    assert [tensor.name for tensor in model.outputs] == ["scores", "check"]
    assert model.inputs[0].size == 48 and model.inputs[0].zero_point == -128
    assert model.step_names == ("mirror", "sum", "scores")
    model.load(images[0])
    model.step(0)
    mirrored = bytes(byte ^ index for index, byte in enumerate(reversed(images[0])))
    assert model.arena(64, 48) == mirrored
    with pytest.raises(ToolError, match="not in the arena of 128"):
        model.arena(100, 29)
    with pytest.raises(ToolError, match="47 bytes, the network takes 48"):
        model.load(bytes(47))
    with pytest.raises(ToolError, match="no step 3"):
        model.step(3)


def test_several_models_load_from_one_library(tmp_path: Path) -> None:
    other = tmp_path / "other.c"
    text = TINY.read_text(encoding="utf-8")
    other.write_text("#define NAME other\n#define FACTOR 5\n" + text, encoding="utf-8")
    library = build_shared([UNIT, ModelUnit("other", 128, (other,))], [], tmp_path)
    image = pictures(1)[0]
    assert run_host(library, "tiny", [image])[0] == expected(image)
    assert run_host(library, "other", [image])[0] == expected(image, 5)
    with pytest.raises(ToolError, match="cannot load third"):
        HostModel(library, "third")


def test_the_sanitizers_pass_good_code_and_stop_a_byte_too_many(tmp_path: Path) -> None:
    images = pictures(2)
    good = build_program(UNIT, [], tmp_path / "good")
    assert run_program(good, images) == b"".join(expected(image) for image in images)
    source = tmp_path / "bad.c"
    text = TINY.read_text(encoding="utf-8")
    source.write_text(text.replace("CHECK = 120", "CHECK = 128"), encoding="utf-8")
    bad = build_program(ModelUnit("tiny", 128, (source,)), [], tmp_path / "bad")
    with pytest.raises(ToolError, match="heap-buffer-overflow"):
        run_program(bad, images)
