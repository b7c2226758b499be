"""The Mandarin phone teacher: which texts, and recordings that a corpus is built from."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np

from clock_train.data.build import build_corpus
from clock_train.data.manifest import read_corpus
from clock_train.data.prompts import prompts
from clock_train.orchestration.phone_judge import HELD_OUT_EVERY

SCRIPT = runpy.run_path(str(Path(__file__).parents[2] / "pipelines" / "synthetic_corpus.py"))


def test_what_the_synthetic_judge_asks_for_is_never_spoken_and_texts_are_not_repeated() -> None:
    found = SCRIPT["texts"](50, 1)
    judged = [prompt.text for prompt in prompts("zh")][::HELD_OUT_EVERY]
    assert not set(judged) & set(found)
    assert len(set(found)) == len(found) > 400
    assert found == SCRIPT["texts"](50, 1) != SCRIPT["texts"](50, 2)


def test_what_it_writes_becomes_a_corpus(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    time_s = np.arange(2 * 16_000) / 16_000
    loudness = 1 + 0.5 * np.sin(20 * time_s) + rng.normal(0, 1e-3, len(time_s))
    spoken = [
        (text, (0.1 * loudness * np.sum([np.sin(2 * np.pi * pitch * k * time_s) / k for k in range(1, 20)], axis=0)))
        for pitch, text in ((120, "清晨的阳光穿过窗帘。"), (130, "请问您想查询余额吗？"))
    ]
    minutes = SCRIPT["write"](tmp_path / "zh", spoken)
    assert minutes == 2 * 2.3 / 60
    build_corpus(tmp_path / "zh", tmp_path / "corpus", speaker="synthetic-zh", language="zh")
    clips = read_corpus(tmp_path / "corpus").clips
    assert sorted(clip.text for clip in clips) == sorted(text for text, _ in spoken)
    assert {clip.language for clip in clips} == {"zh"}
