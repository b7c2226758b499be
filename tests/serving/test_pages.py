"""The pages for people, in a real Chromium: what they show, what is heard, and that nothing comes from elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from playwright.sync_api import Browser, Page, expect, sync_playwright
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
pytestmark = [
    pytest.mark.ring2,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: make e2e-tools installs one"),
]
CLOCKTRAIN = str(Path(sys.executable).with_name("clocktrain"))
TEXT = "The north wind and the sun were disputing. A traveller came along."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    voices_in(folder, "anna")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Front]:
    with front(folder / "voices", folder / "issuing") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US", accept_downloads=True)
    opened = context.new_page()
    opened.asked = []  # type: ignore[attr-defined]
    opened.troubles = []  # type: ignore[attr-defined]
    opened.on("request", lambda request: opened.asked.append(request.url))  # type: ignore[attr-defined]
    opened.on("pageerror", lambda error: opened.troubles.append(str(error)))  # type: ignore[attr-defined]
    opened.on("console", lambda said: said.type == "error" and opened.troubles.append(said.text))  # type: ignore[attr-defined]
    yield opened
    context.close()


def speak(page: Page, served: Front, text: str = TEXT, voice: str = "duo@1") -> None:
    page.goto(served.http)
    page.wait_for_selector(f"#voice option[value='{voice}']", state="attached")
    page.fill("#text", text)
    page.select_option("#voice", voice)
    page.click("#speak")


def test_a_person_types_picks_a_voice_listens_and_downloads(page: Page, served: Front, tmp_path: Path) -> None:
    speak(page, served)
    expect(page.locator("#said mark")).to_have_count(1, timeout=20_000)  # the word that is heard
    expect(page.locator("#state")).to_contain_text("seconds of sound", timeout=30_000)
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "heard.wav")
    assert soundfile.info(tmp_path / "heard.wav").duration > 1.0
    assert page.evaluate("running.sound.length") == pytest.approx(
        soundfile.info(tmp_path / "heard.wav").duration, abs=0.01
    )
    assert page.asked and all(url.startswith((served.http, "blob:")) for url in page.asked)  # type: ignore[attr-defined]
    assert page.troubles == []  # type: ignore[attr-defined]


def test_words_are_shown_while_they_are_heard_in_their_order(page: Page, served: Front) -> None:
    speak(page, served)
    seen: list[str] = []
    for _ in range(400):
        shown = page.evaluate("document.querySelector('#said mark')?.textContent || ''")
        if shown and (not seen or seen[-1] != shown):
            seen.append(shown)
        if seen and page.evaluate("document.getElementById('stop').disabled"):
            break
        page.wait_for_timeout(10)
    words = [str(word) for word in TEXT.replace(".", "").split()]
    places = [words.index(word) for word in seen]
    assert len(seen) > len(words) / 2 and places == sorted(places)


def test_stop_silences_it_and_the_server(page: Page, served: Front) -> None:
    page.goto(served.http)
    page.wait_for_selector("#voice option[value='duo@1']", state="attached")
    page.fill("#text", f"{TEXT} " * 290)
    page.evaluate("document.getElementById('speed').value = 0.5")  # twenty minutes of speech: much is left to stop
    page.click("#speak")
    for _ in range(300):
        if page.evaluate("Boolean(running && running.sound.length)"):
            break
        page.wait_for_timeout(100)
    page.click("#stop")
    expect(page.locator("#stop")).to_be_disabled()
    for _ in range(300):
        if " left: " in served.log_path.read_text():
            break
        page.wait_for_timeout(100)
    assert " left: " in served.log_path.read_text()


def test_what_cannot_be_spoken_is_told_where_the_person_looks(page: Page, served: Front) -> None:
    speak(page, served, text="🙂")
    expect(page.locator("#trouble")).to_contain_text("TextEmpty", timeout=10_000)


def test_the_detectors_page_of_a_server_finds_its_own_sound_and_says_what_is_none(
    page: Page, served: Front, tmp_path: Path
) -> None:
    body = {"input": f"{TEXT} " * 8, "voice": "duo", "response_format": "flac"}
    spoken = httpx.post(f"{served.http}/v1/audio/speech", json=body, timeout=60)
    (tmp_path / "own.flac").write_bytes(spoken.content)
    (tmp_path / "letter.txt").write_text("no sound at all")
    page.goto(f"{served.http}/detect")
    for name, verdict, words in (
        ("own.flac", "Marked", "less than one in a"),
        ("letter.txt", "Not looked at", "is no sound file"),
    ):
        page.set_input_files("#file", tmp_path / name)
        expect(page.locator("#verdict")).to_have_text(verdict, timeout=120_000)
        expect(page.locator("#words")).to_contain_text(words)


def test_what_a_person_types_is_never_taken_for_markup(page: Page, served: Front) -> None:
    speak(page, served, text="Good <img src=x onerror=document.title=1> morning.")
    page.wait_for_timeout(1_000)
    assert page.title() == "ClockTrain" and page.locator("#said img").count() == 0


def test_the_page_speaks_the_persons_language(browser: Browser, served: Front) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(served.http)
    expect(page.locator("#speak")).to_have_text("朗读")
    context.close()


def test_a_key_is_asked_for_where_the_server_wants_one_and_stays_in_the_tab(page: Page, folder: Path) -> None:
    accounts = folder / "accounts.sqlite"
    made = [CLOCKTRAIN, "apikeys", "create", "--tenant", "studio", "--accounts", str(accounts), "--json"]
    key = json.loads(subprocess.run(made, capture_output=True, text=True, check=True, timeout=60).stdout)["apiKey"]
    with front(folder / "voices", folder / "issuing", "--accounts", str(accounts)) as guarded:
        page.goto(guarded.http)
        page.wait_for_selector("#key", state="visible")
        page.fill("#key", key)
        page.dispatch_event("#key", "change")
        page.wait_for_selector("#voice option[value='anna@1']", state="attached")
        page.click("#speak")
        expect(page.locator("#state")).to_contain_text("seconds of sound", timeout=30_000)
        assert key not in page.url and key not in guarded.log_path.read_text()
        assert page.evaluate("localStorage.length") == 0


def test_the_page_runs_its_own_script_only(served: Front) -> None:
    answers = [httpx.get(served.http) for _ in range(2)]
    policies = [answer.headers["content-security-policy"] for answer in answers]
    assert policies[0] != policies[1] and "default-src 'none'" in policies[0] and "unsafe" not in policies[0]
    nonce = policies[0].partition("'nonce-")[2].partition("'")[0]
    assert answers[0].text.count(nonce) == 2
    text = answers[0].text.replace("http://www.w3.org/", "")  # the name of SVG's language, which nobody fetches
    assert "http://" not in text and "https://" not in text


def test_the_api_is_described_to_people(page: Page, served: Front) -> None:
    page.goto(f"{served.http}/docs")
    expect(page.locator("summary code")).to_have_count(18)
    expect(page.locator("td code", has_text="response_format").first).to_be_visible()
    assert f"curl {served.http}/v1/audio/speech" in (page.locator("#curl").text_content() or "")
    assert page.troubles == [] and all(url.startswith((served.http, "data:")) for url in page.asked)  # type: ignore[attr-defined]
