"""A program that knows nothing of ClockTrain measures one of its voices, and hears of errors."""

from __future__ import annotations

import pytest
from perf_analyzer import perf_analyzer, sweep  # pyright: ignore[reportMissingImports]
from served_voices import Served  # pyright: ignore[reportMissingImports]

from assets.go import AssetUnavailable

pytestmark = [pytest.mark.ring2, pytest.mark.long]


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    try:
        perf_analyzer()
    except AssetUnavailable as error:
        pytest.skip(str(error))


def test_perf_analyzer_sweeps_a_voice_without_an_error(served: Served) -> None:
    texts = ["Good morning.", "The north wind and the sun were disputing which was the stronger."]
    rows = sweep(served.server.address, "duo-v1", texts, clients=(1, 4), requests=20)
    assert [row["Concurrency"] for row in rows] == ["1", "4"]
    for row in rows:
        assert float(row["Inferences/Second"]) > 0
        assert float(row["Response Throughput"]) > 2 * float(row["Inferences/Second"]), "chunks, and the last empty one"
        assert 0 < int(row["p50 latency"]) <= int(row["p99 latency"])


def test_perf_analyzer_hears_the_code_of_a_request_that_fails(served: Served) -> None:
    with pytest.raises(RuntimeError, match="TextEmpty"):
        sweep(served.server.address, "duo-v1", ["  "], clients=(1,), requests=5)
