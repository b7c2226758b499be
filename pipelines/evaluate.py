"""Stage evaluate: what will be exported speaks held-out sentences before the judges."""

from pathlib import Path

from clock_train.orchestration.pipeline_stages import evaluate_voice, packed_of, voice_to_export

if __name__ == "__main__":
    trained = Path("work/finetune/voice")
    evaluate_voice(voice_to_export(trained, Path("work/distill")), Path("work/evaluate"), packed=packed_of(trained))
