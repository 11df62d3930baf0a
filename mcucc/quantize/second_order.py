"""Rounding of weights by what it does to sums: an error of one weight is made good by the others.

With inputs x of covariance H a row of weights w rounded to q has the squared error
(w - q) H (w - q)^T at its output, the mean aside, which the bias takes. With H = L D L^T it is the
sum over k of D_k (d_k + sum over j > k of L_jk d_j)^2, d = w - q: rounded from the last to the
first weight, each can take all of the errors behind it into its own (Frantar et al. 2022, "GPTQ",
in the form that Chee et al. 2023, "QuIP", prove equal). The loudest inputs are rounded first, the
quietest have the last word.

H is a sum of products of integers, exact in any order; everything after it is done element by
element, so that the result is the same on every machine.
"""

from __future__ import annotations

import numpy as np

from mcucc.numerics.weights import DoubleArray, WeightGrid

# On the diagonal, of its mean: errors of inputs that were never seen still count.
DAMPING = 1e-3
# Taps of a row that are rounded together; more are rounded in blocks: a factorisation is O(taps^3).
MOST_TAPS = 1024


def covariance(x: DoubleArray) -> DoubleArray:
    """Sample covariance, times the square of the samples' number: exact for integers.

    `x` is (groups, samples, taps), the result (groups, taps, taps).
    """
    sums = x.sum(axis=1)
    products: DoubleArray = np.matmul(x.transpose(0, 2, 1), x)
    products *= x.shape[1]
    products -= sums[:, :, None] * sums[:, None, :]
    return products


def round_rows(rows: DoubleArray, x: DoubleArray, grid: WeightGrid) -> DoubleArray:
    """Integers (groups, rows, taps) of weights in units of their scales.

    `x` (groups, samples, taps) are integers that the weights of a group are multiplied by.
    """
    made = np.empty(rows.shape)
    for begin in range(0, rows.shape[2], MOST_TAPS):
        block = slice(begin, begin + MOST_TAPS)
        made[:, :, block] = _rounded(rows[:, :, block], covariance(x[:, :, block]), grid)
    return made


def _rounded(rows: DoubleArray, h: DoubleArray, grid: WeightGrid) -> DoubleArray:
    taps = rows.shape[2]
    diagonal = np.einsum("gkk->gk", h)
    order = np.argsort(diagonal, axis=1, kind="stable")
    diagonal += np.maximum(DAMPING * diagonal.sum(axis=1, keepdims=True) / taps, 1.0)
    h = np.take_along_axis(np.take_along_axis(h, order[:, :, None], 1), order[:, None, :], 2)
    left = np.take_along_axis(rows, order[:, None, :], 2)
    made = np.empty(left.shape)
    factor_in_place(h)
    wanted = left.copy()
    for k in range(taps - 1, -1, -1):
        made[:, :, k] = grid.round(left[:, :, k])
        error = wanted[:, :, k] - made[:, :, k]
        left[:, :, :k] += error[:, :, None] * h[:, None, k, :k]
    result = np.empty(made.shape)
    np.put_along_axis(result, order[:, None, :], made, 2)
    return result


def factor_in_place(h: DoubleArray) -> None:
    """L of H = L D L^T, unit lower triangular, below the diagonal of each matrix (.., n, n)."""
    for k in range(h.shape[1] - 1):
        column = h[:, k + 1 :, k]
        ratio = column / h[:, k, k, None]
        h[:, k + 1 :, k + 1 :] -= ratio[:, :, None] * column[:, None, :]
        column[:] = ratio
