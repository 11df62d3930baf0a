"""From C to images: compilers, memory layout, linking, sizes."""

from mcucc.toolchain.compilers import Compiler, host_compiler
from mcucc.toolchain.firmware import (
    BuildOptions,
    Firmware,
    ModelUnit,
    Transport,
    build_firmware,
    refence,
    retarget,
)
from mcucc.toolchain.host import SANITIZERS, build_program, build_shared
from mcucc.toolchain.layout import Layout, Sizes
from mcucc.toolchain.targets import cross_compiler

__all__ = [
    "SANITIZERS",
    "BuildOptions",
    "Compiler",
    "Firmware",
    "Layout",
    "ModelUnit",
    "Sizes",
    "Transport",
    "build_firmware",
    "build_program",
    "build_shared",
    "cross_compiler",
    "host_compiler",
    "refence",
    "retarget",
]
