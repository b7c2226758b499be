"""Stage distill: nothing is distilled yet; what it writes says so."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import distill_voice

if __name__ == "__main__":
    distill_voice(Path("work/finetune/voice"), Path("work/distill"))
