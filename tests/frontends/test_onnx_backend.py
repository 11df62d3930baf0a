"""The ONNX project's own node cases (onnx.backend.test) through import and the float path.

The first input is the activation, the others become constants, as in a trained network; for
operators of several activations all inputs are activations in a second run. Batches of pictures go
through one by one. Cases left out must be refused with a ModelError, never run wrongly.
"""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mcucc.errors import ModelError
from mcucc.frontends.onnx.dialects import NEWEST_OPSET, OLDEST_OPSET
from mcucc.frontends.onnx.importer import import_onnx
from mcucc.ir.float_run import evaluate_graph
from mcucc.passes.pipeline import optimize

# Modules of onnx.backend.test.case.node, and how many of their cases must at least run.
MODULES = {
    "abs": 1,
    "add": 3,
    "argmax": 16,
    "argmin": 16,
    "attention": 28,
    "averagepool": 14,
    "batch_normalization": 2,
    "cast": 6,
    "castlike": 6,
    "ceil": 2,
    "celu": 2,
    "clip": 9,
    "concat": 12,
    "conv": 6,
    "convtranspose": 6,
    "cos": 2,
    "depthtospace": 2,
    "div": 3,
    "dropout": 4,
    "einsum": 1,
    "elu": 3,
    "erf": 1,
    "exp": 2,
    "expand": 2,
    "flatten": 3,
    "floor": 2,
    "gather": 3,
    "gathernd": 1,
    "gelu": 4,
    "gemm": 10,
    "globalaveragepool": 2,
    "globalmaxpool": 2,
    "groupnormalization": 2,
    "hardsigmoid": 3,
    "hardswish": 1,
    "identity": 1,
    "instance_normalization": 2,
    "layernormalization": 10,
    "leakyrelu": 3,
    "log": 2,
    "logsoftmax": 7,
    "lpnormalization": 3,
    "matmul": 1,
    "max": 3,
    "maxpool": 12,
    "min": 3,
    "mish": 1,
    "mul": 4,
    "neg": 2,
    "pad": 3,
    "pow": 1,
    "prelu": 2,
    "reciprocal": 2,
    "reduce_log_sum": 4,
    "reduce_log_sum_exp": 8,
    "reducel1": 8,
    "reducel2": 8,
    "reducemax": 8,
    "reducemean": 8,
    "reducemin": 8,
    "reduceprod": 8,
    "reducesum": 10,
    "reducesumsquare": 8,
    "relu": 1,
    "reshape": 9,
    "resize": 24,
    "rmsnormalization": 17,
    "round": 1,
    "selu": 3,
    "shrink": 2,
    "sigmoid": 2,
    "sign": 1,
    "sin": 2,
    "slice": 6,
    "softmax": 7,
    "softplus": 2,
    "softsign": 2,
    "spacetodepth": 4,
    "split": 14,
    "sqrt": 2,
    "squeeze": 2,
    "sub": 4,
    "sum": 2,
    "swish": 1,
    "tanh": 2,
    "thresholdedrelu": 3,
    "tile": 1,
    "transpose": 7,
    "unsqueeze": 7,
}
SEVERAL_ACTIVATIONS = ("add", "concat", "div", "einsum", "max", "min", "mul", "sub", "sum")

