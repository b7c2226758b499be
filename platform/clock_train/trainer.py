"""The article's interface: ``ClockTrainer`` with exactly its arguments, and ``extract_speaker_embedding``.

What it does is what the ``finetune`` and ``pretrain`` commands do; the same folder can be gone on with from either.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clock_train.errors import ConfigError, CorpusNotFound, VoiceNotFound

if TYPE_CHECKING:
    from clock_train.models.saying import SayingVoice
    from clock_train.orchestration.listener import Listener
    from clock_train.orchestration.training_session import TrainOutcome

# read when torch loads: threads that spin while they wait make a busy machine's steps many times slower
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

Embeddings = np.ndarray | Mapping[str, np.ndarray] | str | Path
"""One speaker's vector, vectors by speaker, or a ``.npy``, ``.npz`` or ``.json`` file of either."""

DEFAULT_SPEAKER = "speaker"


def extract_speaker_embedding(path: str | Path) -> np.ndarray:
    """The voiceprint of a recording, (256,) float32 of unit length; see ``audio.voiceprint``.

    Raises:
        AudioError: the file cannot be read, or holds under a second of speech.
    """
    from clock_train.audio.voiceprint import voiceprint

    return voiceprint(path)


class ClockTrainer:
    """Trains a voice from recordings and a text, and speaks with it.

    Args:
        speaker_embeddings: what ``extract_speaker_embedding`` gave: an array, a dict by speaker, or the path of a file.
        text_corpus: a text file; its recordings lie beside it or in ``recordings``. A corpus folder works as well.
        output_dir: where the run, its checkpoints and the voice are kept; a bundle's folder, to speak with alone.
        recordings: folder, or one long take, of what the text says.
        speaker: name of the voice; taken from a dict of one speaker where not given.
        language: found from the text where not given.
        preset: ``Demo`` (the student's size, for CPUs), ``Basic`` or ``Professional`` (the teacher's, for GPUs); chosen
            by the device where not given.
        base: voice folder to fine-tune from.
        listener: hears progress; by default a bar in terminals and notebooks.
    """

    def __init__(
        self,
        speaker_embeddings: Embeddings,
        text_corpus: str | Path,
        output_dir: str | Path,
        *,
        recordings: str | Path | None = None,
        speaker: str | None = None,
        language: str | None = None,
        preset: str | None = None,
        base: str | Path | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._embeddings = _by_speaker(speaker_embeddings, speaker)
        self.text_corpus, self.output_dir = Path(text_corpus), Path(output_dir)
        self.recordings = Path(recordings) if recordings is not None else None
        self.speaker = next(iter(self._embeddings)) if len(self._embeddings) == 1 else speaker
        self.language, self.preset = language, preset
        self.base = Path(base) if base is not None else None
        self._listener = listener
        self._voice: SayingVoice | None = None

    def train(
        self, epochs: int = 500, batch_size: int = 32, learning_rate: float = 1e-4, checkpoint_freq: int = 10
    ) -> TrainOutcome:
        """Train for ``epochs`` passes over the clips, a checkpoint every ``checkpoint_freq`` of them.

        Calling it again goes on from the newest checkpoint; a finished run returns at once.

        Raises:
            ClockTrainError: what recordings, texts, disk or device can cause; see ``docs/errors.md``.
        """
        from clock_train.orchestration.presets import usual_preset
        from clock_train.orchestration.training_preparation import TrainRequest
        from clock_train.orchestration.training_session import train

        for name, value in (("epochs", epochs), ("batch_size", batch_size), ("checkpoint_freq", checkpoint_freq)):
            if value < 1:
                raise ConfigError(f"{name} is {value}; give 1 or more")
        with _listening(self._listener) as listener:
            request = TrainRequest(
                corpora=[self._corpus(listener)],
                output=self.output_dir,
                preset=self.preset or usual_preset(),
                base=self.base,
                name=self.speaker,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                checkpoint_every_epochs=checkpoint_freq,
                initial_vectors={name: vector.tolist() for name, vector in self._embeddings.items()},
            )
            outcome = train(request, listener)
        self._voice = None
        return outcome

    def synthesize(
        self,
        text: str,
        output_path: str | Path = "output.wav",
        *,
        speaker: str | None = None,
        style: str = "",
        speed: float = 1.0,
    ) -> Path:
        """Speak a text into a sound file (16-bit wav, flac, mp3, opus, aac or m4a), marked, labelled and logged.

        Returns:
            Its path.
        Raises:
            VoiceNotFound: nothing was trained into ``output_dir`` yet.
            TextError: nothing in the text can be spoken.
        """
        from clock_train.issuing.sound_files import write_issued
        from clock_train.labels.files import kind_of
        from clock_train.orchestration.voice_opening import open_voice

        kind_of(Path(output_path))
        if self._voice is None:
            places = (self.output_dir / "voice", self.output_dir / "bundle", self.output_dir)
            folder = next((place for place in places if (place / "voice.json").exists()), None)
            if folder is None:
                raise VoiceNotFound(f'no voice in "{self.output_dir}" yet; call train() first')
            self._voice = open_voice(folder)
        waveform = self._voice.say(text, speaker=speaker, style=style, speed=speed)
        assert self._voice.last_issue is not None
        write_issued(output_path, waveform, self._voice.sample_rate_hz, self._voice.last_issue)
        return Path(output_path)

    def _corpus(self, listener: Listener) -> Path:
        from clock_train.data.build import build_corpus
        from clock_train.data.manifest import MANIFEST_NAME
        from clock_train.orchestration.consents import carry_consent
        from clock_train.orchestration.listener import Eta

        if (self.text_corpus / MANIFEST_NAME).exists():
            return self.text_corpus
        if not self.text_corpus.is_file():
            raise CorpusNotFound(
                f'text_corpus "{self.text_corpus}" is not there; give a text file, with the recordings beside it or in '
                "recordings=, or a corpus folder"
            )
        built, recordings = self.output_dir / "corpus", self.recordings or self.text_corpus.parent
        if (built / MANIFEST_NAME).exists():
            listener.note(f"reusing the corpus {built}")
            carry_consent(recordings, built)
            return built
        listener.stage("corpus")
        eta = Eta()
        build_corpus(
            recordings,
            built,
            speaker=self.speaker or DEFAULT_SPEAKER,
            transcripts=self.text_corpus,
            language=self.language,
            report=lambda done, total, what: listener.advance(
                done / max(1, total), what, eta.left(done / max(1, total))
            ),
        )
        carry_consent(recordings, built)
        return built


def _by_speaker(embeddings: Embeddings, speaker: str | None) -> dict[str, np.ndarray]:
    if isinstance(embeddings, str | Path):
        embeddings = _read(Path(embeddings))
    if not isinstance(embeddings, Mapping):
        array = np.asarray(embeddings, dtype=np.float32)
        if array.ndim == 2 and len(array) == 1:
            array = array[0]
        if array.ndim != 1:
            raise ConfigError(
                f"speaker_embeddings has shape {array.shape}; give one vector, or a dict of vectors by speaker name"
            )
        embeddings = {speaker or DEFAULT_SPEAKER: array}
    vectors = {name: np.asarray(vector, dtype=np.float32).reshape(-1) for name, vector in embeddings.items()}
    for name, vector in vectors.items():
        if not len(vector) or not np.isfinite(vector).all():
            raise ConfigError(
                f'the embedding of "{name}" is empty or not finite; make it with extract_speaker_embedding'
            )
    return vectors


def _read(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    if not path.is_file():
        raise ConfigError(f'speaker_embeddings "{path}" is not there; give an array, a dict, or an existing file')
    try:
        if path.suffix == ".json":
            values = json.loads(path.read_text(encoding="utf-8"))
            return {k: np.asarray(v) for k, v in values.items()} if isinstance(values, dict) else np.asarray(values)
        loaded = np.load(path, allow_pickle=False)
        return {name: loaded[name] for name in loaded.files} if isinstance(loaded, np.lib.npyio.NpzFile) else loaded
    except (ValueError, OSError) as error:
        raise ConfigError(
            f'speaker_embeddings "{path}" cannot be read ({error}); save it with numpy.save or as JSON numbers'
        ) from error


@contextlib.contextmanager
def _listening(given: Listener | None) -> Iterator[Listener]:
    if given is not None:
        yield given
        return
    from clock_train.orchestration.progress import listening

    with listening() as listener:
        yield listener
