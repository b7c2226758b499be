"""Dynamic time warping: the cheapest monotonic path between two sequences of frames.

Row by row, each in one pass: the cheapest way to cell j of a row enters it at some cell k from the row before and then
goes right, which costs S(j) - S(k - 1) with the row's running sums S; so the least of all k is a running minimum.
Several matrices with the same columns go through the rows together.
Source: Sakoe and Chiba (1978), steps (1,0), (0,1), (1,1) of equal weight.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clock_train.errors import ConfigError

DIAGONAL, UP, LEFT = 0, 1, 2


def warping_path(cost: np.ndarray, *, band_frames: int | None = None) -> np.ndarray:
    """The path of least summed cost from corner to corner.

    Args:
        cost: (N, M), the distance of frame i of the first to frame j of the second; finite.
        band_frames: how far the path may leave the straight line between the corners; none: everywhere.
    Returns:
        (P, 2) int64, pairs (i, j), each coordinate rising by 0 or 1, from (0, 0) to (N - 1, M - 1).
    """
    return warping_paths([cost], band_frames=band_frames)[0]


def warping_paths(costs: Sequence[np.ndarray], *, band_frames: int | None = None) -> list[np.ndarray]:
    """The paths of several matrices at once, quicker than one after the other.

    Args:
        costs: (N, M) each, N its own and M shared by all.
        band_frames: as for one path.
    Returns:
        (P, 2) int64 each.
    """
    for cost in costs:
        if not all(cost.shape):
            raise ConfigError(f"cannot warp {cost.shape[0]} frames to {cost.shape[1]}; both need at least one")
    if band_frames is not None and band_frames < 1:
        raise ConfigError(f"band_frames is {band_frames}; give a positive count, or none for no band")
    num_rows = max(len(cost) for cost in costs)
    # rows below a shorter matrix: no path of its own comes there
    costs_KNM = np.zeros((len(costs), num_rows, costs[0].shape[1]))
    for number, cost in enumerate(costs):
        costs_KNM[number, : len(cost)] = cost
    barred_KNM = None
    if band_frames is not None:
        barred_KNM = np.ones(costs_KNM.shape, dtype=bool)
        for number, cost in enumerate(costs):
            barred_KNM[number, : len(cost)] = ~_inside(cost.shape[0], cost.shape[1], band_frames)
    steps_KNM = _steps(_totals(costs_KNM, barred_KNM))
    return [_trace(steps_KNM[number, : len(cost)]) for number, cost in enumerate(costs)]


def frame_distances(first: np.ndarray, second: np.ndarray, metric: str) -> np.ndarray:
    """Distances of all pairs of frames.

    Args:
        first: (C, N).
        second: (C, M).
        metric: ``cityblock`` (sum of absolute differences) or ``euclidean``.
    Returns:
        (N, M) float64.
    """
    from scipy.spatial.distance import cdist

    return cdist(first.T, second.T, metric=metric)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _totals(costs_KNM: np.ndarray, barred_KNM: np.ndarray | None) -> np.ndarray:
    """(K, N + 1, M + 1): the least cost of any way to a cell, infinite before the first row and column."""
    num_matrices, num_rows, num_columns = costs_KNM.shape
    sums = np.zeros((num_matrices, num_rows, num_columns + 1))
    np.cumsum(costs_KNM, axis=2, out=sums[:, :, 1:])
    totals = np.full((num_matrices, num_rows + 1, num_columns + 1), np.inf)
    totals[:, 0, 0] = 0.0
    for row in range(num_rows):
        above = totals[:, row]
        best = np.minimum(above[:, :-1], above[:, 1:])
        best -= sums[:, row, :-1]
        if barred_KNM is not None:
            best[barred_KNM[:, row]] = np.inf
        np.minimum.accumulate(best, axis=1, out=best)
        best += sums[:, row, 1:]
        if barred_KNM is not None:
            best[barred_KNM[:, row]] = np.inf
        totals[:, row + 1, 1:] = best
    return totals


def _steps(totals: np.ndarray) -> np.ndarray:
    """(K, N, M) uint8: how the cheapest way came to each cell; of equal totals the diagonal, so ties go straight."""
    diagonal, up, left = totals[:, :-1, :-1], totals[:, :-1, 1:], totals[:, 1:, :-1]
    steps = (up < diagonal).astype(np.uint8)
    steps[left < np.minimum(diagonal, up)] = LEFT
    return steps


def _inside(num_rows: int, num_columns: int, band_frames: int) -> np.ndarray:
    """(N, M) bool, the cells of the band; one stretch in each row, and neighbouring rows stay connected."""
    diagonal = np.arange(num_rows)[:, None] + np.arange(num_columns)
    # the straight line crosses an anti-diagonal at row = diagonal * N / (N + M), in continuous coordinates
    centre = diagonal * (num_rows - 1) / max(1, num_rows + num_columns - 2)
    row = np.arange(num_rows)[:, None]
    return (row >= np.floor(centre) - band_frames) & (row <= np.ceil(centre) + band_frames)


def _trace(steps: np.ndarray) -> np.ndarray:
    num_rows, num_columns = steps.shape
    row, column = num_rows - 1, num_columns - 1
    path = [(row, column)]
    # bytes: an element of an array costs ten times as much
    came_by = steps.tobytes()
    while row or column:
        step = came_by[row * num_columns + column]
        row -= step != LEFT
        column -= step != UP
        path.append((row, column))
    return np.array(path[::-1], dtype=np.int64)