LEFT_OUT = {
    "training": [
        "test_batchnorm_epsilon_training_mode",
        "test_batchnorm_example_training_mode",
        "test_training_dropout",
        "test_training_dropout_default",
        "test_training_dropout_default_mask",
        "test_training_dropout_mask",
        "test_training_dropout_zero_ratio",
        "test_training_dropout_zero_ratio_mask",
    ],
    "a second output": [
        "test_dropout_default_mask",
        "test_dropout_default_mask_ratio",
        "test_maxpool_with_argmax_2d_precomputed_pads",
        "test_maxpool_with_argmax_2d_precomputed_strides",
    ],
    "not a 2-D picture": [
        "test_averagepool_3d_default",
        "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False",
        "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True",
        "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False",
        "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True",
        "test_averagepool_3d_dilations_small",
        "test_maxpool_3d_default",
        "test_maxpool_3d_dilations",
        "test_maxpool_3d_dilations_use_ref_impl",
        "test_maxpool_3d_dilations_use_ref_impl_large",
    ],
    "the batch is reshaped": [
        "test_flatten_axis0",
        "test_flatten_axis2",
        "test_flatten_axis3",
        "test_flatten_negative_axis1",
        "test_flatten_negative_axis2",
        "test_flatten_negative_axis4",
    ],
    "matrices of a batch, a vector on the right, a bias that differs from row to row": [
        "test_gemm_default_matrix_bias",
        "test_matmul_1d_1d",
        "test_matmul_1d_3d",
        "test_matmul_3d",
        "test_matmul_4d",
        "test_matmul_4d_1d",
        "test_matmul_bcast",
    ],
    "an empty value": [
        "test_reshape_allowzero_reordered",
        "test_slice_start_out_of_bounds",
    ],
    "a transposed convolution of several groups, dilated, of an output beyond its taps": [
        "test_convtranspose_3d",
        "test_convtranspose_dilations",
        "test_convtranspose_group_2",
        "test_convtranspose_group_2_image_3",
        "test_convtranspose_output_shape",
    ],
    "a size that is no whole number": [
        "test_resize_downsample_scales_cubic_align_corners",
        "test_resize_downsample_scales_linear_align_corners",
    ],
    "cubes without phases of their own, or with borders that are left out": [
        "test_resize_downsample_scales_cubic",
        "test_resize_downsample_scales_cubic_A_n0p5_exclude_outside",
        "test_resize_upsample_scales_cubic_A_n0p5_exclude_outside",
        "test_resize_upsample_scales_cubic_align_corners",
        "test_resize_upsample_sizes_cubic",
    ],
    "filters against aliasing": [
        "test_resize_downsample_scales_cubic_antialias",
        "test_resize_downsample_scales_linear_antialias",
        "test_resize_downsample_sizes_cubic_antialias",
        "test_resize_downsample_sizes_linear_antialias",
    ],
    "a part of the picture": [
        "test_resize_tf_crop_and_resize",
        "test_resize_tf_crop_and_resize_axes_2_3",
        "test_resize_tf_crop_and_resize_axes_3_2",
        "test_resize_tf_crop_and_resize_extrapolation_value",
    ],
    "the batch is repeated, or picked from": ["test_tile", "test_gather_0"],
    "backwards": ["test_slice_neg_steps"],
    "an exponent a value": [
        "test_pow",
        "test_pow_bcast_array",
        "test_pow_example",
        "test_pow_types_float32_int32",
        "test_pow_types_float32_int64",
        "test_pow_types_float32_uint32",
        "test_pow_types_float32_uint64",
    ],
}
LEFT_OUT |= {
    "another equation": [
        "test_einsum_batch_diagonal",
        "test_einsum_inner_prod",
        "test_einsum_scalar",
        "test_einsum_sum",
        "test_einsum_transpose",
    ],
    "vectors of sum 1": [
        "test_l1normalization_axis_0",
        "test_l1normalization_axis_1",
        "test_l1normalization_axis_last",
    ],
    "a norm over the batch": [
        "test_layer_normalization_4d_axis0",
        "test_layer_normalization_4d_axis_negative_4",
        "test_rms_normalization_4d_axis0",
        "test_rms_normalization_4d_axis_negative_4",
    ],
}
LEFT_OUT["an empty value"] += [
    "test_reduce_l1_empty_set",
    "test_reduce_l2_empty_set",
    "test_reduce_log_sum_empty_set",
    "test_reduce_log_sum_exp_empty_set",
    "test_reduce_max_empty_set",
    "test_reduce_min_empty_set",
    "test_reduce_prod_empty_set",
    "test_reduce_sum_empty_set",
    "test_reduce_sum_empty_set_non_reduced_axis_zero",
    "test_reduce_sum_square_empty_set",
    "test_split_zero_size_splits_opset13",
    "test_split_zero_size_splits_opset18",
]
# Modules of which no case is run, and why.
NOT_RUN = {
    "operators of no network for inference on pictures": (
        "adagrad adam affinegrid bernoulli blackmanwindow causal_conv_with_state center_crop_pad "
        "col2im cumprod cumsum deformconv det dft flexattention gridsample hammingwindow "
        "hannwindow image_decoder linear_attention lrn maxunpool melweightmatrix momentum "
        "negativeloglikelihoodloss nonmaxsuppression roialign rotaryembedding "
        "softmax_cross_entropy_loss stft swiglu tensorscatter tfidfvectorizer"
    ),
    "functions that no table is made of": "acos acosh asin asinh atan atanh cosh sinh tan",
    "recurrent networks and control flow": (
        "gru if_ loop lstm optionalgetelement optionalhaselement rnn scan sequence_map "
        "sequenceinsert splittosequence"
    ),
    "strings and bits": (
        "bitcast bitshift bitwiseand bitwisenot bitwiseor bitwisexor regex_full_match "
        "string_concat string_split stringnormalizer"
    ),
    "integers and booleans, computed at import where they are constants": (
        "and_ compress constant constantofshape equal eyelike gatherelements greater "
        "greater_or_equal isinf isnan less less_or_equal mod nonzero not_ onehot or_ rangeop "
        "reversesequence scatter scatterelements scatternd shape size trilu unique where xor"
    ),
    "quantized files, read by mcucc.frontends.qdq and tested there": (
        "convinteger dequantizelinear dynamicquantizelinear matmulinteger qlinearconv "
        "qlinearmatmul quantizelinear"
    ),
    "not compiled": ("hardmax lppool mean meanvariancenormalization topk upsample"),
}
OF_ATTENTION = {
    "past": "keys of earlier calls",
    "cache": "keys of earlier calls",
    "nonpad": "keys of earlier calls",
    "padded_kv": "keys of earlier calls",
    "softcap": "scores that are bounded",
    "qk_matmul": "scores as an output",
    "window": "an attribute of a newer opset",
    "nan_robustness": "a query without keys",
}
MASKED = "a mask a picture"
REASON = {name: reason for reason, names in LEFT_OUT.items() for name in names}
INDICES = ("argmax", "argmin")  # whose outputs are integers
FLOATS = (np.float16, np.float32, np.float64)


