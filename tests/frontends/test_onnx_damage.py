"""Files that are not what they should be: one clear error each, never a crash or a wrong graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mcucc.errors import ModelError, UnsupportedError
from mcucc.frontends.onnx.importer import import_onnx
from tests.frontends.onnx_nets import Net


def _net(shape: tuple[object, ...] = (1, 3, 8, 8), opset: int = 17) -> Net:
    net = Net(list(shape), opset)
    x = net("Relu", net.conv("image", 3, 4))
    net("Gemm", net("Flatten", net("GlobalAveragePool", x)), net.weights(4, 2), out="logits")
    return net


def _refused(path: Path, *words: str, **options: object) -> ModelError:
    with pytest.raises(ModelError) as caught:
        import_onnx(path, **options)  # type: ignore[arg-type]
    for word in (*words, path.name):
        assert word in str(caught.value)
    return caught.value


def test_missing_empty_text_and_folder(tmp_path: Path) -> None:
    _refused(tmp_path / "none.onnx", "no such file")
    (tmp_path / "empty.onnx").write_bytes(b"")
    _refused(tmp_path / "empty.onnx", "empty")
    (tmp_path / "text.onnx").write_text("this is not a model\n" * 50)
    _refused(tmp_path / "text.onnx")
    (tmp_path / "folder.onnx").mkdir()
    _refused(tmp_path / "folder.onnx", "cannot be read")


def test_truncated_at_any_place(tmp_path: Path) -> None:
    content = _net().save(tmp_path, "logits").read_bytes()
    path = tmp_path / "short.onnx"
    for length in range(1, len(content) - 1, max(len(content) // 40, 1)):
        path.write_bytes(content[:length])
        with pytest.raises(ModelError):
            import_onnx(path)


@pytest.mark.parametrize("opset", [6, 25])
def test_opsets_out_of_range(tmp_path: Path, opset: int) -> None:
    model = _net().model("logits")
    model.opset_import[0].version = opset
    onnx.save(model, str(tmp_path / "net.onnx"))
    _refused(tmp_path / "net.onnx", f"opset {opset}", "7 to 24")


def test_quantized_model_is_another_kind(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8])
    zero = net.const(0, np.int8)
    net("QuantizeLinear", "image", net.const(0.1), zero, out="q")
    _refused(net.save(tmp_path, "q"), "quantized")


def test_integer_input_is_another_kind(tmp_path: Path) -> None:
    net = _net()
    net.inputs[0].type.tensor_type.elem_type = TensorProto.UINT8
    _refused(net.save(tmp_path, "logits"), "image", "uint8")


def test_open_dimensions_name_the_input_and_the_option(tmp_path: Path) -> None:
    path = _net((1, 3, "height", 8)).save(tmp_path, "logits")
    error = _refused(path, "image", "height")
    assert "--input-shape image=1,3,224,8" in error.hint
    graph = import_onnx(path, input_shapes={"image": (1, 3, 16, 8)}).graph
    assert graph.tensors["image"].shape == (1, 16, 8, 3)
    _refused(path, "contradicts", input_shapes={"image": (1, 4, 16, 8)})
    _refused(path, "picture", input_shapes={"picture": (1, 3, 16, 8)})


def test_batches(tmp_path: Path) -> None:
    assert import_onnx(_net(("n", 3, 8, 8)).save(tmp_path, "logits")).graph.nodes
    path = _net((8, 3, 8, 8)).save(tmp_path, "logits")
    error = _refused(path, "batch is 8")
    assert "--input-shape image=1,3,8,8" in error.hint
    assert import_onnx(path, input_shapes={"image": (1, 3, 8, 8)}).graph.nodes


def test_absurd_sizes(tmp_path: Path) -> None:
    _refused(_net((1, 3, 10**6, 10**6)).save(tmp_path, "logits"), "image")
    net = Net([1, 3, 8, 8])
    huge = net("ConstantOfShape", net.ints(10**6, 10**6))
    net("Add", "image", huge, out="y")
    _refused(net.save(tmp_path, "y"), "absurdly large")
    net = Net([1, 3, 8, 8])
    net("Pad", "image", net.ints(0, 0, 10**6, 10**6, 0, 0, 0, 0), out="y")
    _refused(net.save(tmp_path, "y"), "absurdly large")
    net = Net([1, 3, 8, 8])
    net("Reshape", "image", net.ints(*[1] * 5000, 192), out="y")
    _refused(net.save(tmp_path, "y"), "5001 axes")
    for window in ({"dilations": [2**40] * 2, "pads": [2**40] * 4}, {"strides": [2**40] * 2}):
        net = Net([1, 3, 8, 8])
        net("Conv", "image", net.weights(4, 3, 3, 3), out="y", **window)
        _refused(net.save(tmp_path, "y"), "a window of 3x3")
    model = _net().model("logits")
    model.graph.initializer[0].dims[0] = 2**40
    onnx.save(model, str(tmp_path / "net.onnx"))
    _refused(tmp_path / "net.onnx", "elements")


@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../outside.bin", "a/../../outside.bin", "", "a\0b"]
)
def test_external_data_outside_the_folder(tmp_path: Path, location: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(10_000))
    model = _net().model("logits")
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.ClearField("raw_data")
    path = tmp_path / "inner" / "net.onnx"
    path.write_bytes(model.SerializeToString())
    _refused(path, "outside the model's folder")


def test_external_data_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(10_000))
    (tmp_path / "inner" / "weights.bin").symlink_to(tmp_path / "outside.bin")
    model = _net().model("logits")
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    path = tmp_path / "inner" / "net.onnx"
    path.write_bytes(model.SerializeToString())
    _refused(path, "outside the model's folder")


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    net = _net()
    plain = import_onnx(net.save(tmp_path, "logits"))
    path = tmp_path / "external.onnx"
    model = net.model("logits")
    onnx.save(model, str(path), save_as_external_data=True, location="w.bin", size_threshold=0)
    loaded = import_onnx(path)
    for name, tensor in plain.graph.tensors.items():
        if tensor.data is not None:
            np.testing.assert_array_equal(loaded.graph.tensors[name].constant, tensor.data)
    (tmp_path / "w.bin").write_bytes(b"\0" * 10)
    _refused(path, "too short")


def test_weights_that_are_not_finite(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8])
    weights = np.ones((4, 3, 1, 1))
    weights[1] = np.nan
    net("Conv", "image", net.const(weights), out="y")
    _refused(net.save(tmp_path, "y"), "NaN")


def test_nodes_out_of_order_and_unknown_values(tmp_path: Path) -> None:
    net = _net()
    net.nodes.reverse()
    _refused(net.save(tmp_path, "logits"), "nothing before it computes")
    _refused(_net().save(tmp_path, "other"), "output other")


def test_outputs_that_are_all_constants(tmp_path: Path) -> None:
    net = _net()
    net("Identity", net.const([1.0]), out="fixed")
    _refused(net.save(tmp_path, "fixed"), "every output is a constant")


def test_all_unsupported_nodes_at_once(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8], 18)
    x = net("Hardmax", net.conv("image", 3, 4))
    x = net("Bernoulli", net.conv(x, 4, 4))
    x = net("LpPool", x, kernel_shape=[1, 1])
    net("Sigmoid", net.conv(x, 4, 2, group=3), out="y")
    with pytest.raises(UnsupportedError) as caught:
        import_onnx(net.save(tmp_path, "y"))
    problems = caught.value.problems
    assert [problem.op for problem in problems] == ["Hardmax", "Bernoulli", "LpPool", "Conv"]
    assert "[1, 4, 8, 8]" in problems[1].why
    assert problems[0].node.startswith("n_hardmax")


def test_foreign_domains_are_named(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8])
    net.nodes.append(helper.make_node("Magic", ["image"], ["y"], domain="com.example"))
    with pytest.raises(UnsupportedError, match=r"com\.example"):
        import_onnx(net.save(tmp_path, "y"))


def test_local_functions_are_expanded(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8], 18)
    x = net.conv("image", 3, 4)
    net.nodes.append(helper.make_node("twice_relu", [x], ["y"], domain="local"))
    body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Add", ["b", "b"], ["c"])]
    opsets = [helper.make_opsetid("", 18)]
    function = helper.make_function("local", "twice_relu", ["a"], ["c"], body, opsets)
    model = net.model("y")
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("local", 1))
    onnx.save(model, str(tmp_path / "net.onnx"))
    imported = import_onnx(tmp_path / "net.onnx")
    assert [n.op.kind for n in imported.graph.nodes] == ["Conv2d", "Clip", "Add"]
    # The value inside the function is not in the file: calibration must not ask for it.
    names = {name for node in net.nodes for name in node.output} | {"image"}
    assert {source.name for source in imported.sources.values()} <= names


def test_a_broken_attribute_is_a_problem(tmp_path: Path) -> None:
    net = Net([1, 3, 8, 8])
    net("Conv", "image", net.weights(4, 3, 3, 3), strides=2.5, out="y")
    with pytest.raises(UnsupportedError, match="strides"):
        import_onnx(net.save(tmp_path, "y"))


def test_the_fingerprint_is_the_files(tmp_path: Path) -> None:
    import hashlib

    path = _net().save(tmp_path, "logits")
    assert import_onnx(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_half_precision_weights_become_float32(tmp_path: Path) -> None:
    net = Net([1, 3, 4, 4])
    net.inputs[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    half = numpy_helper.from_array(np.full((2, 3, 1, 1), 0.5, np.float16), "w")
    net.initializers.append(half)
    net("Conv", "image", "w", out="y")
    graph = import_onnx(net.save(tmp_path, "y")).graph
    assert {t.dtype for t in graph.tensors.values()} == {np.dtype(np.float32)}
