"""Stage evaluate: held-out sentences before the judges."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import evaluate_voice

if __name__ == "__main__":
    evaluate_voice(Path("work/finetune/voice"), Path("work/evaluate"))
