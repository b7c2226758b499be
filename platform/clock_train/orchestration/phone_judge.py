"""Who hears the phones of a language that the word recogniser does not know: a small recogniser trained here.

From the training split of the corpus; for Mandarin, whose recordings are brought later, from espeak-ng's speech, and
then it is called synthetic. A trained one is kept in the cache under the digest of what it was trained from.
"""

from __future__ import annotations

import io
import re
import subprocess
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from clock_train.audio.resampling import resample
from clock_train.data.packing import PackedCorpus
from clock_train.data.prompts import prompts
from clock_train.data.sample import cache_folder
from clock_train.data.splits import TRAIN
from clock_train.errors import (
    JudgeUndecided,
    ReportDamaged,
    TextLanguageUnsupported,
    TrainingDataTooSmall,
    WaveformUnjudgeable,
)
from clock_train.evaluation.bootstrap import Score, estimate
from clock_train.evaluation.figures import SYNTHETIC_PHONE_ERRORS, Row, Subject
from clock_train.evaluation.phone_recogniser import PhoneRecogniser
from clock_train.evaluation.phone_recogniser_training import RecogniserTraining, data_digest, train_phone_recogniser
from clock_train.evaluation.recogniser import LANGUAGES as WORD_LANGUAGES
from clock_train.text.espeak import find_voice
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import PAUSES, PHONES, SILENCE, token_ids
from clock_train.text.mandarin.readings import read_words

UNHEARD = frozenset(PHONES.index(phone) for phone in (SILENCE, *PAUSES))
"""Numbers that no recogniser is asked for."""
SYNTHETIC_LANGUAGE = "zh"
ESPEAK_NAMES = {"zh": "cmn-latn-pinyin"}
"""Its voice ``cmn`` reads characters as the English letters of their pinyin, ``ni three`` for 你: it gets pinyin."""
HELD_OUT_EVERY = 10
"""One of our prompts in ten is judged, and the others are trained on."""
MANNERS = (("", 160), ("+f2", 140), ("+m3", 180))
"""espeak-ng's variants and words a minute: one voice at one rate would be learnt by heart."""
MOST_CEILING = 0.7
"""A judge that errs more on what it was taught says nothing of any other speech: 100 CPU seconds leave it at 0.02."""
ESPEAK_TIMEOUT_S = 30.0
_COMMA = re.compile(r"(?<=[，、；：])")
_HAN = re.compile(r"[\u3400-\u9fff]+")


def heard_phones(ids: np.ndarray) -> tuple[int, ...]:
    """The phones of a token matrix (3, L) that can be heard: no pause, no silence, no tone."""
    return tuple(int(phone) for phone in ids[0] if int(phone) not in UNHEARD)


