"""A bundle in ONNX Runtime on one thread: student, its int8 decoder and the teacher in turn, of random weights."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from clock_train.audit.signing import open_signer
from clock_train.bundle.card import file_digest
from clock_train.bundle.opening import DECODER_GRAPH, Bundle, verify_bundle
from clock_train.cli.measurements.bench_voice import bench_bundle
from clock_train.cli.measurements.isolation import CpuClock, answer, median
from clock_train.cli.measurements.speaking import NUM_PHONES
from clock_train.export.int8 import INT8_DECODER, write_int8_decoder
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.models.voice import VoiceConfig
from clock_train.serving.onnx_voice import OnnxVoice
from clock_train.text.inventory import PHONES

CALIBRATION_SENTENCES = 4


def measure_onnx_speaking(*, rounds: int) -> dict[str, float]:
    """Real-time factors, the CPU time to the first chunk, and what a load takes.

    Args:
        rounds: measured ones; the median counts, and the turns keep a busy neighbour from meeting only one of them.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        bundles = {
            "student": _exported(Path(place) / "student", student_config()),
            "teacher": _exported(Path(place) / "teacher", teacher_config()),
        }
        bundles["int8"] = _with_int8(bundles["student"])
        began = time.perf_counter()
        OnnxVoice(bundles["student"])
        found = {"load_s": time.perf_counter() - began}
        voices = {name: OnnxVoice(bundle) for name, bundle in bundles.items()}
        factors: dict[str, list[float]] = {name: [] for name in voices}
        firsts: list[float] = []
        for number in range(rounds + 1):
            for name, voice in voices.items():
                clock = CpuClock()
                spoken = voice.speak(_phones(), voice.vectors_SE[0], seed=number)
                factors[name].append(clock.seconds() / (len(spoken) / voice.sample_rate_hz))
            clock = CpuClock()
            next(voices["student"].stream(_phones(), voices["student"].vectors_SE[0], seed=number))
            firsts.append(1_000 * clock.seconds())
    for name, values in factors.items():
        found[f"{name}_rtf"] = median(values[1:])  # the first one allocates
    found["first_chunk_ms"] = median(firsts[1:])
    found["times_faster"] = found["teacher_rtf"] / found["student_rtf"]
    found["int8_times_faster"] = found["student_rtf"] / found["int8_rtf"]
    found["student_parameters_m"] = bundles["student"].values["parameterCounts"]["synthesis"] / 1e6
    return found


def _exported(folder: Path, config: VoiceConfig) -> Bundle:
    signer = open_signer(folder / "signing.key")
    return verify_bundle(bench_bundle(folder, config, signer=signer), trusted_keys=[signer.public_key])


def _with_int8(bundle: Bundle) -> Bundle:
    voice, path = OnnxVoice(bundle), bundle.folder / INT8_DECODER
    windows = [voice.read(_phones(), voice.vectors_SE[0], seed=seed) for seed in range(CALIBRATION_SENTENCES)]
    write_int8_decoder(bundle.folder / DECODER_GRAPH, path, windows)
    files = {**bundle.values["files"], INT8_DECODER: file_digest(path)}
    graphs = {**bundle.values["graphs"], "decoder": INT8_DECODER}
    return replace(bundle, values={**bundle.values, "files": files, "graphs": graphs})


def _phones() -> np.ndarray:
    phones = np.random.default_rng(1).integers(1, len(PHONES), NUM_PHONES)
    return np.stack([phones, np.zeros_like(phones), np.zeros_like(phones)])


if __name__ == "__main__":
    answer(measure_onnx_speaking)
