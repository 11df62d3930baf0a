"""The mistakes, by what they are about, and what their messages must say."""

from __future__ import annotations

import numpy as np

from tests.cli.wrong import (
    Wrong,
    array_of,
    compiling,
    empty_data,
    external_data,
    file_gone,
    heavy,
    label_too_large,
    no_data,
    no_toml,
    not_compiled,
    not_finite,
    npz_without_images,
    open_sizes,
    other_plan,
    out_holds_files,
    out_is_a_file,
    pickled,
    raw_inputs,
    running,
    running_on,
    truncated,
    two_inputs,
    wide,
    with_board,
    with_data,
    with_file,
    with_net,
    with_option,
    with_toml,
    with_tool,
    with_zip,
    written,
)
from tests.cli.wrong_labels import LABELS
from tests.cli.wrong_output import OUTPUT_TABLES
from tests.cli.wrong_showing import SHOWING

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
GCC = "arm-none-eabi-gcc"
FAILING = '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "disk quota exceeded" >&2\nexit 1\n'
HANGING = '#!/bin/sh\n[ "$1" = --version ] && exit 0\nexec sleep 60\n'
OWN_BIN = {"PATH": "{folder}/bin:{path}", "MCUCC_ARM_GCC": ""}

MODELS = (
    Wrong(
        "a model that is not there",
        lambda p: compiling(p, model=p.folder / "no.onnx"),
        ("no.onnx", "no such file"),
    ),
    Wrong("a folder instead of a model", lambda p: compiling(p, model=p.data), ("data", "folder")),
    Wrong(
        "a format that mcucc does not read",
        with_file("net.bin", bytes(200)),
        (".bin", ".onnx, .tflite"),
    ),
    Wrong("an empty file", with_file("empty.onnx", ""), ("empty.onnx", "empty")),
    Wrong(
        "a text file named .onnx",
        with_file("text.onnx", "hello, this is no model"),
        ("text.onnx", "a text", ".onnx"),
    ),
    Wrong("half of an ONNX file", truncated, ("net.onnx", "truncated")),
    Wrong(
        "a Git LFS pointer",
        with_file("net.tflite", POINTER),
        ("net.tflite", "a Git LFS pointer", "git lfs pull"),
    ),
    Wrong(
        "a web page saved as a model",
        with_file("net.onnx", "<!DOCTYPE html>\n<html><body>404</body></html>"),
        ("net.onnx", "a web page", "download the file itself"),
    ),
    Wrong("a PyTorch file", with_zip("net.pth", "net/data.pkl"), ("net.pth", "PyTorch", "export")),
    Wrong("a Keras file", with_zip("net.keras", "model.weights.h5"), ("net.keras", "Keras")),
    Wrong("an HDF5 file", with_file("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(99)), ("HDF5", "Keras")),
    Wrong(
        "a model that is still packed",
        with_zip("net.onnx.zip", "model/net.onnx"),
        ("net.onnx.zip", "model/net.onnx", "unpack"),
    ),
    Wrong(
        "a model that is still compressed",
        with_file("net.onnx.gz", b"\x1f\x8b\x08" + bytes(99)),
        ("net.onnx.gz", "gzip", "unpack"),
    ),
    Wrong(
        "a SavedModel's .pb",
        with_file("saved_model.pb", b"\x08\x01\x12\x90\x01" + bytes(99)),
        ("saved_model.pb", "TensorFlow SavedModel", ".tflite"),
    ),
    Wrong(
        "a model in ONNX Runtime's format",
        with_file("net.ort", b"\x08\0\0\0ORTM" + bytes(99)),
        ("net.ort", "ONNX Runtime", ".onnx"),
    ),
    Wrong(
        "weights in a file that is missing", external_data, ("net.onnx", "weights.bin", "beside")
    ),
    Wrong(
        "a text file named .tflite",
        with_file("text.tflite", "hello, this is no model"),
        ("text.tflite", "a text"),
    ),
    Wrong(
        "ops that mcucc does not compile",
        with_net(lambda n: n("Bernoulli", n("Hardmax", "image"))),
        ("2 unsupported", "n_hardmax_0", "n_bernoulli_1", "docs/ops.md"),
    ),
    Wrong("an input of open sizes", open_sizes, ("image", "height", "--input-shape")),
    Wrong("two inputs", with_net(two_inputs), ("one input",)),
    Wrong("weights that are not finite", with_net(not_finite), ("n_mul_0", "NaN or infinity")),
    Wrong(
        "an output that the network does not have",
        with_option("--outputs", "score"),
        ("'score'", "scores", "--outputs NAME,..."),
    ),
    Wrong(
        "a head that mcucc does not compile",
        with_net(lambda n: n("Hardmax", n.conv(n("Relu", n.conv("image", 3, 4)), 4, 2))),
        ("n_hardmax_3", "--outputs conv_2"),
    ),
    Wrong(
        "a shape that is none",
        with_option("--input-shape", "image=1,x"),
        ("image=1,x", "NAME=1,3,80,80"),
    ),
    Wrong(
        "a shape for an input that does not exist",
        with_option("--input-shape", "picture=1,3,14,12"),
        ("picture", "image"),
    ),
)
PREPROCESSING = (
    Wrong(
        "no preprocessing beside the model", no_toml, ("net.toml", "--preprocess", "[preprocess]")
    ),
    Wrong(
        "preprocessing that is no TOML",
        with_toml("[preprocess]", "[preprocess"),
        ("net.toml", "TOML"),
    ),
    Wrong(
        "a key with a typing error", with_toml("resize", "resise"), ("net.toml", "resise", "resize")
    ),
    Wrong("channels that do not exist", with_toml("rgb", "cmyk"), ("channels", "cmyk", "rgb")),
    Wrong(
        "a fit that does not exist",
        with_toml("mean", 'fit = "contain"\nmean'),
        ("fit", "contain", "stretch, letterbox"),
    ),
    Wrong(
        "a fill where no bar is",
        with_toml("mean", "fill = 114\nmean"),
        ("fill", 'fit = "letterbox"'),
    ),
    Wrong(
        "a camera format that does not exist",
        with_toml("mean", 'format = "rgb555"\nmean'),
        ("format", "rgb555", "rgb565", "bayer_rggb"),
    ),
    Wrong(
        "a camera without colours for a network that sees them",
        with_toml("mean", 'format = "gray"\nmean'),
        ("format", "gray", "channels", "rgb"),
    ),
    Wrong(
        "a crop outside the camera's picture",
        with_toml("mean", 'format = "rgb565"\ncamera = [30, 40]\ncrop = [2, 0, 30, 30]\nmean'),
        ("crop", "[2, 0, 30, 30]", "camera = [30, 40]"),
    ),
    Wrong(
        "a crop smaller than the network's picture",
        with_toml("mean", 'format = "rgb565"\ncamera = [30, 40]\ncrop = [10, 40]\nmean'),
        ("resize = [14, 12]", "crop", "10 pixels", "never enlarged"),
    ),
    Wrong(
        "a crop that is no simple multiple of the network's picture",
        with_toml("mean", 'format = "rgb565"\ncamera = [480, 640]\ncrop = [479, 480]\nmean'),
        ("crop", "479 / 14", "257"),
    ),
    Wrong(
        "an odd width of pixels that share their colour",
        with_toml("mean", 'format = "yuv422"\ncamera = [30, 41]\nmean'),
        ("camera = [30, 41]", "even", "yuv422"),
    ),
    Wrong(
        "an odd height of a sensor's squares",
        with_toml("mean", 'format = "bayer_bggr"\ncamera = [31, 40]\nmean'),
        ("camera = [31, 40]", "even", "bayer_bggr"),
    ),
    Wrong(
        "a camera's picture without its format",
        with_toml("mean", "camera = [240, 320]\nmean"),
        ("camera", "format", "rgb565"),
    ),
    Wrong(
        "a crop that only the pictures on disk would have",
        with_toml("mean", 'format = "rgb565"\ncamera = [30, 40]\ncenter_crop = [14, 12]\nmean'),
        ("center_crop", "camera = [30, 40]", "crop"),
    ),
    Wrong(
        "pictures of another size than the input",
        with_toml("[14, 12]", "[14, 13]"),
        ("14x13x3", "14x12x3", "resize"),
    ),
    Wrong(
        "too few means",
        with_toml("mean = [0.5, 0.4, 0.5]", "mean = [0.5]"),
        ("mean", "1 values", "3"),
    ),
)
PICTURES = (
    Wrong("no pictures for a float network", no_data, ("--data",)),
    Wrong(
        "a folder that is not there",
        with_option("--data", "missing"),
        ("missing", "does not exist"),
    ),
    Wrong("an empty folder", empty_data, ("pictures", "no pictures in this folder")),
    Wrong(
        "nothing but a broken picture",
        with_data("broken.jpg", "no picture"),
        ("broken.jpg", "not one picture"),
    ),
    Wrong(
        "a file that is no data",
        lambda p: compiling(p, "--data", p.model),
        ("net.onnx", "neither a folder nor an .npz"),
    ),
    Wrong("an .npz without images", npz_without_images, ("pictures.npz", "holds x, no images")),
    Wrong(
        "a broken .npz",
        lambda p: compiling(p, "--data", written(p, "p.npz", "x")),
        ("p.npz", "cannot read"),
    ),
    Wrong(
        "pictures for a network that reads none",
        lambda p: (*raw_inputs(image=np.zeros(3))(p)[:-1], p.data),
        ("reads no picture", "[1, 20]", "--data FILE.npy"),
    ),
    Wrong(
        "raw inputs of another length",
        raw_inputs(image=np.zeros((3, 21), np.float32)),
        ("inputs.npz", "input image is float32 [3, 21]", "floats of shape [N, 20]"),
    ),
    Wrong(
        "raw inputs of integers for a float network",
        raw_inputs(image=np.zeros((3, 20), np.uint8)),
        ("inputs.npz", "input image is uint8 [3, 20]", "floats of shape [N, 20]"),
    ),
    Wrong(
        "raw inputs under other names",
        raw_inputs(x=np.zeros((3, 20)), y=np.zeros((3, 20))),
        ("inputs.npz", "it holds x, y; the inputs are image"),
    ),
    Wrong(
        "raw inputs without a sample",
        raw_inputs(image=np.zeros((0, 20), np.float32)),
        ("inputs.npz", "there is no sample in it"),
    ),
    Wrong(
        "raw inputs with NaN",
        raw_inputs(image=np.array([[0.5] * 20, [np.nan] * 20], np.float32)),
        ("inputs.npz", "NaN", "in sample 1"),
    ),
    Wrong(
        "raw inputs with fewer labels than samples",
        raw_inputs(image=np.zeros((3, 20), np.float32), labels=np.array([0, 1])),
        ("inputs.npz", "labels must be 3 integers, not int64 [2]"),
    ),
    Wrong("raw inputs that are pickled", pickled, ("inputs.npz", "object, no numbers")),
    Wrong(
        "labels.csv that names a missing picture",
        with_data("labels.csv", "cat.png,1\n"),
        ("labels.csv", "cat.png", "does not exist"),
    ),
    Wrong(
        "a label that is no number",
        with_data("labels.csv", "cat.png,tabby\n"),
        ("labels.csv", "tabby", "cat.png"),
    ),
    Wrong("labels beyond the classes", label_too_large, ("a.png", "label 3", "3 classes"), True),
)
BOARDS = (
    Wrong(
        "a board's name cut short",
        with_option("--board", "stm32f746"),
        ("did you mean", "stm32f746g-disco"),
    ),
    Wrong("a list of boards with one unknown", lambda p: ("boards", "rpi-pico3"), ("rpi-pico2",)),
    Wrong("a board file that is not there", with_option("--board", "my.toml"), ("my.toml",)),
    Wrong(
        "a core that mcucc does not know",
        with_board("cortex-m3", "cortex-m99"),
        ("my.toml", "core", "cortex-m99", "cortex-m4"),
    ),
    Wrong(
        "a network too wide for the SRAM",
        with_net(wide, "--board", "bluepill", "--schedule", "layers"),
        ("bluepill", "too many", "peak", "n_conv"),
    ),
    Wrong(
        "a network too heavy for the flash",
        with_net(heavy, "--board", "bluepill"),
        ("bluepill", "65,536", "too many", "n_conv_2"),
    ),
    Wrong(
        "less SRAM than any plan needs",
        with_option("--sram", "100"),
        ("bytes of SRAM", "100 are", "hint"),
    ),
)
OPTIONS = (
    Wrong("a verb that does not exist", lambda p: ("launch",), ("launch", "--help")),
    Wrong("an option that does not exist", with_option("--wrong"), ("--wrong", "--help")),
    Wrong("no board", lambda p: ("compile", p.model, "--out", "x"), ("--board",)),
    Wrong(
        "an observer that does not exist",
        with_option("--observer", "guess"),
        ("--observer", "guess", "min-max"),
    ),
    Wrong(
        "weights of bits that do not exist",
        with_option("--weights", "int3"),
        ("--weights", "int3", "int8, int4, ternary"),
    ),
    Wrong("a size that is none", with_option("--flash", "much"), ("--flash", "much", "400kB")),
    Wrong(
        "bits chosen for flash that nothing is linked for",
        lambda p: ("plan", p.model, "--data", p.data, "--weights", "auto"),
        ("--weights", "compile has it"),
    ),
    Wrong(
        "bits for a layer that does not exist",
        with_option("--weights", "nowhere=int4"),
        ("--weights", "nowhere"),
    ),
    Wrong(
        "an effort of the quantizer that does not exist",
        with_option("--quantize", "slow"),
        ("--quantize", "slow", "fast, default, best"),
    ),
    Wrong(
        "a type of activations that does not exist",
        with_option("--precision", "y=int32"),
        ("--precision", "int32", "int8, int16"),
    ),
    Wrong(
        "a type without its tensor", with_option("--precision", "int16"), ("--precision", "TENSOR=")
    ),
    Wrong(
        "a type of a tensor that is not there",
        with_option("--precision", "nowhere=int16"),
        ("--precision", "nowhere", "near it"),
    ),
    Wrong(
        "a rounding that does not exist",
        with_option("--rounding", "up"),
        ("single, double",),
    ),
    Wrong(
        "an aim that does not exist",
        with_option("--optimize", "fast"),
        ("speed, balanced, size",),
    ),
    Wrong(
        "a stage that does not exist", with_option("--print-after", "lunch"), ("lunch", "quantize")
    ),
    Wrong("a number that is none", with_option("--calibrate", "many"), ("--calibrate", "integer")),
    Wrong("a number too small", with_option("--calibrate", "0"), ("--calibrate", "1")),
    Wrong(
        "a point that the front does not have",
        lambda p: ("plan", p.model, "--data", p.data, "--point", "99"),
        ("--point", "99", "1 to"),
    ),
    Wrong(
        "a plan that is no plan", lambda p: compiling(p, "--plan", p.model), ("net.onnx", "plan")
    ),
    Wrong("a plan of another network", other_plan, ("other.json",), True),
)
OUTPUT = (
    Wrong("an output folder that is a file", out_is_a_file, ("notes.txt", "is a file", "--out")),
    Wrong("an output folder that holds other files", out_holds_files, ("site", "other files")),
)
TOOLS = (
    Wrong(
        "no compiler",
        compiling,
        (GCC, "install"),
        environment={"PATH": "{folder}/bin", "MCUCC_ARM_GCC": "", "MCUCC_ZIG": "none"},
    ),
    Wrong(
        "no compiler for a RISC-V board",
        lambda p: compiling(p, "--board", "esp32-c3"),
        ("gcc-riscv64-unknown-elf", "--compiler PATH", "--c-only"),
        environment={"PATH": "{folder}/bin", "MCUCC_RISCV_GCC": "", "MCUCC_ZIG": "none"},
    ),
    Wrong(
        "an ecosystem that mcucc does not export to",
        with_option("--export", "mbed"),
        ("--export", "mbed", "arduino"),
    ),
    Wrong(
        "a compiler that fails",
        with_tool(GCC, FAILING, compiling),
        (GCC, "failed", "disk quota exceeded"),
        environment=OWN_BIN,
    ),
    Wrong(
        "an emulator that is not installed",
        running("--emulator", "renode"),
        ("renode", "not", "--on auto"),
        True,
    ),
    Wrong(
        "an emulator that does not exist",
        running("--emulator", "bochs"),
        ("bochs", "qemu", "host"),
        True,
    ),
    Wrong(
        "an emulator that hangs",
        with_tool("qemu-system-arm", HANGING, running("--emulator", "qemu", "--time-limit", "1")),
        ("qemu", "1 s", "--time-limit"),
        True,
        OWN_BIN,
    ),
)
RESULTS = (
    Wrong(
        "run of a folder that compile did not make",
        not_compiled("run", "--input"),
        ("data", "compile first"),
    ),
    Wrong(
        "validate of a folder that compile did not make",
        not_compiled("validate", "--data"),
        ("data", "compile first"),
    ),
    Wrong(
        "a compiled folder of which a file is gone",
        file_gone,
        ("net.c", "is gone", "compile again"),
        True,
    ),
    Wrong(
        "run of a picture that is not there",
        lambda p: ("run", p.folder / "out", "--input", "no.png"),
        ("no.png", "no such file"),
        True,
    ),
    Wrong(
        "run of a broken picture",
        running_on("x.jpg", b"no picture"),
        ("x.jpg", "cannot decode"),
        True,
    ),
    Wrong(
        "an array of the wrong shape",
        array_of((12, 14, 3), np.uint8),
        ("x.npy", "[12, 14, 3]", "[14, 12, 3]"),
        True,
    ),
    Wrong(
        "an array of the wrong type",
        array_of((14, 12, 3), np.float32),
        ("x.npy", "float32", "uint8"),
        True,
    ),
    Wrong("an .npy that is none", running_on("x.npy", b"no array"), ("x.npy", "NumPy"), True),
)
GROUPS = {
    "Models": MODELS,
    "Preprocessing": PREPROCESSING,
    "Pictures and labels": PICTURES,
    "Boards and memory": BOARDS,
    "Options": OPTIONS,
    "Output": OUTPUT,
    "Compilers and emulators": TOOLS,
    "Compiled folders": RESULTS,
    "What outputs mean": OUTPUT_TABLES,
    "Drawings and groups of pictures": SHOWING,
    "Labels of boxes and masks": LABELS,
}
