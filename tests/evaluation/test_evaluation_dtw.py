"""Warping: the same total as a loop over cells, on every shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.errors import ConfigError
from clock_train.evaluation.dtw import frame_distances, warping_path, warping_paths


def least_total(cost: np.ndarray) -> float:
    """The textbook recursion, one cell after the other."""
    totals = np.full((cost.shape[0] + 1, cost.shape[1] + 1), np.inf)
    totals[0, 0] = 0.0
    for i, j in np.ndindex(*cost.shape):
        totals[i + 1, j + 1] = cost[i, j] + min(totals[i, j], totals[i, j + 1], totals[i + 1, j])
    return float(totals[-1, -1])


def check_path(path: np.ndarray, shape: tuple[int, int]) -> None:
    assert tuple(path[0]) == (0, 0)
    assert tuple(path[-1]) == (shape[0] - 1, shape[1] - 1)
    steps = np.diff(path, axis=0)
    assert set(map(tuple, steps.tolist())) <= {(0, 1), (1, 0), (1, 1)}


@given(rows=st.integers(1, 24), columns=st.integers(1, 24), seed=st.integers(0, 2**16))
@settings(max_examples=80, deadline=None)
def test_the_path_is_the_cheapest_there_is(rows: int, columns: int, seed: int) -> None:
    cost = np.random.default_rng(seed).random((rows, columns))
    path = warping_path(cost)
    check_path(path, cost.shape)
    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(least_total(cost))


@given(rows=st.integers(1, 60), columns=st.integers(1, 60), band=st.integers(1, 5), seed=st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_a_band_keeps_the_path_near_the_straight_line(rows: int, columns: int, band: int, seed: int) -> None:
    cost = np.random.default_rng(seed).random((rows, columns))
    path = warping_path(cost, band_frames=band)
    check_path(path, cost.shape)
    straight = path.sum(axis=1) * (rows - 1) / max(1, rows + columns - 2)
    assert np.abs(path[:, 0] - straight).max() < band + 1


@given(rows=st.lists(st.integers(1, 24), min_size=1, max_size=4), columns=st.integers(1, 24), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_several_matrices_at_once_have_the_paths_that_each_has_alone(rows: list[int], columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    costs = [rng.random((count, columns)) for count in rows]
    for cost, path in zip(costs, warping_paths(costs), strict=True):
        np.testing.assert_array_equal(path, warping_path(cost))


def test_equal_sequences_are_matched_frame_by_frame() -> None:
    frames = np.random.default_rng(0).random((5, 40))
    path = warping_path(frame_distances(frames, frames, "euclidean"))
    assert (path[:, 0] == path[:, 1]).all()


def test_a_repeated_frame_costs_nothing() -> None:
    frames = np.random.default_rng(0).random((5, 40))
    slower = np.repeat(frames, 2, axis=1)
    distances = frame_distances(frames, slower, "cityblock")
    path = warping_path(distances)
    assert distances[path[:, 0], path[:, 1]].sum() == 0.0
    assert len(path) == 80


def test_nothing_cannot_be_warped() -> None:
    with pytest.raises(ConfigError, match="cannot warp 0 frames to 3"):
        warping_path(np.zeros((0, 3)))
    with pytest.raises(ConfigError, match="band_frames is 0"):
        warping_path(np.zeros((2, 3)), band_frames=0)