def phone_judge(
    packed: PackedCorpus,
    language: str,
    *,
    training: RecogniserTraining | None = None,
    cache: Path | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> PhoneRecogniser | str:
    """The judge of one language, trained or from the cache, or why there is none.

    Args:
        packed: the corpus; only clips of its training split are heard.
        language: of the sentences that will be judged.
        training: budget and sizes.
        cache: where trained ones are kept; by default beside the samples.
        progress: called with the share of the budget that is spent.
    """
    if language in WORD_LANGUAGES:
        return f"the word recogniser knows {language}; phones are judged where it does not"
    chosen = [i for i in packed.of_split(TRAIN) if packed.languages[i] == language and packed.speed_percent[i] == 0]
    pairs = [(packed.waveform(i), heard_phones(packed.ids(i))) for i in chosen]
    try:
        return _trained([pair for pair in pairs if pair[1]], language, training, cache, progress, is_synthetic=False)
    except TrainingDataTooSmall as error:
        return str(error)


def synthetic_row(
    say: Callable[[str], np.ndarray],
    *,
    training: RecogniserTraining | None = None,
    cache: Path | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Row:
    """The phone error rate of Mandarin sentences by a judge that only ever heard espeak-ng.

    Args:
        say: the voice, a text to (T,) float32 at 16 kHz.
        training: budget and sizes.
        cache: where trained judges are kept.
        progress: called with the share of the budget that is spent.
    Returns:
        Its ceiling is the judge's error on espeak-ng's speech of the same sentences, none of which it was trained on.
    """
    texts = [prompt.text for prompt in prompts(SYNTHETIC_LANGUAGE)]
    judged, learnt = texts[::HELD_OUT_EVERY], [text for n, text in enumerate(texts) if n % HELD_OUT_EVERY]
    try:
        pairs = espeak_speech(clauses(learnt), SYNTHETIC_LANGUAGE, manners=MANNERS)
        judge = _trained(pairs, SYNTHETIC_LANGUAGE, training, cache, progress, is_synthetic=True)
        own = [judge.phone_errors(ids, waveform) for waveform, ids in espeak_speech(judged, SYNTHETIC_LANGUAGE)]
        ceiling = sum(each.num_errors for each in own) / sum(each.num_phones for each in own)
        if ceiling > MOST_CEILING:
            raise JudgeUndecided(
                f"the synthetic judge has not learnt Mandarin in {judge.facts.cpu_seconds:.0f} CPU seconds: its error "
                f"on held-out espeak-ng speech is {ceiling:.2f}. Give it more with --phone-seconds"
            )
        found = [_phone_score(judge, say(text), text) for text in judged]
    except (TextLanguageUnsupported, TrainingDataTooSmall, JudgeUndecided) as error:
        return Row(metric=SYNTHETIC_PHONE_ERRORS.name, subject=Subject.SPEECH, unavailable=str(error))
    result = estimate(found, SYNTHETIC_PHONE_ERRORS.statistic, seed=0)
    assert result is not None
    return Row(
        metric=SYNTHETIC_PHONE_ERRORS.name,
        subject=Subject.SPEECH,
        value=result.value,
        low=result.low,
        high=result.high,
        num_items=len(found),
        ceiling=ceiling,
    )


def _phone_score(judge: PhoneRecogniser, waveform: np.ndarray, text: str) -> Score:
    phones = heard_phones(token_ids(phonemize(text, SYNTHETIC_LANGUAGE)))
    try:
        return Score.of(judge.phone_errors(phones, waveform).rate, len(phones))
    except WaveformUnjudgeable:
        return Score.of(1.0, len(phones))  # silence is every phone missed


def _trained(
    pairs: list[tuple[np.ndarray, tuple[int, ...]]],
    language: str,
    training: RecogniserTraining | None,
    cache: Path | None,
    progress: Callable[[float], None],
    *,
    is_synthetic: bool,
) -> PhoneRecogniser:
    cache, training = cache or cache_folder().with_name("phone-recognisers"), training or RecogniserTraining()
    waveforms, phones = [waveform for waveform, _ in pairs], [ids for _, ids in pairs]
    path = cache / f"{language}-{data_digest(waveforms, phones, training)[:16]}.safetensors"
    if path.exists():
        try:
            return PhoneRecogniser.load(path)
        except ReportDamaged:
            path.unlink()  # cut off or of another version: trained again
    judge = train_phone_recogniser(
        waveforms, phones, language=language, is_synthetic=is_synthetic, training=training, progress=progress
    )
    judge.save(path)
    return judge


def espeak_speech(
    texts: list[str], language: str, *, manners: Sequence[tuple[str, int]] = (("", 160),)
) -> list[tuple[np.ndarray, tuple[int, ...]]]:
    """Texts spoken by espeak-ng, each with its phones as our front-end has them, as (waveform at 16 kHz, numbers).

    Args:
        texts: without ones that our front-end cannot read.
        language: ``zh``, or a code that espeak-ng knows.
        manners: variant of the voice and words a minute; each text is spoken in every one.

    Raises:
        TextLanguageUnsupported: no espeak-ng here, no such voice, or it failed.
    """
    voice = find_voice(ESPEAK_NAMES.get(language, language))
    spoken = []
    for text in texts:
        utterance = phonemize(text, language)
        phones = heard_phones(token_ids(utterance))
        written = pinyin(utterance.normalized) if language == SYNTHETIC_LANGUAGE else utterance.normalized
        spoken += [(_spoken(written, voice + variant, rate), phones) for variant, rate in manners]
    return spoken


def clauses(texts: Sequence[str]) -> list[str]:
    """Sentences cut at their commas: short sounds are learnt from sooner."""
    return [clause for text in texts for clause in _COMMA.split(text) if any(char.isalpha() for char in clause)]


def pinyin(text: str) -> str:
    """Mandarin with each character as its syllable, such as ``ni3 hao3``; signs and other letters stay."""
    return _HAN.sub(lambda run: f" {' '.join(_syllables(run[0]))} ", text).strip()


def _syllables(characters: str) -> list[str]:
    return [syllable.pinyin for _, syllables in read_words(characters) for syllable in syllables]


def _spoken(text: str, voice: str, rate: int) -> np.ndarray:
    # brackets would be read as phoneme codes
    plain = " ".join(text.replace("[", " ").replace("]", " ").split())
    command = ["espeak-ng", "-v", voice, "-s", str(rate), "--stdin", "--stdout"]
    try:
        done = subprocess.run(command, input=plain.encode(), capture_output=True, timeout=ESPEAK_TIMEOUT_S, check=True)
        with wave.open(io.BytesIO(done.stdout)) as file:
            # the header was written before the length was known
            content, rate_hz = file.readframes(len(done.stdout)), file.getframerate()
    except (subprocess.SubprocessError, OSError, wave.Error, EOFError) as error:
        raise TextLanguageUnsupported(f'espeak-ng failed on the voice "{voice}": {error}; run it by hand') from error
    return resample(np.frombuffer(content, dtype="<i2").astype(np.float32) / 32768.0, rate_hz, 16_000)
