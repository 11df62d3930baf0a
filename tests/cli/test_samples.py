"""Raw inputs from .npz and .npy files, end to end: compile, validate, run on the host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mcucc.ir import Quant
from mcucc.oracles.exact_session import exact_session
from tests.cli.project import BOARD, mcucc
from tests.frontends.onnx_nets import Net, runtime
from tests.frontends.qdq_nets import QuantNet
from tests.litert_builder import LiteRTBuilder

pytestmark = pytest.mark.host
LENGTH, CLASSES, COUNT = 40, 5, 12
RNG = np.random.default_rng(8)
REAL = RNG.normal(0, 1, (COUNT, LENGTH)).astype(np.float32)
INTEGERS = RNG.integers(-128, 128, (COUNT, LENGTH)).astype(np.int8)


def compiled(model: Path, *more: object) -> Path:
    out = model.parent / "out"
    made = mcucc("compile", model, "--board", BOARD, "--c-only", "--out", out, *more)
    assert made.code == 0, made.err
    return out


def validated(out: Path, data: Path, *more: object) -> dict[str, Any]:
    found = mcucc("validate", out, "--data", data, "--emulator", "none", "--json", *more)
    assert found.code == 0, found.out + found.err
    report: dict[str, Any] = json.loads(found.out)
    assert report["passed"] and report["divergences"] == []
    return report


def ran(out: Path, path: Path) -> dict[str, np.ndarray]:
    """The int8 outputs (H, W, C) of one sample, by the C on this host."""
    found = mcucc("run", out, "--input", path, "--emulator", "host", "--json")
    assert found.code == 0, found.err
    return {name: np.array(value) for name, value in json.loads(found.out)["outputs"].items()}


def saved(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def one(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def keywords(folder: Path) -> Path:
    """A float network of a vector, as of a keyword spotter."""
    n = Net([1, LENGTH])
    x = n("Relu", n("Gemm", "image", n.weights(16, LENGTH), n.weights(16), transB=1))
    return n.save(folder, n("Gemm", x, n.weights(CLASSES, 16), out="scores", transB=1))


def test_a_float_network_of_vectors(tmp_path: Path) -> None:
    model = keywords(tmp_path)
    floats = np.concatenate([runtime(model, {"image": row[None]})[0] for row in REAL])
    classes = floats.argmax(axis=1)
    data = saved(tmp_path / "inputs.npz", image=REAL.astype(np.float64), labels=classes)
    out = compiled(model, "--data", data)
    report = validated(out, data)
    assert report["images"] == report["labelled"] == COUNT
    assert report["float_top1"] == 1.0
    ways = {way["name"]: way for way in report["ways"]}
    assert ways["host"]["different_pictures"] == 0 and ways["host"]["cosine"] > 0.99
    scores = ran(out, one(tmp_path / "x.npy", REAL[3]))["scores"].reshape(-1)
    assert scores.argmax() == classes[3]


@pytest.mark.slow
@pytest.mark.emulated
def test_the_emulated_c_reads_the_same_samples(tmp_path: Path) -> None:
    model, data = keywords(tmp_path), one(tmp_path / "all.npy", REAL)
    out = tmp_path / "out"
    made = mcucc("compile", model, "--board", BOARD, "--data", data, "--out", out)
    assert made.code == 0, made.err
    found = mcucc("validate", out, "--data", data, "--limit", 2, "--json")
    report = json.loads(found.out)
    assert (report["images"], report["all_equal"]) == (2, True)


@pytest.mark.parametrize("verb", ["plan", "analyze"])
def test_plans_need_no_inputs_and_take_them(tmp_path: Path, verb: str) -> None:
    model = keywords(tmp_path)
    data = ("--data", one(tmp_path / "all.npy", REAL))
    for more in ((), data):
        found = mcucc(verb, model, "--board", BOARD, "--json", *more)
        assert found.code == 0, found.err
        report = json.loads(found.out)
        assert report["noise" if verb == "plan" else "synthetic"] is (more == ())


def quantized(folder: Path, dtype: Any) -> Path:
    """A quantized ONNX network of a vector whose ends are of this type."""
    n = QuantNet([1, LENGTH], dtype=dtype)
    unsigned = dtype is np.uint8
    ends = n.ends(0.03, 131 if unsigned else 3, np.uint8 if unsigned else np.int8)
    x = n.dq(n.q("image", ends) if dtype is np.float32 else "image", ends)
    x = n("MatMul", x, n.qweights(LENGTH, CLASSES, axis=1))
    last = n.ends(0.1, 128 if unsigned else 0, np.uint8 if unsigned else np.int8)
    scores = n.q(x, last)
    return n.qsave(folder, n.dq(scores, last) if dtype is np.float32 else scores, dtype=dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8])
def test_a_quantized_network_of_vectors(tmp_path: Path, dtype: Any) -> None:
    model = quantized(tmp_path, dtype)
    values = REAL if dtype is np.float32 else INTEGERS
    if dtype is np.uint8:
        values = (INTEGERS.astype(np.int16) + 128).astype(np.uint8)
    out = compiled(model)
    assert validated(out, saved(tmp_path / "inputs.npz", image=values))["onnxruntime_equal"]
    (theirs,) = exact_session(onnx.load(model)).run(None, {"image": values[:1]})
    if dtype is np.float32:
        theirs = np.rint(theirs / 0.1)
    (ours,) = ran(out, one(tmp_path / "x.npy", values[0])).values()
    offset = 128 if dtype is np.uint8 else 0
    np.testing.assert_array_equal(ours.reshape(1, -1), theirs.astype(int) - offset)
    # Real values are quantized as the file's own input is, integers go in as they are.
    scale, zero = np.float32(0.03), 3
    grid = (INTEGERS[:4].astype(np.float32) - zero) * scale
    real = ran(out, one(tmp_path / "real.npy", grid[:1]))
    raw = INTEGERS[:1] if dtype is not np.uint8 else values[:1]
    for name, value in ran(out, one(tmp_path / "raw.npy", raw)).items():
        np.testing.assert_array_equal(value, real[name])
    assert validated(out, one(tmp_path / "grid.npy", grid))["images"] == 4


@pytest.mark.slow
def test_pictures_of_a_file_in_nchw_are_arrays_in_nchw(tmp_path: Path) -> None:
    n = QuantNet([1, 3, 6, 5], dtype=np.int8)
    x = n.qconv(n.dq("image", n.ends(0.03, 3)), 3, 4, 3)
    model = n.qsave(tmp_path, n.q(x, n.ends(0.2)), dtype=np.int8)
    values = RNG.integers(-128, 128, (3, 3, 6, 5)).astype(np.int8)
    out = compiled(model)
    assert validated(out, saved(tmp_path / "inputs.npz", image=values))["images"] == 3
    (theirs,) = exact_session(onnx.load(model)).run(None, {"image": values[:1]})
    (ours,) = ran(out, one(tmp_path / "x.npy", np.asfortranarray(values[0]))).values()
    np.testing.assert_array_equal(ours, theirs[0].transpose(1, 2, 0))
    as_in_c = one(tmp_path / "x.npy", values[0].transpose(1, 2, 0))
    np.testing.assert_array_equal(ran(out, as_in_c).popitem()[1], ours)


def dense(inputs: int = 1) -> bytes:
    """An int8 .tflite of vectors: a fully connected layer, of two inputs added before it."""
    b = LiteRTBuilder()
    q = Quant((0.02,), -4)
    names = ["features", "others"][:inputs]
    fed = [b.tensor((1, LENGTH), np.int8, q, name=name) for name in names]
    x = fed[0]
    if inputs == 2:
        x = b.tensor((1, LENGTH), np.int8, Quant((0.04,), 2), name="sum")
        b.op("ADD", "AddOptions", fed, [x])
    rng = np.random.default_rng(3)
    weights = b.constant(rng.integers(-127, 128, (6, LENGTH)).astype(np.int8), Quant((0.01,), 0))
    scale = 0.01 * (0.02 if inputs == 1 else 0.04)
    bias = b.constant(rng.integers(-900, 900, 6).astype(np.int32), Quant((scale,), 0))
    y = b.tensor((1, 6), np.int8, Quant((0.1,), 5), name="scores")
    b.op("FULLY_CONNECTED", "FullyConnectedOptions", [x, weights, bias], [y])
    return b.build(fed, [y])


def litert(data: bytes, values: list[np.ndarray]) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found


@pytest.mark.parametrize("inputs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_tflite_of_vectors_with_one_input_or_two(tmp_path: Path, inputs: int) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(dense(inputs))
    values = {"features": INTEGERS, "others": np.ascontiguousarray(INTEGERS[::-1])}
    values = dict(list(values.items())[:inputs])
    out = compiled(model, "--rounding", "double")
    labels = np.arange(COUNT) % 6
    report = validated(out, saved(tmp_path / "inputs.npz", **values, labels=labels))
    assert report["litert_equal"] is True and report["labelled"] == COUNT
    sample = saved(tmp_path / "x.npz", **{name: value[:1] for name, value in values.items()})
    ours = ran(out, sample)["scores"]
    theirs = litert(model.read_bytes(), [value[:1] for value in values.values()])
    np.testing.assert_array_equal(ours.reshape(1, -1), theirs)


@pytest.mark.slow
def test_a_float_network_of_two_inputs(tmp_path: Path) -> None:
    n = Net([1, 2, 6, 5])
    n.inputs.append(helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1, 3]))
    x = n("Flatten", n("GlobalAveragePool", n.conv("image", 2, 4)))
    y = n("Gemm", "speed", n.weights(4, 3), transB=1)
    model = n.save(tmp_path, n("Add", x, y, out="sum"))
    arrays = {
        "image": RNG.normal(0, 1, (COUNT, 2, 6, 5)).astype(np.float32),
        "speed": RNG.normal(0, 1, (COUNT, 3)).astype(np.float32),
    }
    data = saved(tmp_path / "inputs.npz", **arrays)
    out = compiled(model, "--data", data)
    report = validated(out, data)
    ways = {way["name"]: way for way in report["ways"]}
    assert ways["host"]["cosine"] > 0.99 and ways["host"]["different_pictures"] == 0


def test_a_folder_of_samples_by_class(tmp_path: Path) -> None:
    """A file a sample, a folder a class, as sound is kept; one of each class calibrates first."""
    model = keywords(tmp_path)
    floats = np.concatenate([runtime(model, {"image": row[None]})[0] for row in REAL])
    classes = floats.argmax(axis=1)
    data = tmp_path / "words"
    for label in range(CLASSES):
        (data / f"word{label}").mkdir(parents=True)
    for index, (row, label) in enumerate(zip(REAL, classes, strict=True)):
        np.save(data / f"word{label}" / f"{index:02}.npy", row)
    out = compiled(model, "--data", data)
    facts = json.loads((out / "manifest.json").read_text())["quantization"]["calibration"]
    firsts = {label: int(np.flatnonzero(classes == label)[0]) for label in set(classes.tolist())}
    assert facts["count"] == COUNT
    assert facts["first"] == f"{firsts[min(firsts)]:02}.npy"
    report = validated(out, data)
    assert report["images"] == report["labelled"] == COUNT
    assert report["float_top1"] == 1.0


@pytest.mark.parametrize("shape", [[1, 3], [1, 1, 20], [1, 16, 20]])
def test_a_float_network_of_anything_says_how_samples_are_given(
    shape: list[int], tmp_path: Path
) -> None:
    """Three values are no picture of one pixel, a sound of one channel none of one row."""
    n = Net(shape)
    x = n("Relu", n("Add", "image", n.const(np.linspace(-1, 1, shape[-1]))))
    model = n.save(tmp_path, n("Flatten", x, out="y"))
    arguments = ("compile", model, "--board", BOARD, "--c-only", "--out", tmp_path / "out")
    refused = mcucc(*arguments)
    wanted = ", ".join(map(str, ["N", *shape[1:]]))
    assert refused.code == 2
    assert f"its input image is {shape}" in refused.err
    assert "--data FILE.npy, written by numpy.save, with floats as the network reads them, " in (
        refused.err
    )
    assert f"[{wanted}] (N samples)" in refused.err
    data = one(tmp_path / "x.npy", RNG.normal(0, 1, (4, *shape[1:])))
    assert validated(compiled(model, "--data", data), data)["images"] == 4


def test_what_may_be_a_picture_gets_a_toml_that_fits(tmp_path: Path) -> None:
    n = Net([1, 1, 9, 7])
    model = n.save(tmp_path, n.conv("image", 1, 4, out="y"))
    arguments = ("compile", model, "--board", BOARD, "--c-only", "--out", tmp_path / "out")
    refused = mcucc(*arguments)
    assert refused.code == 2
    assert "where it reads no pictures give samples: --data FILE.npy" in refused.err
    text = refused.err[refused.err.index("[preprocess]") : refused.err.index("where it reads no")]
    model.with_suffix(".toml").write_text(text)
    pictures = RNG.integers(0, 256, (4, 9, 7), np.uint8)
    data = saved(tmp_path / "pictures.npz", images=pictures)
    assert validated(compiled(model, "--data", data), data)["images"] == 4
