"""Every trained .tflite of the zoo against LiteRT, tensor by tensor, on real pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from mcucc.evaluate.datasets import load_dataset
from mcucc.evaluate.preprocess import find_preprocess
from mcucc.frontends.quantized import ImportedQuantized
from mcucc.frontends.tflite import import_tflite
from mcucc.frontends.tflite_file import read_tflite
from mcucc.numerics import Requant, Rounding
from mcucc.ops.base import Kernel, hwc
from mcucc.ops.conv2d import Conv2dKernel
from mcucc.ops.depthwise_conv2d import DepthwiseConv2dKernel
from mcucc.ops.pad import PadKernel
from mcucc.quantize.lower import lower
from tests.conftest import SHARED

pytestmark = pytest.mark.zoo
PICTURES = 20
FOLDERS = {"cifar10": "cifar10.npz"}
MODELS = sorted(Path(os.environ.get("MCUCC_ZOO", SHARED / "zoo")).glob("tflite/*.tflite"))
each_model = pytest.mark.parametrize(
    "path", MODELS or [pytest.param(None, id="no-zoo")], ids=lambda p: p.stem if p else "no-zoo"
)


class Run:
    """One model, its pictures, and LiteRT with all tensors kept."""

    def __init__(self, path: Path, zoo: Path, data: Path, resolver: OpResolverType) -> None:
        self.imported: ImportedQuantized = import_tflite(path)
        self.path, self.zoo, self.data = path, zoo, data
        self.interpreter = Interpreter(
            model_path=str(path),
            num_threads=1,
            experimental_op_resolver_type=resolver,
            experimental_preserve_all_tensors=True,
        )
        self.interpreter.allocate_tensors()

    def pictures(self) -> Iterator[np.ndarray]:
        """Network inputs in the file's own type."""
        manifest = json.loads((self.zoo / "manifest.json").read_text())
        task = manifest[f"tflite/{self.path.name}"]["task"].split()[0]
        preprocess = find_preprocess(self.path)
        (end,) = self.imported.inputs
        for item in load_dataset(self.data / FOLDERS.get(task, task)).items[:PICTURES]:
            camera = item.load(preprocess)
            real = preprocess.real_values(camera).reshape(end.shape)
            if end.dtype == np.float32:
                yield real
            else:
                assert end.quant is not None
                q = np.rint(real / end.quant.per_tensor_scale) + end.quant.zero_point
                info = np.iinfo(end.dtype)
                yield np.clip(q, info.min, info.max).astype(end.dtype)

    def invoke(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """LiteRT's int8 tensors by the graph's names."""
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"], picture)
        self.interpreter.invoke()
        tensors = self.imported.graph.tensors
        return {
            name: self.interpreter.get_tensor(index).reshape(1, *hwc(tensors[name].shape))
            for name, index in self.imported.sources.items()
        }

    def feed(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        (end,) = self.imported.inputs
        return {end.tensor: end.to_int8(picture).reshape(1, *hwc(end.shape))}


@each_model
def test_double_equals_the_reference_kernels_on_every_tensor(
    path: Path, zoo_dir: Path, data_dir: Path
) -> None:
    run = Run(path, zoo_dir, data_dir, OpResolverType.BUILTIN_REF)
    graph = lower(run.imported.graph, Rounding.DOUBLE)
    compared: set[str] = set()
    for picture in run.pictures():
        theirs = run.invoke(picture)
        ours = graph.run(run.feed(picture))
        for name in ours.keys() & theirs.keys():
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
            compared.add(name)
        details = run.interpreter.get_output_details()
        for end, detail in zip(run.imported.outputs, details, strict=True):
            output = end.from_int8(ours[end.tensor].reshape(end.shape))
            np.testing.assert_array_equal(output, run.interpreter.get_tensor(detail["index"]))
    # All nodes but the ends whose uint8 form LiteRT keeps, and the halves of split operators.
    assert len(compared) >= len(graph.nodes) - 3


@each_model
def test_single_equals_the_default_path_but_for_its_float_products(
    path: Path, zoo_dir: Path, data_dir: Path
) -> None:
    """Operator by operator on LiteRT's own inputs (docs/numerics-litert.md says why)."""
    run = Run(path, zoo_dir, data_dir, OpResolverType.AUTO)
    single = lower(run.imported.graph, Rounding.SINGLE)
    double = {n.name: n.kernel for n in lower(run.imported.graph, Rounding.DOUBLE).nodes}
    negative = negative_scales(run)
    for picture in run.pictures():
        values = {**run.feed(picture), **run.invoke(picture)}
        for node in single.nodes:
            if node.output not in values or any(name not in values for name in node.inputs):
                continue
            inputs = [values[name] for name in node.inputs]
            theirs = values[node.output]
            if node.output in negative:  # XNNPACK declines these: LiteRT's own kernel runs
                np.testing.assert_array_equal(double[node.name].run(inputs), theirs)
                continue
            low, high = bounds(node.kernel, inputs)
            assert ((low <= theirs) & (theirs <= high)).all(), node.name


def negative_scales(run: Run) -> set[str]:
    """Outputs of operators whose weights have a negative scale."""
    file = read_tflite(run.path)
    names = {index: name for name, index in run.imported.sources.items()}
    return {
        names[op.outputs[0]]
        for op in file.operators
        if op.outputs[0] in names
        and any(scale < 0 for i in op.inputs for scale in (file.tensors[i].scale if i >= 0 else ()))
    }


def bounds(kernel: Kernel, inputs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Our outputs with the product acc * M off by a few float32 roundings, either way.

    XNNPACK multiplies in float32 (relative error 2^-24 for acc, M and product); outputs whose exact
    product is that close to a tie may be rounded to the other side. Others have nothing to spare.
    """
    if not isinstance(kernel, Conv2dKernel | DepthwiseConv2dKernel):
        exact = kernel.run(inputs)
        return exact, exact
    requant = kernel.sums.requant
    outputs = []
    for sign in (-1, 1):
        moved = requant.multiplier + sign * (requant.multiplier >> 22)
        changed: Any = replace(
            kernel,
            sums=replace(kernel.sums, requant=Requant(moved, requant.shift, Rounding.SINGLE)),
        )
        outputs.append(changed.run(inputs))
    return np.minimum(*outputs), np.maximum(*outputs)


def test_the_zoo_has_the_models_this_ring_is_about(zoo_dir: Path) -> None:
    assert MODELS, f"no .tflite in {zoo_dir}/tflite"


def test_every_pad_before_a_convolution_is_folded(zoo_dir: Path) -> None:
    for path in MODELS:
        graph = lower(import_tflite(path).graph, Rounding.DOUBLE)
        pads = [node.kernel.op for node in graph.nodes if isinstance(node.kernel, PadKernel)]
        assert not any(pad.pads for pad in pads), path  # channel pads before an Add stay
