"""Trains the tiny preset on Ray workers as a process of its own: CORPUS OUTPUT STEPS WORKERS MIN_WORKERS.

Prints the notes and warnings of the run as JSON when it ends.
"""

import json
import sys
from pathlib import Path

from small_voice import Notes, with_tiny_preset

from clock_train.errors import ClockTrainError
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train

if __name__ == "__main__":
    corpus, output = Path(sys.argv[1]), Path(sys.argv[2])
    steps, workers, min_workers = map(int, sys.argv[3:6])
    with_tiny_preset(max_steps=steps, checkpoint_every=20)
    notes = Notes()
    request = TrainRequest(
        corpora=[corpus], output=output, preset="Tiny", device="cpu", workers=workers, min_workers=min_workers
    )
    said = {"notes": notes.notes, "warnings": notes.warnings}
    try:
        outcome = train(request, notes)
    except ClockTrainError as error:
        print(json.dumps({**said, "error": str(error)}))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(json.dumps(said))
        sys.exit(130)
    print(json.dumps({**said, "step": outcome.result.step, "resumed_from": outcome.resumed_from}))
