"""Stage prepare: recordings of the base and of the voice become corpora."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import prepare_corpus

if __name__ == "__main__":
    prepare_corpus(Path("data/base"), Path("work/corpora/base"))
    prepare_corpus(Path("data/voice"), Path("work/corpora/voice"), speaker="voice")
