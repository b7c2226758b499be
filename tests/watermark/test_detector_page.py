"""The detector's page in a real Chromium: a person drops a file and sees whether, where and whose."""

from __future__ import annotations

import base64
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from marking import DAY, RATE_HZ, marked, speech, tenant
from playwright.sync_api import Browser, Page, expect, sync_playwright

from clock_train.audio.writing import write_wav
from clock_train.cli.detector_server import serve
from clock_train.watermark.open_detector import OpenDetector

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
pytestmark = [
    pytest.mark.ring2,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: make e2e-tools installs one"),
]
ACME = tenant("acme")
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), each => each.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  const how = { dataTransfer: dropped, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"])
    document.getElementById("drop").dispatchEvent(new DragEvent(kind, how));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    server = serve(OpenDetector([ACME], today=lambda: DAY), 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    context = browser.new_context(locale="en-US", viewport={"width": 900, "height": 800})
    opened = context.new_page()
    opened.troubles = []  # type: ignore[attr-defined]
    opened.asked = []  # type: ignore[attr-defined]
    opened.on("request", lambda request: opened.asked.append(request.url))  # type: ignore[attr-defined]
    opened.on("pageerror", lambda error: opened.troubles.append(str(error)))  # type: ignore[attr-defined]
    opened.goto(f"http://127.0.0.1:{server.server_address[1]}")
    yield opened
    context.close()
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


def sound(path: Path, waveform: np.ndarray) -> Path:
    write_wav(path, waveform, RATE_HZ)
    return path


def shown(page: Page, name: str) -> None:
    """Keep a picture, where somebody wants to look."""
    if folder := os.environ.get("CLOCKTRAIN_PICTURES"):
        page.screenshot(path=Path(folder) / f"detector-{name}.png")


def test_a_dropped_file_shows_where_it_is_marked_and_by_whose_keys(page: Page, tmp_path: Path) -> None:
    waveform = speech(9.0)
    waveform[4 * RATE_HZ :] = marked(waveform[4 * RATE_HZ :].copy(), ACME.embedding_key(DAY))
    path = sound(tmp_path / "half.wav", waveform)
    page.evaluate(DROP, ["half <b>of it.wav", base64.b64encode(path.read_bytes()).decode()])
    expect(page.locator("#verdict")).to_have_text("Marked", timeout=60_000)
    expect(page.locator("#words")).to_contain_text("less than one in a trillion")
    cells = page.locator("#rows td").all_text_contents()
    # the start is known to the second that is looked at as one, and is shown in half seconds
    assert cells[2] == "acme" and float(cells[0].split()[0]) == pytest.approx(4.0, abs=1.1)
    assert "marked from" in str(page.locator("#wave").get_attribute("aria-label"))
    assert page.locator("#result").get_by_text("A mark alone accuses nobody").count() == 1
    shown(page, "marked")
    assert page.troubles == []  # type: ignore[attr-defined]
    assert all(url.startswith(("http://127.0.0.1:", "blob:")) for url in page.asked)  # type: ignore[attr-defined]


def test_an_unmarked_file_a_silent_one_and_no_sound_are_told_apart(page: Page, tmp_path: Path) -> None:
    silent = np.zeros(8 * RATE_HZ, dtype=np.float32)
    silent[:RATE_HZ] = speech(1.0)
    (tmp_path / "letter.txt").write_text("no sound at all")
    told = {
        sound(tmp_path / "plain.wav", speech(5.0)): ("No mark found", "be marked under other keys"),
        sound(tmp_path / "silent.wav", silent): ("No mark found", "That says little here"),
        tmp_path / "letter.txt": ("Not looked at", "is no sound file"),
    }
    for path, (verdict, words) in told.items():
        page.set_input_files("#file", path)
        expect(page.locator("#verdict")).to_have_text(verdict, timeout=60_000)
        expect(page.locator("#words")).to_contain_text(words)
        shown(page, path.stem)
    assert page.troubles == []  # type: ignore[attr-defined]


def test_a_file_that_is_too_large_is_refused_before_anything_is_looked_at(page: Page, tmp_path: Path) -> None:
    (tmp_path / "large.wav").write_bytes(b"\0" * (21 << 20))
    page.set_input_files("#file", tmp_path / "large.wav")
    expect(page.locator("#verdict")).to_have_text("Not looked at", timeout=60_000)
