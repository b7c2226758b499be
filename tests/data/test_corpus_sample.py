from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from corpus_making import message_as_ordinary_user, public_folder

from clock_train.data.build import build_corpus
from clock_train.data.sample import CHECKSUMS_NAME, SAMPLES, copy_sample, fetch_sample, is_intact
from clock_train.errors import CorpusUnwritable, SampleUnavailable

APT = """#!{python}
import os, pathlib, sys
words = sys.argv[1:]
open({log!r}, "a").write(" ".join(words) + "\\n")
if "download" in words:
    if {fails!r}:
        print("E: Unable to locate package", file=sys.stderr)
        sys.exit(100)
    for package in words[words.index("download") + 1:]:
        pathlib.Path(package + "_1_all.deb").write_bytes(b"")
"""
DPKG = """#!{python}
import gzip, pathlib, sys
package, target = pathlib.Path(sys.argv[2]).name.split("_")[0], pathlib.Path(sys.argv[3])
if package.endswith("g722"):
    sounds = target / "usr/share/asterisk/sounds/en_US_f_Allison/digits"
    sounds.mkdir(parents=True)
    (sounds / "1.g722").write_bytes(bytes(range(256)) * 40)
else:
    docs = target / "usr/share/doc" / package
    docs.mkdir(parents=True)
    (docs / "core-sounds-en.txt.gz").write_bytes(gzip.compress(b"; Core\\n\\ndigits/1: one\\n"))
    (docs / "copyright").write_text("Copyright: Allison Smith. License: CC-BY-SA-3.0")
"""


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """A machine whose apt and dpkg are small scripts; returns apt's log."""
    _install(tmp_path, monkeypatch)
    return tmp_path / "apt.log"


def _install(tmp_path: Path, monkeypatch, *, fails: bool = False) -> None:
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    names = {"python": sys.executable, "log": str(tmp_path / "apt.log"), "fails": fails}
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG)):
        (tools / name).write_text(text.format(**names))
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setenv("CLOCKTRAIN_CACHE", str(tmp_path / "cache"))


def test_a_sample_is_fetched_once_into_its_own_lists_and_cache(machine, tmp_path):
    folder = fetch_sample("en")
    assert folder == tmp_path / "cache/samples/en"
    assert (folder / "transcripts.txt").read_text() == "; Core\n\ndigits/1: one\n"
    assert (folder / "digits/1.g722").is_file()
    commands = machine.read_text().splitlines()
    assert [command.split()[-3 if "download" in command else -1] for command in commands] == ["update", "download"]
    assert all(f"Dir::State={tmp_path}/cache/samples/.apt/state" in command for command in commands)
    assert all("Dir::Etc" not in command for command in commands)
    fetch_sample("en")
    assert len(machine.read_text().splitlines()) == 2


def test_the_attribution_names_speaker_and_licence(machine):
    text = (fetch_sample("en") / "ATTRIBUTION").read_text()
    assert "Spoken by Allison Smith" in text
    assert "CC-BY-SA-3.0, https://creativecommons.org/licenses/by-sa/3.0/" in text
    assert "Copyright: Allison Smith" in text


def test_a_damaged_sample_is_fetched_again(machine):
    folder = fetch_sample("en")
    (folder / "digits/1.g722").write_bytes(b"other")
    assert not is_intact(folder)
    assert is_intact(fetch_sample("en"))


def test_a_sample_without_its_checksums_is_not_trusted(machine):
    folder = fetch_sample("en")
    (folder / CHECKSUMS_NAME).unlink()
    assert not is_intact(folder)


def test_the_recordings_are_copied_and_a_second_time_left_alone(machine, tmp_path):
    out = copy_sample("en", tmp_path / "recordings")
    assert is_intact(out)
    lines: list[str] = []
    assert copy_sample("en", out, report=lines.append) == out
    assert "holds the sample already" in lines[-1]


def test_a_folder_with_other_things_is_not_touched(machine, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(CorpusUnwritable, match=r"is not empty.*--out"):
        copy_sample("en", tmp_path / "mine")


def test_a_machine_without_apt_says_how_to_bring_own_recordings(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CLOCKTRAIN_CACHE", str(tmp_path / "cache"))
    with pytest.raises(SampleUnavailable, match=r"apt-get is not here\. Bring your own recordings.*transcripts\.tsv"):
        fetch_sample("en")


def test_a_machine_without_network_repeats_what_apt_said(tmp_path, monkeypatch):
    _install(tmp_path, monkeypatch, fails=True)
    with pytest.raises(SampleUnavailable, match=r"E: Unable to locate package.*Check the network.*Bring your own"):
        fetch_sample("en")
    assert not (tmp_path / "cache/samples/en").exists()


def test_an_unknown_language_lists_the_known_ones(machine):
    with pytest.raises(SampleUnavailable, match='no sample in "de"; there are en, es, fr, it, ru'):
        fetch_sample("de")


def test_waiting_for_another_process_ends(machine, tmp_path):
    samples = tmp_path / "cache/samples"
    samples.mkdir(parents=True)
    code = (
        f"import fcntl, time; f = open({str(samples / '.lock')!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
        "print(1, flush=True); time.sleep(30)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        begin = time.monotonic()
        with pytest.raises(SampleUnavailable, match=r"another process holds .*\.lock"):
            fetch_sample("en", timeout_s=0.5)
        assert time.monotonic() - begin < 5
        other.kill()


def test_a_cache_that_may_not_be_written_says_how_to_move_it(monkeypatch):
    with public_folder() as folder:
        (folder / "locked").mkdir(mode=0o555)
        monkeypatch.setenv("CLOCKTRAIN_CACHE", str(folder / "locked"))
        message = message_as_ordinary_user(lambda: fetch_sample("en"))
    assert message.startswith("CorpusUnwritable:"), message
    assert "CLOCKTRAIN_CACHE moves the cache" in message


@pytest.mark.ring2
def test_the_real_english_sample_becomes_a_basic_corpus(tmp_path):
    folder = fetch_sample("en")
    begin = time.process_time()
    corpus = build_corpus(folder, tmp_path / "out", speaker=SAMPLES["en"].speaker, language="en")
    seconds = sum(clip.origin.end_s for clip in corpus.clips if clip.path)
    print(f"{seconds / (time.process_time() - begin):.0f} times real time, {os.cpu_count()} cores")
    assert corpus.quality["tier"] == "basic"
    assert corpus.seconds() > 20 * 60
    assert corpus.quality["warnings"] == []
    assert "Allison Smith" in (corpus.path / "ATTRIBUTION").read_text()
    assert {"silence-1", "beep", "tt-monkeys"} <= {clip.id for clip in corpus.clips if not clip.is_accepted}
