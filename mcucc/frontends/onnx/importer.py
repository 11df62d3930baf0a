"""Float ONNX models, opsets 7 to 24, to a float Graph in NHWC.

Layout: every value of the file becomes a `View` of a stored tensor (onnx_view.py). Pictures are
stored NHWC; element-wise operators keep the layout they find; Transpose, Reshape and Flatten only
change the view. A transpose at run time appears where an op needs another order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx

from mcucc.errors import ModelError, Problem, UnsupportedError
from mcucc.frontends.frontier import Follows, frontier
from mcucc.frontends.imported import ConstantOutput, Format, ImportedModel, Port, Source
from mcucc.frontends.onnx.bounds import FOLDED, Folding, check_operations
from mcucc.frontends.onnx.constants import array_of, fold
from mcucc.frontends.onnx.context import Context
from mcucc.frontends.onnx.converters import converters
from mcucc.frontends.onnx.declared import check_shapes
from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS, modernised, opset_of
from mcucc.frontends.onnx.file import inline_functions, is_quantized, read_onnx
from mcucc.frontends.onnx.inputs import ShapeMap, add_inputs, inferred_shapes
from mcucc.frontends.onnx.integers import check_integers
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.onnx.outputs import finish_outputs
from mcucc.frontends.onnx.spellings import spelled_norms
from mcucc.frontends.onnx.steps import label_of, onnx_steps
from mcucc.frontends.onnx.unknown import unknown_operator
from mcucc.frontends.onnx.view import View, storage_shape
from mcucc.frontends.unsupported import UnknownOperator, UnsupportedNode
from mcucc.ir.graph import Graph
from mcucc.ir.tensor import Tensor
from mcucc.ir.verify import verify


def import_onnx(path: Path, *, input_shapes: ShapeMap | None = None) -> ImportedModel:
    """Read a float ONNX model; `input_shapes` gives the shapes the file leaves open.

    Raises ModelError for files that cannot be read or are of another kind, and UnsupportedError
    with every node that cannot be compiled.
    """
    path = Path(path)
    where = str(path)
    file = read_onnx(path)
    if is_quantized(file.model):
        raise ModelError(
            "this is a quantized ONNX model (it holds QuantizeLinear or QLinear operators)",
            where=where,
            hint="the float importer needs the model before quantization",
        )
    return import_model(file.model, path, file.sha256, input_shapes)


def import_model(
    model: onnx.ModelProto,
    path: Path,
    sha256: str,
    input_shapes: ShapeMap | None = None,
    *,
    is_quantized: bool = False,
    channels_last: bool = False,
    own: Collection[str] | None = None,
) -> ImportedModel:
    """The Graph of a float model that has been read from `path`; errors as `import_onnx`.

    `is_quantized`: it is the float network in a quantized file (Context). `channels_last`: its
    pictures usually are (N, H, W, C). `own`: the values that the file has, all that nodes write
    where nothing is said.
    """
    where = str(path)
    written = {name for node in model.graph.node for name in node.output}
    in_file = written if own is None else {*own}
    model = modernised(inline_functions(model, where), where)
    model = spelled_norms(model)
    importer = _Importer(model, where, Context(is_quantized=is_quantized))
    importer.ctx.reserve(
        [name for node in model.graph.node for name in node.output],
        [label_of(node, index) for index, node in enumerate(model.graph.node)],
    )
    add_inputs(importer.ctx, model, input_shapes or {}, where, channels_last=channels_last)
    graph = importer.run(path.stem)
    check_shapes(importer.ctx, model, input_shapes or {}, where)
    in_file.update(
        source.name for name, source in importer.ctx.sources.items() if name in graph.inputs
    )
    sources = {
        name: source
        for name, source in importer.ctx.sources.items()
        if name in graph.tensors and source.name in in_file
    }
    ports = {name: _port(importer.ctx, graph, name) for name in (*graph.inputs, *graph.outputs)}
    return ImportedModel(
        graph=graph,
        model_path=path,
        sha256=sha256,
        format=Format.ONNX,
        inputs=tuple(ports[name] for name in graph.inputs),
        outputs=tuple(ports[name] for name in graph.outputs),
        sources=sources,
        labels=importer.labels,
        constants=importer.constant_outputs(),
        aliases=_aliases(importer.ctx, graph, sources, written & in_file),
    )


def _aliases(
    ctx: Context, graph: Graph, sources: Mapping[str, Source], in_file: Collection[str]
) -> dict[str, str]:
    """A value of the file that holds the numbers of each tensor which has no source."""
    found: dict[str, str] = {}
    for name, view in ctx.views.items():
        lost = view.tensor in graph.tensors and view.tensor not in sources
        if lost and name in in_file:
            found.setdefault(view.tensor, name)
    return found


def _port(ctx: Context, graph: Graph, name: str) -> Port:
    shape = ctx.views[name].shape
    plain = Source(name, tuple(range(len(shape))))
    source = ctx.sources.get(name, plain)
    return Port(source.name, name, shape, graph.tensors[name].shape, source.permutation)


class _Importer:
    """Walks the nodes of a model once, collecting what cannot be compiled."""

    def __init__(self, model: onnx.ModelProto, where: str, ctx: Context) -> None:
        self.model, self.where = model, where
        self.opset = opset_of(model, where)
        self.ctx = ctx
        self.folding = Folding()
        self.problems: list[Problem] = []
        self.lost: set[str] = set()  # values behind a problem, of unknown shape
        self.follows = Follows()
        self.labels: dict[str, str] = {}  # the operator of every node
        self._shapes: ShapeMap | None = None

    def run(self, name: str) -> Graph:
        """The whole graph; UnsupportedError names every node that has no converter."""
        if self.model.graph.sparse_initializer:
            raise ModelError("sparse weights are not compiled", where=self.where)
        for tensor in self.model.graph.initializer:
            try:
                self.ctx.constants[tensor.name] = array_of(tensor)
            except UnsupportedNode as refusal:
                raise ModelError(refusal.why, where=self.where, hint=refusal.hint) from refusal
        for index, proto in enumerate(self.model.graph.node):
            self._node(proto, index)
        if self.problems:
            raise UnsupportedError(self.problems, where=self.where, ends=self._ends())
        ctx = self.ctx
        outputs = finish_outputs(ctx, self.model, self.where)
        inputs = [value.name for value in self.model.graph.input if value.name in ctx.views]
        names = (*ctx.sources, *ctx.views, *ctx.constants)
        graph = Graph(
            name, tuple(ctx.nodes), ctx.tensors, tuple(inputs), outputs, frozenset(names)
        ).with_()
        verify(graph)
        return graph

    def constant_outputs(self) -> dict[str, ConstantOutput]:
        """Outputs of the file that no input reaches, as anchors of detectors are."""
        known = self.ctx.constants
        names = [value.name for value in self.model.graph.output]
        return {name: ConstantOutput(known[name]) for name in names if name in known}

    def _node(self, proto: onnx.NodeProto, index: int) -> None:
        ctx = self.ctx
        check_operations(len(ctx.nodes), self.where)
        label = label_of(proto, index)
        self.labels[label] = proto.op_type
        node = OnnxNode(proto, label, self.opset)
        names = [name for name in proto.input if name]
        known = (ctx.views, ctx.constants, self.lost)
        for name in proto.output:
            if name and any(name in values for values in known):
                raise ModelError(f"value {name} is computed twice", where=self.where)
        for name in names:
            if not any(name in values for values in known):
                raise ModelError(
                    f"node {label} reads {name}, which nothing before it computes",
                    where=self.where,
                    hint="check the file with onnx.checker.check_model",
                )
        try:
            # Broken constants are found by what they become (ctx.weights), not by NumPy's warnings.
            with np.errstate(all="ignore"):
                self._convert(node, names)
        except (ValueError, OverflowError) as error:
            self._problem(node, names, UnsupportedNode.of(error))
        else:
            self._odd(names, proto.output)

    def _convert(self, node: OnnxNode, names: list[str]) -> None:
        ctx = self.ctx
        standard = node.proto.domain in DEFAULT_DOMAINS
        if standard and node.op in ("Shape", "Size") and names and names[0] in ctx.views:
            self._shape_of(node, names[0])
            return
        if standard and node.op == "CastLike" and len(names) > 1 and _is_like(ctx, names):
            # Every activation is a float here, and constants become float32 where they are used.
            ctx.constants[node.output] = ctx.constants[names[0]].astype(np.float32)
            return
        if standard and all(name in ctx.constants for name in names):
            ctx.constants.update(fold(node, ctx.constants, self.folding))
            return
        key = node.op if standard else f"{node.proto.domain}.{node.op}"
        convert = converters().get(key)
        # Of lost values many a node would be known at import: only what never is, is told.
        lost = any(name in self.lost for name in names)
        if lost and (convert is not None or (standard and node.op in FOLDED)):
            self.lost.update(node.proto.output)
            return
        if convert is None:
            raise unknown_operator(node)
        are_integers = check_integers(ctx, node, names)
        made = convert(ctx, node)
        if are_integers:
            ctx.integers_of_file.update(name for name in node.proto.output if name)
        for name, found in (made if isinstance(made, dict) else {node.output: made}).items():
            view = found.canonical()
            ctx.views[name] = view
            permutation = view.permutation((0, 2, 3, 1))
            if view.tensor not in ctx.sources and permutation is not None:
                ctx.sources[view.tensor] = Source(name, permutation)

    def _shape_of(self, node: OnnxNode, name: str) -> None:
        """Shape and Size are known at import: every dimension is."""
        shape = np.array(self.ctx.views[name].shape, np.int64)
        if node.op == "Size":
            self.ctx.constants[node.output] = shape.prod()
            return
        end = node.integer("end", len(shape)) if node.has("end") else len(shape)
        self.ctx.constants[node.output] = shape[node.integer("start") : end]

    def _odd(self, names: Iterable[str], outputs: Iterable[str]) -> None:
        """Note shapes that few operators take: what refuses them has one cause, where they began.

        They are views that cost nothing, and right again behind the next Reshape.
        """
        for name in outputs:
            view = self.ctx.views.get(name)
            if view is not None and _is_odd(view.shape):
                self.follows.passed_on(self.follows.of(names) or name, [name])

    def _ends(self) -> tuple[str, ...]:
        """Where the network can end before what is refused."""
        graph = self.model.graph
        faults = {problem.node for problem in self.problems}
        known = self.ctx.constants
        ends = [value.name for value in graph.output]
        return frontier(onnx_steps(graph.node), faults, known, ends)

    def _problem(self, node: OnnxNode, names: list[str], refusal: UnsupportedNode) -> None:
        """Note a problem and go on with the shapes ONNX infers, to find the others.

        Behind a shape that cannot be compiled what is refused follows from it.
        """
        if self._shapes is None:
            self._shapes = inferred_shapes(self.model, self.ctx)
        shapes = [self._shown(name) for name in node.proto.input if name]
        inputs = f"; inputs {', '.join(shapes)}" if shapes else ""
        cause = "" if isinstance(refusal, UnknownOperator) else self.follows.of(names)
        why = f"{refusal.why}{inputs}"
        self.problems.append(Problem(node.name, node.op, why, refusal.hint, cause))
        for name in node.proto.output:
            if not name:
                continue
            shape = self._shapes.get(name)
            if shape is None or _is_odd(shape):
                self.follows.passed_on(cause or node.name, [name])
            if shape is None:
                self.lost.add(name)
                continue
            order = (0, 2, 3, 1) if len(shape) == 4 and shape[0] == 1 else tuple(range(len(shape)))
            tensor = self.ctx.fresh(f"{name}.unknown")
            stored = storage_shape([shape[axis] for axis in order])
            self.ctx.tensors[tensor] = Tensor(tensor, stored)
            self.ctx.views[name] = View.stored(tensor, shape, order)

    def _shown(self, name: str) -> str:
        if name in self.ctx.views:
            return str(list(self.ctx.views[name].shape))
        if name in self.ctx.constants:
            return f"constant {list(self.ctx.constants[name].shape)}"
        return "unknown"


def _is_like(ctx: Context, names: list[str]) -> bool:
    """Whether a CastLike makes a constant the type of an activation."""
    return names[0] in ctx.constants and names[1] not in ctx.constants


def _is_odd(shape: tuple[int, ...]) -> bool:
    """Whether a shape is neither a picture's nor one within it."""
    return len(shape) > 4 or (len(shape) == 4 and shape[0] != 1)
