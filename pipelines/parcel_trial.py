"""What carrying recordings small costs by the judges, and how small they are; prints the table of docs/borrowed-gpu.md.

    python pipelines/parcel_trial.py corpus-en --opus-bits 12000 16000 24000 32000 64000

The held-out recordings of the corpus as they were, and again as they come out of a parcel; the size is that of what a
training reads of the whole corpus.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path

from clock_train.data.manifest import read_corpus
from clock_train.data.packing import PackedCorpus, pack
from clock_train.data.small_corpus import anonymous, bundled_sndfile, read_small, write_small
from clock_train.data.sound_codec import Codec
from clock_train.data.splits import TEST, TRAIN, VALIDATION
from clock_train.evaluation.figures import EvaluationReport, Subject
from clock_train.evaluation.phone_recogniser import PhoneRecogniser
from clock_train.evaluation.report import evaluate
from clock_train.evaluation.scores import EvaluationItem
from clock_train.orchestration.held_out import held_out_clips
from clock_train.orchestration.phone_judge import heard_phones, phone_judge
from clock_train.text.frontend import phonemize

SHOWN = ("speaker_similarity", "mcd_warped", "word_error_rate", "phone_error_rate", "dnsmos_overall")
NONE = "as recorded"


def main() -> None:
    """Judge each way of carrying."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="of one speaker")
    parser.add_argument("--opus-bits", type=int, nargs="+", default=[16_000, 32_000])
    asked = parser.parse_args()
    packed, _ = pack([read_corpus(asked.corpus)])
    judges = {language: phone_judge(packed, language) for language in set(packed.languages)}
    print(f"| carried | MiB | {' | '.join(SHOWN)} |\n|{'---|' * (len(SHOWN) + 2)}")
    ways: list[tuple[str, Codec | None, int]] = [(NONE, None, 0), ("FLAC", Codec.FLAC, 0)]
    ways += [(f"Opus, {bits // 1000} kbit/s", Codec.OPUS, bits) for bits in asked.opus_bits]
    for name, codec, bits in ways:
        print(f"| {name} | {_row(packed, codec, bits, judges)} |", flush=True)


def _row(packed: PackedCorpus, codec: Codec | None, bits: int, judges: Mapping[str, PhoneRecogniser | str]) -> str:
    carried, size = packed, packed.samples[: sum(_lengths(packed, TRAIN, VALIDATION))].nbytes
    if codec is not None:
        carried, _ = _there_and_back(packed, (TEST,), codec, bits)
        _, size = _there_and_back(packed, (TRAIN, VALIDATION), codec, bits)
    report = evaluate(_items(packed, carried, codec is not None), phone_judges=judges)
    return " | ".join([f"{size / 2**20:.1f}", *(_value(report, name) for name in SHOWN)])


def _there_and_back(packed: PackedCorpus, splits: tuple[int, ...], codec: Codec, bits: int) -> tuple[PackedCorpus, int]:
    """The clips of some splits as they come out, and the bytes they took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_small(anonymous(packed, splits), folder, codec, opus_bits=bits or 32_000)
        size = sum(path.stat().st_size for path in folder.iterdir())
        return read_small(folder, library=bundled_sndfile()), size


def _items(packed: PackedCorpus, carried: PackedCorpus, is_test_alone: bool) -> list[EvaluationItem]:
    tests = packed.of_split(TEST)
    items = []
    for i in held_out_clips(packed, speaker=packed.speakers[0]):
        utterance = phonemize(packed.texts[i], packed.languages[i])
        items.append(EvaluationItem(
            id=packed.public_id(i),
            text=utterance.normalized,
            language=packed.languages[i],
            natural=packed.waveform(i),
            generated=carried.waveform(tests.index(i) if is_test_alone else i),
            phones=heard_phones(packed.ids(i)),
        ))  # fmt: skip
    return items


def _lengths(packed: PackedCorpus, *splits: int) -> list[int]:
    return [len(packed.waveform(i)) for split in splits for i in packed.of_split(split)]


def _value(report: EvaluationReport, metric: str) -> str:
    row = report.row(metric, Subject.SPEECH)
    return "–" if row is None or row.value is None else f"{row.value:.3f}"


if __name__ == "__main__":
    main()
