"""Every trained .tflite of the zoo against LiteRT, tensor by tensor, on real pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from benchmarks.accuracy import LAYERS, emulate, litert, pictures_of
from benchmarks.litert import DefaultPath, distance
from mcucc.driver.load import NetworkOptions, load_network
from mcucc.driver.measure import reference_bytes
from mcucc.frontends.imported import ImportedModel
from mcucc.frontends.tflite.importer import import_tflite
from mcucc.images.datasets import load_dataset
from mcucc.images.preprocess import find_preprocess
from mcucc.ir.window import hwc
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.pad import PadKernel
from mcucc.quantize.lower import lower
from tests.conftest import SHARED

pytestmark = pytest.mark.zoo
# A network is compared on as many pictures as hold so many values, on two at least and PICTURES at
# most: the largest has 2.8 million a picture, the smallest 18,000.
PICTURES, EMULATED_PICTURES = 20, 2
VALUES = 4_000_000
FOLDERS = {"cifar10": "cifar10.npz"}
MODELS = sorted(Path(os.environ.get("MCUCC_ZOO", SHARED / "zoo")).glob("tflite/*.tflite"))
each_model = pytest.mark.parametrize(
    "path", MODELS or [pytest.param(None, id="no-zoo")], ids=lambda p: p.stem if p else "no-zoo"
)


class Run:
    """One model, its pictures, and LiteRT with all tensors kept."""

    def __init__(self, path: Path, zoo: Path, data: Path, resolver: OpResolverType) -> None:
        self.imported: ImportedModel = import_tflite(path)
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
            camera = item.load(preprocess).image
            real = preprocess.real_values(camera).reshape(end.shape)
            if end.dtype == np.float32:
                yield real
            else:
                assert end.quant is not None
                q = np.rint(real / end.quant.per_tensor_scale) + end.quant.zero_point
                info = np.iinfo(end.dtype)
                yield np.clip(q, info.min, info.max).astype(end.dtype)

    def invoke(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """LiteRT's tensors by the graph's names; those of uint8 less 128, as the graph has them."""
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"], picture)
        self.interpreter.invoke()
        tensors = self.imported.graph.tensors
        return {
            name: _as_int8(self.interpreter.get_tensor(source.index)).reshape(
                1, *hwc(tensors[name].shape)
            )
            for name, source in self.imported.sources.items()
        }

    def feed(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        (end,) = self.imported.inputs
        return {end.tensor: end.to_integers(picture).reshape(1, *hwc(end.shape))}


def _as_int8(values: np.ndarray) -> np.ndarray:
    return (values.astype(np.int16) - 128).astype(np.int8) if values.dtype == np.uint8 else values


@each_model
def test_double_equals_the_reference_kernels_on_every_tensor(
    path: Path, zoo_dir: Path, data_dir: Path
) -> None:
    run = Run(path, zoo_dir, data_dir, OpResolverType.BUILTIN_REF)
    graph = lower(run.imported.graph, Rounding.DOUBLE)
    compared: set[str] = set()
    values = 0
    for number, picture in enumerate(run.pictures()):
        if number >= 2 and values >= VALUES:
            break
        theirs = run.invoke(picture)
        ours = graph.run(run.feed(picture))
        for name in ours.keys() & theirs.keys():
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
            compared.add(name)
            values += ours[name].size
        details = run.interpreter.get_output_details()
        for end, detail in zip(run.imported.outputs, details, strict=True):
            output = end.from_integers(ours[end.tensor].reshape(end.shape))
            np.testing.assert_array_equal(output, run.interpreter.get_tensor(detail["index"]))
    # All nodes but the ends whose uint8 form LiteRT keeps, and the halves of split operators.
    assert len(compared) >= len(graph.nodes) - 3


@each_model
def test_the_default_path_is_single_but_for_its_products(
    path: Path, zoo_dir: Path, data_dir: Path
) -> None:
    """With XNNPACK's float32 products in sums, and LiteRT's own kernel where XNNPACK declines a
    negative scale, every tensor of a whole run is LiteRT's (docs/numerics-litert.md)."""
    run = DefaultPath(path)
    (end,) = run.single.inputs
    outputs = different = 0
    for number, picture in enumerate(pictures_of(path, data_dir, PICTURES).images):
        if number >= 2 and outputs >= VALUES:
            break
        theirs = run.tensors(picture)
        values = {end: theirs[end]}
        for node in run.single.nodes:
            values[node.output] = run.kernels[node.output].run([values[n] for n in node.inputs])
        for name in values.keys() & theirs.keys():
            np.testing.assert_array_equal(values[name], theirs[name], err_msg=name)
        for node, inputs in run.comparable(theirs):
            off = distance(node.kernel.run(inputs), theirs[node.output])
            assert off.max() <= 1, node.name
            if node.output not in run.declined:
                outputs += off.size
                different += int(off.sum())
    assert different <= outputs / 400_000


@pytest.mark.emulated
@each_model
def test_emulated_c_gives_the_reference_kernels_bytes(
    path: Path, zoo_dir: Path, data_dir: Path
) -> None:
    """`emulate` compares them with the C of this host; all pictures: benchmarks/accuracy.py."""
    images = pictures_of(path, data_dir, EMULATED_PICTURES).images
    network = load_network(path, NetworkOptions(rounding=Rounding.DOUBLE))
    emulated = emulate(network, images, LAYERS)
    assert emulated == litert(network, images, Rounding.DOUBLE)
    assert emulated == [reference_bytes(network, network.integer, image) for image in images]


def test_the_zoo_has_the_models_this_ring_is_about(zoo_dir: Path) -> None:
    assert MODELS, f"no .tflite in {zoo_dir}/tflite"


def test_every_pad_before_a_convolution_is_folded(zoo_dir: Path) -> None:
    for path in MODELS:
        graph = lower(import_tflite(path).graph, Rounding.DOUBLE)
        pads = [node.kernel.op for node in graph.nodes if isinstance(node.kernel, PadKernel)]
        assert not any(pad.pads for pad in pads), path  # channel pads before an Add stay
