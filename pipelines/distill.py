"""Stage distill: the voice teaches a student."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import distill_voice

if __name__ == "__main__":
    distill_voice(Path("params.yaml"), Path("work/finetune/voice"), Path("work/distill"))
