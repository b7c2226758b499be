"""Stage finetune: the base learns one voice."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import train_voice

if __name__ == "__main__":
    base = Path("work/pretrain/voice")
    train_voice(Path("params.yaml"), Path("work/corpora/voice"), Path("work/finetune"), kind="voice", base=base)
