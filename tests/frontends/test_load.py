"""One loader for every verb: the format by content, open shapes given, foreign files by name."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import QuantFormat, quantize_static

import mcucc
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.errors import DataError, ModelError
from mcucc.frontends.file_kind import format_of
from mcucc.frontends.imported import Format
from mcucc.frontends.load import load_model
from tests.cli.project import mcucc as command
from tests.frontends.onnx_nets import Net
from tests.frontends.test_qdq import Calibration
from tests.frontends.test_tflite_ops import Case


def quantized(folder: Path, form: QuantFormat, layers: int = 1, opened: bool = True) -> Path:
    """A quantized network with open height and width."""
    n = Net([1, 3, 12, 12])
    x = n.conv("image", 3, 4)
    for _ in range(layers - 1):
        x = n("Relu", n.conv(x, 4, 4))
    path = n.save(folder, x)
    target = folder / "int8.onnx"
    quantize_static(str(path), str(target), Calibration(), quant_format=form)
    if not opened:
        return target
    model = onnx.load(str(target))
    for name, dim in zip("HW", model.graph.input[0].type.tensor_type.shape.dim[2:], strict=True):
        dim.dim_param = name
    del model.graph.value_info[:]
    onnx.save(model, str(target))
    return target


def tflite(folder: Path, name: str = "net.tflite") -> Path:
    case = Case(1)
    x = case.input((1, 6, 6, 3))
    y = case.builder.tensor((1, 6, 6, 3), np.int8, case.quant())
    case.builder.op("RELU", None, [x], [y])
    path = folder / name
    path.write_bytes(case.builder.build([x], [y]))
    return path


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
def test_an_open_shape_is_given_to_a_quantized_network(tmp_path: Path, form: QuantFormat) -> None:
    path = quantized(tmp_path, form)
    shapes = {"image": (1, 3, 8, 10)}
    options = NetworkOptions(input_shapes=shapes)
    network = load_network(path, options)
    loaded = mcucc.load(path, input_shapes=shapes).graph
    for graph in (network.graph, loaded):
        assert graph.tensors[graph.inputs[0]].shape == (1, 8, 10, 3)
        assert graph.tensors[graph.outputs[0]].shape == (1, 8, 10, 4)
    words = ("--board", "bluepill", "--input-shape", "image=1,3,8,10")
    assert command("analyze", path, *words).code == 0
    assert command("plan", path, *words).code == 0
    with pytest.raises(ModelError, match="--input-shape image=1,3,224,224"):
        load_model(path)


def test_a_tflite_has_the_shapes_it_was_converted_with(tmp_path: Path) -> None:
    path = tflite(tmp_path)
    (end,) = load_model(path).inputs
    load_model(path, input_shapes={end.name: (1, 6, 6, 3)})
    with pytest.raises(ModelError, match="fixed when it is converted") as error:
        load_model(path, input_shapes={end.name: (1, 8, 8, 3)})
    assert "[1, 8, 8, 3]" in error.value.hint
    with pytest.raises(ModelError, match=f"'nothing', the inputs are {end.name}"):
        load_model(path, input_shapes={"nothing": (1, 6, 6, 3)})


@pytest.mark.parametrize("name", ["net.lite", "net.bin", "net", "net.onnx", "net.tflite"])
def test_the_content_decides_on_the_format(tmp_path: Path, name: str) -> None:
    assert load_model(tflite(tmp_path, name)).format is Format.TFLITE
    n = Net([1, 3, 8, 8])
    path = n.save(tmp_path, n.conv("image", 3, 4))
    model = path.read_bytes()
    path.unlink()
    (tmp_path / name).write_bytes(model)
    assert format_of(tmp_path / name) is Format.ONNX
    assert load_model(tmp_path / name).graph.outputs == ("conv_0",)


CONTENTS = {
    "a git-annex pointer": b"/annex/objects/SHA256E-s12--4d7a.tflite\n",
    "a PyTorch": None,
    "compressed by gzip": gzip.compress(b"x" * 99),
    "a web page": b"\n <html><head></head></html>",
    "OpenVINO": b'<?xml version="1.0"?><net name="x" version="11"></net>',
    "a JSON text": b'{"error": "not found"}',
    "safetensors": (60).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}' + bytes(60),
    "ExecuTorch": b"\x08\0\0\0ET12" + bytes(40),
    "a Python pickle": b"\x80\x02}q\0." + bytes(40),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(40),
    "a TensorFlow graph": b"\n\x1c\n\x05input\x12\x0bPlaceholder*\x0b\n\x05dtype\x12\x020\x01",
    "a zip archive that is damaged": b"PK\x03\x04" + bytes(20),
}


@pytest.mark.parametrize("words", CONTENTS)
@pytest.mark.parametrize("suffix", [".onnx", ".tflite", ".pt"])
def test_a_foreign_file_is_called_what_it_is(tmp_path: Path, words: str, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    content = CONTENTS[words]
    if content is None:
        shutil.make_archive(str(tmp_path / "pt"), "zip", packed(tmp_path))
        content = (tmp_path / "pt.zip").read_bytes()
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as error:
        load_model(path)
    assert error.value.hint


def packed(folder: Path) -> Path:
    inside = folder / "packed" / "net"
    inside.mkdir(parents=True)
    (inside / "data.pkl").write_bytes(b"\x80\x02}q\0.")
    return inside.parent


def test_the_folder_of_a_saved_model(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    with pytest.raises(ModelError, match="SavedModel"):
        load_model(tmp_path)


def test_weights_whose_file_is_a_pointer(tmp_path: Path) -> None:
    n = Net([1, 3, 8, 8])
    model, path = n.model(n.conv("image", 3, 4)), tmp_path / "net.onnx"
    onnx.save_model(
        model, str(path), save_as_external_data=True, location="w.bin", size_threshold=0
    )
    (tmp_path / "w.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    with pytest.raises(ModelError, match="is a Git LFS pointer"):
        load_model(path)


def test_a_float_network_that_reads_no_picture(tmp_path: Path) -> None:
    n = Net([1, 1960])
    path = n.save(tmp_path, n("Gemm", "image", n.weights(4, 1960), transB=1))
    with pytest.raises(
        DataError, match=r"reads no picture: its input image is \[1, 1960\]"
    ) as error:
        load_network(path, NetworkOptions())
    assert "--data FILE.npy" in error.value.hint
