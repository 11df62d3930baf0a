"""What the planner must show: whole networks in so many bytes of SRAM, stack and image rows in."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcucc.backends import Qemu
from mcucc.driver.compile import CompileOptions, compile_model
from mcucc.driver.folder import open_compiled
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.measure import reference_bytes
from mcucc.driver.validate import validate
from mcucc.images.datasets import load_dataset
from mcucc.schedule.plan.plan import ImagePolicy
from mcucc.schedule.search.wishes import ScheduleOptions
from mcucc.toolchain import refence

pytestmark = [pytest.mark.zoo, pytest.mark.emulated]


def quiet(*_: object) -> None:
    return None


@pytest.mark.parametrize(
    ("name", "task", "sram", "least_top1"),
    [
        ("mcunet-10fps_vww", "coco_person", 16_000, 0.93),
        ("mcunet-320kb-1mb_imagenet", "imagenet", 64_000, None),
    ],
)
def test_fits_with_a_fence_at_exactly_that_size(
    zoo_dir: Path,
    data_dir: Path,
    tmp_path: Path,
    name: str,
    task: str,
    sram: int,
    least_top1: float | None,
) -> None:
    """64,000 and 16,000 are multiples of the MPU's granule: the fence admits no byte more."""
    model = zoo_dir / "onnx" / f"{name}.onnx"
    options = NetworkOptions(data=data_dir / task, calibrate=20)
    wanted = ScheduleOptions(image=ImagePolicy.ROWS, sram=sram)
    out = tmp_path / "out"
    report = compile_model(
        model, CompileOptions("nucleo-l4r5zi", out, options, schedule=wanted), quiet
    )
    assert report.fits
    assert report.sram.total <= sram
    assert report.sram.stack_source == "painted"
    assert report.sram.image > 0

    compiled = open_compiled(out)
    firmware = refence(compiled.firmware(tmp_path / "firmware"), sram)
    preprocess = compiled.manifest.preprocess
    assert preprocess is not None
    network = load_network(model, options, quiet)
    images = [item.load(preprocess).image for item in load_dataset(data_dir / task).items[-2:]]
    expected = tuple(reference_bytes(network, compiled.integer, i.reshape(-1)) for i in images)
    assert Qemu().run(firmware, [image.tobytes() for image in images]).outputs == expected

    if least_top1 is not None:  # C on this host, on all labelled pictures
        found = validate(
            compiled,
            data_dir / task,
            limit=None,
            emulator="none",
            time_limit_s=60,
            progress=quiet,
        )
        (host,) = [way for way in found.ways if way.name == "host"]
        assert found.labelled == 120
        assert host.top1 is not None
        assert host.top1 >= least_top1