def _cases(module: str) -> list[Any]:
    """The cases of one module; importing it generates them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case import node as room

        loaded = importlib.import_module(f"onnx.backend.test.case.node.{module}")
    classes = {value.__name__.lower() for value in vars(loaded).values() if isinstance(value, type)}
    ops = {module.replace("_", ""), *classes}
    cases = [case for case in room._NodeTestCases if case.kind == "node"]
    return [
        case
        for case in cases
        if len(case.model.graph.node) == 1
        and case.model.graph.node[0].op_type.lower() in ops
        # Expanded cases are the operator's body in other operators.
        and "_expanded" not in case.name
    ]


def _reason(module: str, case: Any) -> str | None:
    inputs, outputs = case.data_sets[0]
    arrays = [_array(value) for value in (inputs[0], outputs[0])]
    if module in INDICES:
        del arrays[1:]
    if any(array is None or array.dtype not in FLOATS for array in arrays):
        return "another element type"
    if module == "attention":
        found = next((why for word, why in OF_ATTENTION.items() if word in case.name), None)
        return found or (MASKED if _masks_a_batch(case) else None)
    return REASON.get(case.name)


def _masks_a_batch(case: Any) -> bool:
    """A mask a picture, where pictures are computed one by one."""
    first, *others = map(_array, case.data_sets[0][0])
    mask = others[2] if len(others) > 2 else None
    return first.ndim == 4 and mask is not None and mask.ndim == 4 and mask.shape[0] > 1


def _array(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value if isinstance(value, np.ndarray | np.generic) else None


def _save(case: Any, path: Path, activations: int) -> list[str]:
    """The case as a file, inputs from `activations` on as constants; names of the others."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for entry in model.opset_import:
        entry.version = min(max(entry.version, OLDEST_OPSET), NEWEST_OPSET)
    node = model.graph.node[0]
    if node.op_type == "LayerNormalization":  # mean and deviation are for training
        del node.output[1:], model.graph.output[1:]
    names = [value.name for value in model.graph.input]
    for name, value in list(zip(names, case.data_sets[0][0], strict=True))[activations:]:
        array = _array(value)
        if array is not None:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    onnx.save(model, str(path))
    return names[:activations]


