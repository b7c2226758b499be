"""Stage pretrain: a base from the recordings of many speakers."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import train_voice

if __name__ == "__main__":
    train_voice(Path("params-base.yaml"), Path("work/corpora/base"), Path("work/pretrain"), kind="base")
