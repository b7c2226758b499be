"""What a checkpoint sounds like: held-out sentences spoken by its averaged weights, beside their recordings.

Called in the tracking process, never in the training. Sentences come from the validation split; the test split stays
with the judges.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from clock_train.audio.mel import log_mel
from clock_train.audio.writing import write_wav
from clock_train.data.packing import load_packed
from clock_train.data.splits import VALIDATION
from clock_train.errors import CheckpointDamaged, ClockTrainError, StorageNotFound
from clock_train.evaluation.spectrogram_png import spectrogram_png
from clock_train.issuing.sound_files import write_issued
from clock_train.models.config_text import from_plain
from clock_train.models.speech import Voice
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.models.voice_files import LoadedVoice, VoiceCard
from clock_train.orchestration.checkpoint_store import CheckpointStore
from clock_train.orchestration.observer import RunFacts
from clock_train.orchestration.starting_model import vectors_after_training, vocabulary
from clock_train.storage.opening import open_storage
from clock_train.storage.places import RunPlace
from clock_train.tracking.outbox import Outbox
from clock_train.training import checkpoint
from clock_train.training.run import Run, TrainingConfig

SENTENCES = 2
"""A checkpoint; enough to hear the difference, few enough to be spoken while the next one is trained."""
PLACE = "checkpoint-source.json"


def remember_source(outbox: Outbox, facts: RunFacts) -> None:
    """Keep where the checkpoints of a run are and what they are of."""
    source = {"packed": facts.packed_path, "store": facts.store, "prefix": facts.prefix, "model": facts.model}
    (outbox.folder / PLACE).write_text(json.dumps(source), encoding="utf-8")


def speak_samples(output: Path, uid: str, step: int, outbox: Outbox) -> None:
    """Wav files and mel pictures of one checkpoint, as artifacts; a checkpoint that is gone already is passed over."""
    torch.set_num_threads(1)
    source = json.loads((outbox.folder / PLACE).read_text(encoding="utf-8"))
    store = CheckpointStore(open_storage(source["store"]), RunPlace.of_prefix(source["prefix"]))
    try:
        files = store.read(step)
    except (CheckpointDamaged, StorageNotFound):
        return  # pruned meanwhile: a later one is spoken instead
    packed = load_packed(Path(source["packed"]))
    model = VoiceModel(from_plain(VoiceConfig, source["model"]), vocabulary(), num_speakers=len(packed.speakers))
    run = Run(model, packed, TrainingConfig(batch_size=1), device=torch.device("cpu"))
    checkpoint.load_average(model, files)
    card = VoiceCard(name=uid, speakers=packed.speakers)
    loaded = LoadedVoice(card=card, model=model.eval(), vectors_SE=vectors_after_training(run))
    voice = Voice(loaded, numbered_as="checkpoint")
    folder = outbox.folder / "samples" / f"step-{step}"
    for i in packed.of_split(VALIDATION)[:SENTENCES]:
        own = folder / packed.public_id(i)
        own.mkdir(parents=True, exist_ok=True)
        try:
            spoken = voice.say(
                packed.texts[i], language=packed.languages[i], speaker=packed.speakers[packed.speaker_of[i]]
            )
        except ClockTrainError as error:
            print(f"step {step}, {packed.public_id(i)}: {error}", file=sys.stderr)
            continue
        assert voice.last_issue is not None
        write_wav(own / "reference.wav", packed.waveform(i), voice.sample_rate_hz)
        write_issued(own / "generated.wav", spoken, voice.sample_rate_hz, voice.last_issue, is_audible=False)
        for name, waveform in (("reference", packed.waveform(i)), ("generated", spoken)):
            (own / f"{name}-mel.png").write_bytes(spectrogram_png(log_mel(waveform), pixels_per_band=2))
    if folder.exists():
        outbox.add("artifact", path=str(folder.absolute()), to=f"samples/step-{step}")