def _run(path: Path, names: Sequence[str], feeds: Sequence[Any], wanted: Sequence[Any]) -> Any:
    """The network's outputs, one picture after the other where there is a batch."""
    pictures = feeds[0].shape[0] if feeds[0].ndim == 4 else 1
    split = pictures > 1
    shapes = {n: (1, *f.shape[1:]) for n, f in zip(names, feeds, strict=True)} if split else None
    model = import_onnx(path, input_shapes=shapes)
    results: list[list[Any]] = [[] for _ in model.graph.outputs]
    for picture in range(pictures):
        inputs = {}
        for name, feed in zip(names, feeds, strict=True):
            part = feed[picture : picture + 1] if split else feed
            stored = part.transpose(model.sources[name].permutation)
            inputs[name] = stored.reshape(model.graph.tensors[name].shape)
        plain = evaluate_graph(model.graph, inputs)
        passed = evaluate_graph(optimize(model.graph), inputs)
        for output, value, found in zip(model.graph.outputs, wanted, results, strict=True):
            np.testing.assert_allclose(passed[output], plain[output], rtol=1e-5, atol=1e-5)
            shape = (1, *value.shape[1:]) if split else value.shape
            order = model.sources[output].permutation
            stored = plain[output].reshape([shape[axis] for axis in order])
            found.append(stored.transpose(np.argsort(np.array(order, dtype=int))))
    return [np.concatenate(found) if split else found[0] for found in results]


def test_every_module_is_known() -> None:
    from onnx.backend.test.case import node as room

    left_out = {name for names in NOT_RUN.values() for name in names.split()}
    found = {module.name for module in pkgutil.iter_modules(room.__path__)}
    assert left_out | set(MODULES) == found - {"_image_decoder_data", "ai_onnx_ml"}
    assert not left_out & set(MODULES)
    assert sum(MODULES.values()) >= 450


@pytest.mark.parametrize("module", MODULES)
def test_node_cases(module: str, tmp_path: Path) -> None:
    ran = 0
    for case in _cases(module):
        inputs, outputs = case.data_sets[0]
        several = module in SEVERAL_ACTIVATIONS
        if _reason(module, case) is not None:
            _save(case, tmp_path / "net.onnx", 1)
            try:
                import_onnx(tmp_path / "net.onnx")
            except ModelError:
                continue
        wanted = _array(outputs[0])
        tolerance = {"rtol": 1e-2 if wanted.dtype == np.float16 else case.rtol, "atol": 1e-5}
        for activations in {3} if module == "attention" else {1, len(inputs)} if several else {1}:
            if not _compiled(module, inputs, activations):
                continue
            names = _save(case, tmp_path / "net.onnx", activations)
            feeds = [_array(value).astype(np.float32) for value in inputs[:activations]]
            ends = [wanted] if module == "layernormalization" else list(map(_array, outputs))
            for result, end in zip(
                _run(tmp_path / "net.onnx", names, feeds, ends), ends, strict=True
            ):
                assert result.shape == end.shape, case.name
                np.testing.assert_allclose(result, end, **tolerance, err_msg=case.name)
            ran += 1
    assert ran >= MODULES[module]


def _compiled(module: str, inputs: Sequence[Any], activations: int) -> bool:
    """Constants do not join or compare; activations are not divided or broadcast."""
    if activations == 1:
        return module not in ("concat", "einsum", "max", "min", "sum")
    equal = len({value.shape for value in inputs}) == 1
    return module in ("attention", "concat", "einsum") or (module != "div" and equal)
