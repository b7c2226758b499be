"""The HTML report: one file that needs nothing from outside, and pictures that are what they say."""

from __future__ import annotations

import base64
import io
import re
import wave
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from evaluation_signals import voice
from PIL import Image

from clock_train.audio.mel import log_mel
from clock_train.evaluation.curves_svg import Chart, Series, chart_svg
from clock_train.evaluation.figures import EvaluationReport, Failure, ItemScores, Row, Subject
from clock_train.evaluation.report_html import ReportPage, Sample, write_report_html
from clock_train.evaluation.scores import EvaluationItem
from clock_train.evaluation.spectrogram_png import LOUD, QUIET, spectrogram_png
from clock_train.evaluation.targets import Figure


class Collected(HTMLParser):
    """Tags that are open at the end, and every address the page refers to."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """SVG shapes close themselves."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def item(number: int) -> EvaluationItem:
    sound = voice(seconds=0.5)
    return EvaluationItem(
        id=f"clip-{number}", text="one <two> & three", natural=sound, generated=sound, style="question"
    )


def report() -> EvaluationReport:
    scores = {"speaker_similarity/speech": 0.71, "word_error_rate/speech": 0.5}
    items = (ItemScores(id="clip-0", text="a", style="question", language="en", scores=scores, heard={"speech": ""}),)
    rows = (
        Row(metric="speaker_similarity", subject=Subject.SPEECH, style="question", value=0.71, num_items=1),
        Row(metric="word_error_rate", subject=Subject.SPEECH, style="question", unavailable="no recogniser here"),
    )
    failures = (Failure(item="clip-9", metric="mel_distance", subject=Subject.SPEECH, reason="it was silent"),)
    return EvaluationReport(rows=rows, items=items, failures=failures, seed=0)


def page(**changes) -> ReportPage:
    parts = {
        "title": "Voice <anna>",
        "statement": ["Not intelligible yet."],
        "figures": [
            Figure(title="Similarity", measured=0.7, unit="cosine", at_least=0.64, note="floor 0.5"),
            Figure(title="Ratio", measured=0.9, at_most=0.75),
            Figure(title="Words", measured=None, note="not available: no recogniser"),
        ],
        "facts": {"Steps": "1,830"},
        "samples": [Sample(title="From text", text="欢迎使用钟训练语音复刻系统", waveform=voice(seconds=0.5))],
        "items": [item(0)],
        "charts": [Chart(title="Mel loss", series=[Series(name="training", x=[1, 2, 3], y=[3.0, 2.0, 1.5])])],
    }
    return ReportPage(**{**parts, **changes})


def test_the_page_is_one_file_with_nothing_from_outside(tmp_path: Path) -> None:
    written = write_report_html(tmp_path / "out" / "report.html", page(), report())
    content = written[0].read_text(encoding="utf-8")
    collected = Collected(content)
    assert written == [tmp_path / "out" / "report.html"]
    assert collected.open == []
    assert all(address.startswith("data:") for address in collected.addresses)
    assert "http" not in re.sub(r"base64,[^\"]*", "", content)
    assert "prefers-color-scheme: dark" in content


def test_the_page_says_what_was_met_missed_and_not_measured(tmp_path: Path) -> None:
    write_report_html(tmp_path / "report.html", page(), report())
    content = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert content.index("Not intelligible yet.") < content.index("Figures")
    for shown in ('class="met">met', 'class="missed">missed', "≥ 0.64", "not available: no recogniser", "1,830"):
        assert shown in content
    for shown in ("speaker similarity 0.710", "heard “(nothing)”", "no recogniser here", "it was silent"):
        assert shown in content
    assert "欢迎使用钟训练语音复刻系统" in content


def test_texts_are_escaped(tmp_path: Path) -> None:
    write_report_html(tmp_path / "report.html", page())
    content = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "one &lt;two&gt; &amp; three" in content
    assert "<anna>" not in content


def test_many_sounds_lie_beside_the_page_under_relative_names(tmp_path: Path) -> None:
    written = write_report_html(tmp_path / "report.html", page(items=[item(number) for number in range(12)]))
    assert len(written) == 1 + 1 + 24
    collected = Collected(written[0].read_text(encoding="utf-8"))
    sounds = [address for address in collected.addresses if address.endswith(".wav")]
    assert sounds[0] == "report-sounds/0000.wav"
    assert {tmp_path / sound for sound in sounds} == set(written[1:])


