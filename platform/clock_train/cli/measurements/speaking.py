"""Real-time factor of teacher and student on one thread: CPU seconds for each second of speech, PyTorch eager."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from clock_train.cli.measurements.isolation import CpuClock, answer, median
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.orchestration.starting_model import vocabulary
from clock_train.text.inventory import PHONES

NUM_PHONES = 60
"""About five seconds."""
FRAMES_A_PHONE = 5
"""12.5 phones a second at 62.5 frames a second."""


class SteadyPace(nn.Module):
    """Runs the real predictor and answers with a usual duration: random weights know none."""

    def __init__(self, predictor: nn.Module) -> None:
        super().__init__()
        self.predictor = predictor

    def forward(self, *inputs: Tensor) -> Tensor:
        """Natural-log frames, all the same."""
        return torch.full_like(self.predictor(*inputs), math.log(FRAMES_A_PHONE))


def measure_speaking(*, rounds: int) -> dict[str, float]:
    """Speak the same phones with both models in turn.

    Args:
        rounds: measured ones; the median counts, and the turns keep a busy neighbour from meeting only one of them.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    speakers = {"teacher": _Speaker(teacher_config()), "student": _Speaker(student_config())}
    factors: dict[str, list[float]] = {name: [] for name in speakers}
    for speaker in speakers.values():
        speaker.speak()
    for _ in range(rounds):
        for name, speaker in speakers.items():
            factors[name].append(speaker.speak())
    return {f"{name}_rtf": median(values) for name, values in factors.items()}


class _Speaker:
    def __init__(self, config: VoiceConfig) -> None:
        torch.manual_seed(1)
        self.model = VoiceModel(config, vocabulary(), num_speakers=1).eval()
        self.model.duration = SteadyPace(self.model.duration)  # type: ignore[assignment]
        self.ids_B3L = torch.stack(
            [torch.randint(1, len(PHONES), (1, NUM_PHONES)), *torch.zeros(2, 1, NUM_PHONES).long()], dim=1
        )
        self.condition_BG = torch.randn(1, config.condition_channels)
        self.rate_hz = config.mel.sample_rate_hz

    @torch.inference_mode()
    def speak(self) -> float:
        clock = CpuClock()
        _, samples, _ = self.model.synthesize(self.ids_B3L, torch.tensor([NUM_PHONES]), self.condition_BG)
        return clock.seconds() / (int(samples[0]) / self.rate_hz)


if __name__ == "__main__":
    answer(measure_speaking)
