"""What is said of an operator that no converter knows: whose it is, and what to do."""

from __future__ import annotations

import onnx

from mcucc.frontends.onnx.dialects import DEFAULT_DOMAINS
from mcucc.frontends.onnx.node import OnnxNode
from mcucc.frontends.unsupported import UnknownOperator

_TORCH = ("aten", "org.pytorch.aten", "prim", "pkg.onnxscript.torch_lib")
_AS_ONNX = "export the float network in operators of ONNX, or quantized by QDQ nodes"
_AS_TORCH = "PyTorch left it behind: export again with dynamo=True, or without this call"


def unknown_operator(node: OnnxNode) -> UnknownOperator:
    """The refusal of a node that no converter knows."""
    domain = node.proto.domain
    if domain in _TORCH:
        return UnknownOperator(f"an operator of PyTorch ({domain}), not of ONNX", _AS_TORCH)
    if domain not in DEFAULT_DOMAINS:
        return UnknownOperator(f"the operator of domain {domain} is not compiled", _AS_ONNX)
    if not onnx.defs.has(node.op, ""):
        why = "no operator of ONNX, but another tool's own: what it computes is not written down"
        return UnknownOperator(why, _AS_ONNX)
    return UnknownOperator("the operator is not compiled")
