"""From C to images: compilers, memory layout, linking, sizes."""

from mcucc.toolchain.compilers import Compiler, arm_compiler, host_compiler
from mcucc.toolchain.firmware import (
    BuildOptions,
    Firmware,
    ModelUnit,
    Transport,
    build_firmware,
    refence,
)
from mcucc.toolchain.host import SANITIZERS, build_program, build_shared
from mcucc.toolchain.layout import Layout, Sizes

__all__ = [
    "SANITIZERS",
    "BuildOptions",
    "Compiler",
    "Firmware",
    "Layout",
    "ModelUnit",
    "Sizes",
    "Transport",
    "arm_compiler",
    "build_firmware",
    "build_program",
    "build_shared",
    "host_compiler",
    "refence",
]
