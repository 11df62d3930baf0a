"""The stack of kernels, read from listings: what functions push, and the deepest path of calls."""

from __future__ import annotations

import pytest

from benchmarks.stack import LIBRARY, Depths, functions_of, indirect, pushed, registers

LISTING = """
Disassembly of section .text.kernel:

00000000 <kernel>:
   0:\tstmdb\tsp!, {r4, r5, r6, r7, r8, r9, sl, fp, lr}
   4:\tvpush\t{d8-d9}
   8:\tsub\tsp, #28
   a:\tbl\t0 <helper>
\t\t\ta: R_ARM_THM_CALL\thelper
   e:\tblx\tr3
  10:\tbl\t0 <memcpy>
\t\t\t10: R_ARM_THM_CALL\tmemcpy
  14:\t.word\t0x00000000
\t\t\t14: R_ARM_ABS32\tpointed

00000000 <helper>:
   0:\tpush\t{r4, lr}
   2:\tpop\t{r4, pc}

00000000 <pointed>:
   0:\tstr.w\tr4, [sp, #-4]!
   4:\tsub.w\tsp, sp, #200
   8:\tbx\tlr
"""


@pytest.mark.parametrize(
    ("op", "words", "size"),
    [
        ("push", "{r3, r4, r5, lr}", 16),
        ("stmdb", "sp!, {r4-r11, lr}", 36),
        ("vpush", "{d8-d15}", 64),
        ("vpush", "{s16}", 4),
        ("sub", "sp, #28", 28),
        ("sub.w", "sp, sp, #1024\t@ 0x400", 1024),
        ("str.w", "r4, [sp, #-4]!", 4),
        ("addi", "sp,sp,-64", 64),
        ("sub", "r3, r2, #8", 0),
        ("pop", "{r4, pc}", 0),
        ("add", "sp, #28", 0),
    ],
)
def test_what_an_instruction_pushes(op: str, words: str, size: int) -> None:
    assert pushed(op, words) == size


def test_registers_and_calls_by_pointer() -> None:
    assert registers("r4, r5-r7, sl, fp, lr") == 7
    assert indirect("blx", "r3") and indirect("bx", "ip") and indirect("jalr", "a5")
    assert not indirect("bx", "lr") and not indirect("jr", "ra")


def test_the_deepest_path_counts_pointers_and_the_library() -> None:
    found = functions_of(LISTING, {"helper": 16, "pointed": 0})
    assert {name: each.frame for name, each in found.items()} == {
        "kernel": 36 + 16 + 28,
        "helper": 16,  # gcc says more than its pushes
        "pointed": 204,
    }
    assert found["kernel"].calls == {"helper", "memcpy"} and found["kernel"].by_pointer
    assert Depths([found]).of("kernel") == 80 + 204
    found["kernel"].by_pointer = False
    assert Depths([found]).of("kernel") == 80 + LIBRARY


def test_a_pointer_that_is_handed_on_is_followed_where_it_is_called() -> None:
    found = functions_of(LISTING, {})
    found["kernel"].by_pointer = False
    found["helper"].by_pointer = True
    assert Depths([found]).of("kernel") == 80 + 8 + 204


def test_recursion_has_no_depth() -> None:
    found = functions_of(LISTING, {})
    found["helper"].calls.add("kernel")
    with pytest.raises(ValueError, match="calls itself"):
        Depths([found]).of("kernel")
