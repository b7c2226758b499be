"""Stage export: the student, or the voice where there is none, as a signed bundle."""

from pathlib import Path

from clock_train.orchestration.bundle_export import packed_beside
from clock_train.orchestration.pipeline_stages import export_voice, voice_to_export

if __name__ == "__main__":
    voice = voice_to_export(Path("work/finetune/voice"), Path("work/distill"))
    packed = packed_beside(Path("work/finetune"))
    export_voice(voice, Path("work/bundle"), packed=packed, metrics=Path("work/evaluate/metrics.json"))
