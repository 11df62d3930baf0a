"""Weights of 4 and 2 bits: packed kernels equal the int8 reference on the host and on cores."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.backends.calls.qemu import GUESTS, QemuMachine, build_calls
from mcucc.ir.kernel_id import Form, InstructionSet
from mcucc.kernels.packing import bits_of, pack_bytes, pack_words, step_of, storage_bits
from mcucc.kernels.portable.conv2d_pairs import LARGEST_SUM, cut_chunks, unit_of
from mcucc.kernels.portable.pairs import pack_pairs
from mcucc.kernels.select import NodeContext, choose, isas_of
from mcucc.numerics.fixed_point import Rounding
from mcucc.ops.common.spatial import Pads, Window2d
from mcucc.ops.conv2d import Conv2d
from mcucc.ops.depthwise_conv2d import DepthwiseConv2d
from tests.kernels import driver
from tests.kernels.drawn import check
from tests.kernels.packed import CASES, draw_packed, few_bits, packed_case, with_weights
from tests.kernels.test_on_cores import CORES, PLAIN
from tests.kernels.test_pairs import EVERYDAY, sums_of_chunks
from tests.ops import draw
from tests.ops.draw import SEEDS

EXAMPLES = {"pointwise": 120, "conv2d": 120, "depthwise": 120}


# Storage


def test_the_order_of_bits() -> None:
    four = np.array([16, -128, 112, -16], np.int8)
    assert pack_bytes(four, 4).tolist() == [0x81, 0xF7]
    two = np.array([64, -128, 0, -64, 64], np.int8)
    assert pack_bytes(two, 2).tolist() == [0b11_00_10_01, 0b01]
    assert pack_words(np.concatenate([four, four]), 4).tolist() == [0xF781F781]


@settings(parent=EVERYDAY)
@given(seed=SEEDS, bits=st.sampled_from([4, 2]), count=st.integers(1, 40))
def test_what_is_packed_is_read_back_by_shifts(seed: int, bits: int, count: int) -> None:
    weights = few_bits(np.random.default_rng(seed), (3, count), bits)
    packed = pack_bytes(weights, bits).astype(np.uint32)
    each = 8 // bits
    fields = [(packed[:, i // each] >> (bits * (i % each))) << (8 - bits) for i in range(count)]
    assert np.array_equal(np.stack(fields, axis=1).astype(np.uint8).view(np.int8), weights)


def test_a_layer_is_stored_in_as_few_bits_as_its_weights_have() -> None:
    rng = np.random.default_rng(0)
    assert [storage_bits(few_bits(rng, (4, 20), bits)) for bits in (4, 2)] == [4, 2]
    assert storage_bits(rng.integers(-127, 128, (4, 20)).astype(np.int8)) == 8
    few = few_bits(rng, (1, 12), 4)
    assert bits_of(few) <= 4 and storage_bits(few) == 8, "a few weights may fit by chance"
    with pytest.raises(ValueError, match="multiple of 64"):
        pack_bytes(np.array([16], np.int8), 2)


@settings(parent=EVERYDAY)
@given(seed=SEEDS, bits=st.sampled_from([4, 2]), taps=st.integers(1, 900))
def test_no_chunk_of_steps_leaves_its_lane(seed: int, bits: int, taps: int) -> None:
    unit = unit_of(bits)
    steps = (few_bits(np.random.default_rng(seed), (3, taps), bits) // step_of(bits)).astype(
        np.int8
    )
    packed = pack_pairs(steps, 2, unit)
    counts, lengths = cut_chunks(packed, -128, 127, unit)
    in_bytes = lengths.astype(int) * (8 // bits)  # as if a weight were a byte
    assert np.abs(sums_of_chunks(packed, counts, in_bytes, -128, 127)).max() <= LARGEST_SUM
    of_bytes, _ = cut_chunks(pack_pairs((steps * step_of(bits)).astype(np.int8), 2), -128, 127, 2)
    assert (counts <= of_bytes).all()


# The choice


@pytest.mark.parametrize("optimize", ["speed", "balanced", "size"])
def test_packed_weights_are_chosen_for_what_they_cost(optimize: str) -> None:
    case = draw.weighted(Conv2d(Window2d((1, 1))), (1, 4, 4, 32), (8, 1, 1, 32), (0, 0), PLAIN, 1)
    context = NodeContext(((-128, 127),), 4, 4, optimize)

    def bits(weights: np.ndarray, isa: InstructionSet) -> int:
        kernel = with_weights(case, weights).kernel(Rounding.SINGLE)
        return choose(kernel, context, isa).call.id.bits

    rng = np.random.default_rng(2)
    assert bits(case.inputs[1].constant, InstructionSet.PORTABLE) == 8
    assert bits(few_bits(rng, (8, 1, 1, 32), 4), InstructionSet.PORTABLE) == 4
    assert bits(few_bits(rng, (8, 1, 1, 32), 2), InstructionSet.PORTABLE) == 2


# The kernels


@pytest.fixture(scope="module", params=["cortex-m0", "cortex-m3"])
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> QemuMachine:
    for tool in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    guest = GUESTS[request.param]
    folder = tmp_path_factory.mktemp("packed")
    return QemuMachine(build_calls(isas_of(CORES[request.param]), guest, folder), guest)


@pytest.mark.emulated
@pytest.mark.parametrize("name", CASES)
def test_packed_kernels_compute_the_reference_on_the_core(name: str, machine: QemuMachine) -> None:
    cases = draw_packed(name, EXAMPLES.get(name, 60), InstructionSet.PORTABLE)
    check(machine, cases)
    if name != "fully_connected":
        forms = {each.choice.form for each in cases}
        assert Form.DOUBLE in forms and len(forms) > 1, "one rounding profile is not drawn"


@pytest.mark.host
@pytest.mark.parametrize("name", CASES)
def test_packed_kernels_compute_the_reference_under_the_sanitizers(
    name: str, replayer: Path, tmp_path: Path
) -> None:
    cases = draw_packed(name, 60, InstructionSet.PORTABLE)
    outputs = driver.replay_in_process(replayer, [each.calls for each in cases], tmp_path)
    for each, output in zip(cases, outputs, strict=True):
        np.testing.assert_array_equal(output, each.expected, err_msg=each.words)


@pytest.mark.emulated
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_weights_and_inputs_at_their_extremes(zero_point: int, machine: QemuMachine) -> None:
    """Sums and chunks reach their bounds; -128 is a weight here."""
    window, cases = Window2d((5, 5), (2, 1), (1, 1), Pads(2, 1, 0, 2)), []
    shape = (1, 6, 7, 40)
    for op, weights in ((Conv2d(window), (3, 5, 5, 40)), (DepthwiseConv2d(window), (5, 5, 40))):
        case = draw.weighted(op, shape, weights, (zero_point, -zero_point - 1), PLAIN, 0)
        for bits, weight in ((4, -128), (4, 112), (2, -128), (2, 64)):
            loud = with_weights(case, np.full(weights, weight, np.int8))
            for value in (-128, 127):
                extreme = replace(loud, values=(np.full(shape, value, np.int8),))
                made = packed_case(extreme, bits, Rounding.SINGLE, 0, InstructionSet.PORTABLE)
                assert made is not None
                cases.append(made)
    check(machine, cases)
