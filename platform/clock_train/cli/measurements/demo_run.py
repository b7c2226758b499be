"""Peak memory of the demo: all its stages in this process, with a short training."""

from __future__ import annotations

import tempfile
from pathlib import Path

from clock_train.cli.measurements.isolation import answer
from clock_train.cli.measurements.synthetic import write_recordings


def measure_demo(*, recordings: str | None, num_clips: int, max_cpu_seconds: float) -> dict[str, float]:
    """Run the demo; the peak is what ``answer`` reports.

    Args:
        recordings: folder; None makes ``num_clips`` synthetic ones.
        num_clips: of the synthetic recordings.
        max_cpu_seconds: of training; memory does not grow with it.
    """
    from clock_train.orchestration.consents import keep_licence
    from clock_train.orchestration.demo import OWN_SPEAKER, run_demo
    from clock_train.orchestration.listener import Silence

    with tempfile.TemporaryDirectory() as temporary:
        source = Path(recordings) if recordings else Path(temporary) / "recordings"
        if recordings is None:
            write_recordings(source, num_clips)
            credit = "generated sounds of nobody"
            keep_licence(source, licence="none", licence_uri="", attribution=credit, speaker=OWN_SPEAKER)
        outcome = run_demo(
            listener=Silence(), output=Path(temporary) / "demo", recordings=source, max_cpu_seconds=max_cpu_seconds
        )
    return {f"{stage}_seconds": seconds for stage, seconds in outcome.seconds.items()}


if __name__ == "__main__":
    answer(measure_demo)