def test_an_embedded_player_holds_the_waveform(tmp_path: Path) -> None:
    write_report_html(tmp_path / "report.html", page(items=[]))
    content = (tmp_path / "report.html").read_text(encoding="utf-8")
    encoded = re.search(r"data:audio/wav;base64,([^\"]*)", content)
    assert encoded is not None
    with wave.open(io.BytesIO(base64.b64decode(encoded[1]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    # 16 bits round to 1 / 32767
    assert samples / 32767 == pytest.approx(voice(seconds=0.5), abs=2 / 32767)


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(100), np.full(8_000, np.nan), 9 * np.ones(8_000)])
def test_a_broken_sound_does_not_break_the_page(tmp_path: Path, sound: np.ndarray) -> None:
    sample = Sample(title="From text", text="a", waveform=sound.astype(np.float32))
    write_report_html(tmp_path / "report.html", page(samples=[sample]))
    assert Collected((tmp_path / "report.html").read_text(encoding="utf-8")).open == []


def test_an_empty_page_is_a_page(tmp_path: Path) -> None:
    write_report_html(tmp_path / "report.html", ReportPage(title="Nothing yet", statement=[], figures=[]))
    content = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h2>" not in content


def test_the_spectrogram_is_a_png_with_low_frequencies_at_the_bottom() -> None:
    mel = np.full((80, 50), QUIET)
    mel[:8] = LOUD
    picture = Image.open(io.BytesIO(spectrogram_png(mel, pixels_per_band=2)))
    assert picture.size == (50, 160)
    colours = np.asarray(picture.convert("RGB")).astype(int)
    assert (colours[-16:] == colours[-1, 0]).all()
    assert colours[-1, 0].sum() > 600
    assert colours[0, 0].sum() < 20


def test_the_colours_rise_in_brightness_with_loudness() -> None:
    ramp = np.linspace(QUIET - 1, LOUD + 1, 200)[None]
    grey = np.asarray(Image.open(io.BytesIO(spectrogram_png(ramp))).convert("L")).astype(int)
    assert (np.diff(grey[0]) >= -1).all()


def test_a_real_spectrogram_is_small() -> None:
    assert len(spectrogram_png(log_mel(voice(seconds=3.0)))) < 20_000


def test_a_chart_draws_each_line_and_names_it() -> None:
    series = [Series(name="training <a>", x=[0, 1], y=[2.0, 1.0]), Series(name="validation", x=[0, 1], y=[2.5, 1.5])]
    svg = chart_svg(Chart(title="Loss", series=series))
    assert svg.count('class="line"') == 2
    assert "training &lt;a&gt;" in svg
    assert Collected(svg).open == []


def test_a_value_that_is_no_number_breaks_the_line() -> None:
    svg = chart_svg(Chart(title="Loss", series=[Series(name="a", x=[0, 1, 2, 3], y=[1, float("nan"), 2, 3])]))
    path = re.search(r' d="([^"]*)"', svg)
    assert path is not None
    assert (path[1].count("M"), path[1].count("L")) == (2, 1)


def test_a_point_without_neighbours_is_a_dot_in_its_line_s_colour() -> None:
    series = [Series(name="a", x=[5], y=[1.0]), Series(name="b", x=[0, 1, 2, 3], y=[1, 2, float("nan"), 3])]
    svg = chart_svg(Chart(title="Loss", series=series))
    assert [found[1] for found in re.finditer(r"<circle [^>]*var\((--line-\d)\)", svg)] == ["--line-0", "--line-1"]


def test_a_narrow_logarithmic_chart_marks_round_values_as_well() -> None:
    svg = chart_svg(Chart(title="Loss", series=[Series(name="a", x=[0, 1], y=[36.0, 66.0])], is_log=True))
    labels = re.findall(r'text-anchor="end">([^<]*)<', svg)
    assert labels == ["40", "50", "60"]


def test_a_logarithmic_chart_marks_round_values() -> None:
    svg = chart_svg(Chart(title="Loss", series=[Series(name="a", x=[0, 1], y=[0.1, 10.0])], is_log=True))
    labels = re.findall(r'text-anchor="end">([^<]*)<', svg)
    assert labels == ["0.1", "0.2", "0.5", "1", "2", "5", "10"]


def test_a_long_line_is_thinned_and_keeps_its_last_point() -> None:
    x = list(range(10_001))
    svg = chart_svg(Chart(title="Loss", series=[Series(name="a", x=x, y=[float(value) for value in x])]))
    path = re.search(r' d="([^"]*)"', svg)
    assert path is not None
    assert path[1].count("L") <= 400
    assert path[1].endswith("548.0 14.0")


@pytest.mark.parametrize("y", [[], [float("nan")], [-1.0]])
def test_a_chart_without_points_says_so(y: list[float]) -> None:
    series = [Series(name="a", x=list(range(len(y))), y=y)]
    assert "nothing recorded" in chart_svg(Chart(title="Loss", series=series, is_log=True))


def test_a_constant_line_is_drawn() -> None:
    assert 'class="line"' in chart_svg(Chart(title="Rate", series=[Series(name="a", x=[5, 5], y=[0.0, 0.0])]))
