"""Listening tests in a real Chromium: votes that land in a real MLflow equal clicks, a reload, keys, a phone.

Sounds are a third of a second long, so that whole sessions are listened to.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

for part in ("listening", "tracking"):
    sys.path.insert(0, str(Path(__file__).parents[1] / part))
from heard_voices import made, right_answer, served  # noqa: E402  # pyright: ignore[reportMissingImports]
from mlflow_doubles import free_port, mlflow_server  # noqa: E402  # pyright: ignore[reportMissingImports]

from clock_train.listening.listening_test import ListeningKind, ListeningTest, Role, trials_of  # noqa: E402
from clock_train.listening.mlflow_rest import MlflowRest  # noqa: E402
from clock_train.listening.rooms import ListeningRoom  # noqa: E402

CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
pytestmark = [
    pytest.mark.ring2,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: make e2e-tools installs one"),
]
SEEN = Path(os.environ["CLOCKTRAIN_SEEN"]) if "CLOCKTRAIN_SEEN" in os.environ else None
"""Where pictures of the pages are put, for people."""
PHONE = {"width": 375, "height": 760}
SECONDS = 0.3


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield launched
        launched.close()


def opened(browser: Browser, link: str, **options: Any) -> Page:
    page = browser.new_context(locale=options.pop("locale", "en-US"), **options).new_page()
    page.asked, page.troubles = [], []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.troubles.append(str(error)))  # type: ignore[attr-defined]
    page.goto(link)
    return page


def begin(page: Page) -> None:
    page.click("#agree")
    adjust(page)


def adjust(page: Page) -> None:
    expect(page.locator("#loud")).to_be_disabled()
    page.click("#checked button")
    page.click("#loud:enabled")


def gone_on(page: Page, done: int) -> None:
    """Until so many trials are answered."""
    page.wait_for_function("(done) => session.done === done && document.getElementById('volume').hidden", arg=done)


def hear(page: Page) -> None:
    for at in range(page.locator("#sounds button").count()):
        page.locator("#sounds button").nth(at).click()
        page.wait_for_selector(f"#sounds button:nth-child({at + 1}).heard")


def answer(page: Page, value: str) -> None:
    place = page.text_content("#place")
    hear(page)
    page.check(f"#answers input[value='{value}']")
    page.click("#next:enabled")
    page.wait_for_function("(before) => document.getElementById('place').textContent !== before", arg=place)


def answer_last(page: Page, value: str) -> None:
    hear(page)
    page.check(f"#answers input[value='{value}']")
    page.click("#next:enabled")
    expect(page.locator("#finish")).to_be_visible()


def session(page: Page, test: ListeningTest, listener: int, *, misses_gold: bool = False, first: int = 0) -> list[str]:
    """Answer every trial; what was clicked."""
    clicked, plan = [], trials_of(test, listener)
    for trial in plan[first:]:
        said = right_answer(test, trial)
        if misses_gold and trial.role is Role.GOLD:
            said = next(value for value in test.answers if value not in trial.accepted)
        (answer_last if trial is plan[-1] else answer)(page, said)
        clicked.append(said)
    return clicked


def seen(page: Page, name: str) -> None:
    if SEEN is not None:
        page.screenshot(path=SEEN / f"{name}.png", full_page=True)


@pytest.mark.timeout(600)
def test_five_sessions_with_a_gold_failure_and_a_reload_land_in_mlflow_click_by_click(
    tmp_path: Path, browser: Browser
) -> None:
    done, port, mlflow_port = made(tmp_path, listeners=5, trials=3, seconds=SECONDS), free_port(), free_port()
    test, clicks = done.test, dict[int, list[str]]()
    with served(done.folder, port, mlflow=f"http://127.0.0.1:{mlflow_port}") as (address, _):
        links = [f"{address}/listen/{token}" for token in done.tokens]
        # MLflow is away for the first two sessions
        for listener in (1, 2):
            page = opened(browser, links[listener - 1])
            begin(page)
            clicks[listener] = session(page, test, listener, misses_gold=listener == 2)
            assert page.troubles == [] and all(url.startswith((address, "blob:")) for url in page.asked)  # type: ignore[attr-defined]
            page.context.close()
        with mlflow_server(tmp_path / "mlflow", mlflow_port) as uri:
            for listener in (3, 4, 5):
                page = opened(browser, links[listener - 1])
                begin(page)
                if listener == 3:
                    for trial in trials_of(test, 3)[:3]:
                        answer(page, right_answer(test, trial))
                    page.reload()
                    adjust(page)
                    expect(page.locator("#place")).to_have_text("1 of 5")
                    clicks[3] = [right_answer(test, trial) for trial in trials_of(test, 3)[:3]]
                    clicks[3] += session(page, test, 3, first=3)
                else:
                    clicks[listener] = session(page, test, listener)
                page.reload()
                expect(page.locator("#finish")).to_be_visible()
                page.context.close()
            room = ListeningRoom(done.folder)
            deadline = time.monotonic() + 120
            while room.votes.waiting(uri):
                assert time.monotonic() < deadline, "the votes never arrived"
                time.sleep(0.2)
            values, rows = in_mlflow(uri, test)
    assert {
        listener: [row["answer"] for row in rows if row["listener"] == str(listener)] for listener in clicks
    } == clicks
    assert values["n_votes"] == sum(map(len, clicks.values())) - 5 * 3  # without practice
    assert values["n_rejected"] == len(clicks[2]) - 3
    assert (values["mos/natural"], values["mos/anna"], values["mos/boris"]) == (5, 4, 2)


def in_mlflow(uri: str, test: ListeningTest) -> tuple[dict[str, float], list[dict[str, str]]]:
    server = MlflowRest(uri)
    run_id = server.run_of(f"listening-{test.id}", "", time_ms=0)
    root = server.artifact_root(run_id).partition("mlflow-artifacts:/")[2]
    with urllib.request.urlopen(f"{uri}/api/2.0/mlflow/runs/get?run_id={run_id}") as told:
        metrics = json.loads(told.read())["run"]["data"]["metrics"]
    place = f"{uri}/api/2.0/mlflow-artifacts/artifacts/{root}/listening/{test.id}/votes.csv"
    with urllib.request.urlopen(place) as told:
        rows = list(csv.DictReader(io.StringIO(told.read().decode())))
    return {each["key"]: each["value"] for each in metrics}, rows


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ListeningTest, list[str], ListeningRoom]]:
    done = made(tmp_path_factory.mktemp("mos"), listeners=12, trials=3, seconds=SECONDS)
    with served(done.folder, free_port()) as (address, _):
        yield done.test, [f"{address}/listen/{token}" for token in done.tokens], ListeningRoom(done.folder)


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ListeningTest, list[str], ListeningRoom]]:
    done = made(tmp_path_factory.mktemp("ab"), ListeningKind.AB, listeners=4, trials=3, seconds=SECONDS)
    with served(done.folder, free_port()) as (address, _):
        yield done.test, [f"{address}/listen/{token}" for token in done.tokens], ListeningRoom(done.folder)


def test_nothing_that_the_browser_gets_names_a_system(browser: Browser, graded: Any) -> None:
    test, links, _ = graded
    got: list[bytes] = []
    context: BrowserContext = browser.new_context(locale="en-US")
    page = context.new_page()
    page.on("response", lambda response: got.append(response.body() + json.dumps(response.headers).encode()))
    page.goto(links[0])
    begin(page)
    answer(page, "1")
    got += [page.content().encode(), page.evaluate("JSON.stringify(session)").encode()]
    context.close()
    everything = b"\n".join(got)
    assert len(got) > 6
    for word in ("anna", "boris", "natural", "ruined", "gold", "resynthesis", "wind", *(s.id for s in test.stimuli)):
        assert word.encode() not in everything


def test_a_sound_must_be_heard_to_its_end_before_an_answer_is_taken(browser: Browser, graded: Any) -> None:
    _, links, room = graded
    page = opened(browser, links[1])
    begin(page)
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    assert page.locator("#answers input").first.is_disabled() and page.is_disabled("#next")
    page.click("#sounds button")
    page.click("#pause")  # in the middle of it
    page.click("#resume")
    page.wait_for_timeout(int(2_000 * SECONDS))
    assert page.locator("#answers input").first.is_disabled()
    hear(page)
    assert page.locator("#answers input").first.is_enabled() and page.is_disabled("#next")
    assert [vote for vote in room.votes.all() if vote.listener == 2] == []
    page.context.close()


def test_a_whole_session_by_keyboard(browser: Browser, graded: Any) -> None:
    test, links, room = graded
    page = opened(browser, links[2])
    page.focus("#agree")
    page.keyboard.press("Enter")
    page.wait_for_selector("#volume:not([hidden])")
    page.keyboard.press("Space")
    page.wait_for_selector("#loud:enabled")
    page.focus("#loud")
    page.keyboard.press("Enter")
    plan = trials_of(test, 3)
    for trial in plan:
        gone_on(page, trial.number)
        page.keyboard.press("Space")
        page.wait_for_selector("#sounds button.heard")
        page.keyboard.press(right_answer(test, trial))
        page.keyboard.press("Enter")
    expect(page.locator("#finish")).to_be_visible()
    votes = [vote for vote in room.votes.all() if vote.listener == 3]
    assert [vote.answer for vote in votes] == [right_answer(test, trial) for trial in plan]
    assert all(vote.heard and vote.plays == (1,) for vote in votes)
    page.context.close()


def test_pairs_by_keyboard_and_what_the_server_keeps_of_sides(browser: Browser, paired: Any) -> None:
    test, links, room = paired
    page = opened(browser, links[0])
    begin(page)
    keys = {"a": "1", "none": "2", "b": "3"}
    plan = trials_of(test, 1)
    for trial in plan:
        gone_on(page, trial.number)
        for at, key in enumerate("ab"):
            page.keyboard.press(key)
            page.wait_for_selector(f"#sounds button:nth-child({at + 1}).heard")
        page.keyboard.press(keys[right_answer(test, trial)])
        if trial.number == 1:
            seen(page, "pair")
        page.keyboard.press("Enter")
    expect(page.locator("#finish")).to_be_visible()
    votes = [vote for vote in room.votes.all() if vote.listener == 1]
    assert [vote.stimuli for vote in votes] == [tuple(each.id for each in trial.stimuli) for trial in plan]
    assert [vote.answer for vote in votes] == [right_answer(test, trial) for trial in plan]
    assert page.troubles == []  # type: ignore[attr-defined]
    page.context.close()


def test_a_pause_is_not_counted_as_time(browser: Browser, graded: Any) -> None:
    _, links, room = graded
    page = opened(browser, links[3])
    begin(page)
    hear(page)
    page.click("#pause")
    expect(page.locator("#paused")).to_be_visible()
    page.wait_for_timeout(3_000)
    page.click("#resume")
    page.check("#answers input[value='1']")
    page.click("#next")
    gone_on(page, 1)
    (vote,) = (vote for vote in room.votes.all() if vote.listener == 4)
    assert 1_000 * SECONDS < vote.ms < 3_000
    page.context.close()


def test_a_lost_connection_is_told_and_the_vote_arrives_once(browser: Browser, graded: Any) -> None:
    _, links, room = graded
    page = opened(browser, links[4])
    begin(page)
    hear(page)
    page.check("#answers input[value='2']")
    page.context.set_offline(True)
    page.click("#next")
    expect(page.locator("#trouble")).to_contain_text("did not arrive", timeout=20_000)
    page.context.set_offline(False)
    page.click("#next")
    gone_on(page, 1)
    assert [vote.answer for vote in room.votes.all() if vote.listener == 5] == ["2"]
    page.context.close()


def test_who_was_not_invited_is_told_so(browser: Browser, graded: Any) -> None:
    _, links, _ = graded
    forged = opened(browser, links[5][:-4] + "AAAA")
    expect(forged.locator("#trouble")).to_contain_text("no such invitation")
    first = opened(browser, links[5])
    begin(first)
    second = opened(browser, links[5])
    expect(second.locator("#trouble")).to_contain_text("another browser")
    for page in (forged, first, second):
        page.context.close()


def test_the_preview_of_a_link_uses_nothing_up(graded: Any, browser: Browser) -> None:
    _, links, _ = graded
    for _ in range(3):
        assert httpx.get(links[6]).status_code == 200
    page = opened(browser, links[6])
    expect(page.locator("#agree")).to_be_visible()
    page.context.close()


def test_the_page_speaks_the_listeners_language(browser: Browser, graded: Any) -> None:
    _, links, _ = graded
    page = opened(browser, links[7], locale="zh-CN", viewport=PHONE)
    expect(page.locator("#agree")).to_have_text("我同意，开始")
    seen(page, "chinese")
    page.context.close()


def test_it_fits_a_phone_in_light_and_dark(browser: Browser, graded: Any, paired: Any) -> None:
    for number, (scheme, links) in enumerate((("light", graded[1]), ("dark", paired[1])), start=8):
        page = opened(browser, links[number if scheme == "light" else 1], viewport=PHONE, color_scheme=scheme)
        seen(page, f"phone-{scheme}-welcome")
        assert fits(page)
        begin(page)
        hear(page)
        page.locator("#answers input").nth(1).check()
        seen(page, f"phone-{scheme}-trial")
        assert fits(page)
        for button in page.locator("#trial button, #trial label").all():
            box = button.bounding_box()
            assert box is not None and box["height"] >= 44  # a finger's
        page.context.close()


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_server_of_voices_shows_the_pages_and_keeps_the_votes(browser: Browser, tmp_path: Path) -> None:
    from front_process import front  # pyright: ignore[reportMissingImports]
    from served_voices import voices_in  # pyright: ignore[reportMissingImports]

    done = made(tmp_path, listeners=1, trials=3, seconds=SECONDS)
    voices_in(tmp_path)
    with front(tmp_path / "voices", tmp_path / "issuing", "--listening", str(done.folder)) as server:
        page = opened(browser, f"{server.http}/listen/{done.tokens[0]}")
        begin(page)
        clicked = session(page, done.test, 1)
        page.context.close()
        assert done.tokens[0] not in server.log_path.read_text()
    assert [vote.answer for vote in ListeningRoom(done.folder).votes.all()] == clicked


def test_the_page_runs_its_own_script_only_and_fetches_nothing_elsewhere(graded: Any) -> None:
    _, links, _ = graded
    answers = [httpx.get(links[0]) for _ in range(2)]
    policies = [answer.headers["content-security-policy"] for answer in answers]
    assert policies[0] != policies[1] and "default-src 'none'" in policies[0] and "unsafe" not in policies[0]
    text = answers[0].text.replace("http://www.w3.org/", "")
    assert "http://" not in text and "https://" not in text and answers[0].headers["referrer-policy"] == "no-referrer"
