"""Stage export: the voice folder with its digest, as a bundle."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import export_voice

if __name__ == "__main__":
    export_voice(Path("work/finetune/voice"), Path("work/bundle"))
