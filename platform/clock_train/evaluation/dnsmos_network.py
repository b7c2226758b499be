"""The network of DNSMOS, for which a repeated sound costs what the sound alone does.

It hears 9.01 s: 900 frames of 20 ms, every 10 ms. Its first four layers, nine tenths of the work, see each frame with
four neighbours on either side. Where a sound of whole frames is repeated, what they say repeats as well: it is worked
out for one round and for the two ends of the window, and laid out for the layers that follow. The result is the whole
window's, to the last digits of float32; a test holds that.
Source: the graph is ``sig_bak_ovr.onnx`` of the ``speechmos`` wheel, cut in two and its length set free.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.errors import JudgeMissing
from clock_train.evaluation.judge_library import INSTALL_COMMAND, judge_library

JUDGE = "DNSMOS"
HOP_SAMPLES = 160
WINDOW_FRAMES = 900
WINDOW_SAMPLES = (WINDOW_FRAMES + 1) * HOP_SAMPLES
"""9.01 s: a frame is two hops long."""
REACH_FRAMES = 4
"""How far the layers before the first pooling see."""
SEAM = "mos_estimator_logpow/conv2d_3/Relu:0"
"""What the last of them says, (1, 32, frames, 161)."""
FREE_SHAPES = {
    "shape_tensor": (1, -1, HOP_SAMPLES),
    "shape_tensor1": (1, -1, HOP_SAMPLES),
    "input_1:01_cropping_end": (1, -HOP_SAMPLES),
}
"""Numbers of the graph that name its 9.01 s, and what they are for any length."""


class DnsmosNetwork:
    """Waveforms to the three raw opinions."""

    def __init__(self, first: Any, rest: Any) -> None:
        self._first, self._rest = first, rest

    def repeated(self, waveform: np.ndarray) -> np.ndarray:
        """(3,) float32: signal, background, overall of a sound repeated up to 9.01 s.

        Args:
            waveform: (T,) float32 in [-1, 1] at 16 kHz, 320 to 144,160 samples; what is over whole 10 ms is cut.
        """
        waveform = waveform[: len(waveform) // HOP_SAMPLES * HOP_SAMPLES]
        round_frames = len(waveform) // HOP_SAMPLES
        begun_frames = round_frames + 2 * REACH_FRAMES
        if begun_frames >= WINDOW_FRAMES:
            return self.whole(np.resize(waveform, WINDOW_SAMPLES))
        begun = self._hear(np.resize(waveform, (begun_frames + 1) * HOP_SAMPLES))
        heard = np.empty((*begun.shape[:2], WINDOW_FRAMES, begun.shape[3]), dtype=np.float32)
        # the last frames of the beginning know that it ended there
        done = begun_frames - REACH_FRAMES
        heard[:, :, :done] = begun[:, :, :done]
        while done < WINDOW_FRAMES:
            rounds = (done - REACH_FRAMES) // round_frames * round_frames
            count = min(rounds, WINDOW_FRAMES - done)
            heard[:, :, done : done + count] = heard[:, :, REACH_FRAMES : REACH_FRAMES + count]
            done += count
        ending_frames = 3 * REACH_FRAMES
        turned = np.roll(waveform, -(WINDOW_FRAMES - ending_frames) * HOP_SAMPLES)
        ending = self._hear(np.resize(turned, (ending_frames + 1) * HOP_SAMPLES))
        heard[:, :, -REACH_FRAMES:] = ending[:, :, -REACH_FRAMES:]
        return self._judge(heard)

    def whole(self, window: np.ndarray) -> np.ndarray:
        """(3,) float32 of a window, (144160,) float32."""
        return self._judge(self._hear(window))

    def _hear(self, waveform: np.ndarray) -> np.ndarray:
        return self._first.run(None, {"input_1": waveform[None]})[0]

    def _judge(self, heard: np.ndarray) -> np.ndarray:
        return self._rest.run(None, {SEAM: heard})[0][0]


@lru_cache(maxsize=1)
def load() -> DnsmosNetwork:
    """The network, on one thread.

    Raises:
        JudgeMissing: a package of it is not installed, or the wheel holds another graph.
    """
    onnxruntime, onnx = judge_library("onnxruntime", JUDGE), judge_library("onnx", JUDGE)
    extractor = judge_library("onnx.utils", JUDGE).Extractor
    # the package alone: its module "dnsmos" imports librosa (4 s) for a score that is not used here
    package = Path(judge_library("speechmos", JUDGE).__path__[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        model = _of_any_length(onnx, onnx.load(package / "dnsmos_models" / "sig_bak_ovr.onnx"))
        parts = extractor(model)
        first, rest = (
            onnxruntime.InferenceSession(
                parts.extract_model([source], [target]).SerializeToString(),
                sess_options=options,
                providers=["CPUExecutionProvider"],
            )
            for source, target in (("input_1", SEAM), (SEAM, "Identity:0"))
        )
    except Exception as cause:  # neither library's errors share a base of their own
        raise JudgeMissing(f"{JUDGE} cannot load its weights ({cause}). Run: {INSTALL_COMMAND}") from cause
    return DnsmosNetwork(first, rest)


def _of_any_length(onnx: Any, model: Any) -> Any:
    for initializer in model.graph.initializer:
        if initializer.name in FREE_SHAPES:
            values = np.array(FREE_SHAPES[initializer.name], dtype=np.int64)
            initializer.CopyFrom(onnx.numpy_helper.from_array(values, initializer.name))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "samples"
    return onnx.shape_inference.infer_shapes(model)
