"""Trains the tiny preset as a process of its own, so that a test can kill it: CORPUS OUTPUT STEPS."""

import sys
from pathlib import Path

import torch
from small_voice import with_tiny_preset

from clock_train.orchestration import training_preparation, training_session
from clock_train.orchestration.listener import Silence

if __name__ == "__main__":
    corpus, output, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with_tiny_preset(max_steps=steps, checkpoint_every=3)
    request = training_preparation.TrainRequest(corpora=[corpus], output=output, preset="Tiny", device="cpu")
    torch.set_num_threads(1)
    try:
        training_session.train(request, Silence())
    except KeyboardInterrupt:
        sys.exit(130)
