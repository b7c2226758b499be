"""``clocktrain voices`` beside a server that speaks: promotion, canary and rollback, without a request that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from front_process import Front, front, started  # pyright: ignore[reportMissingImports]
from gateway_process import environment, voices_and_keys  # pyright: ignore[reportMissingImports]
from served_voices import bundles_of, gather, installation_trusting  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.serving.ports import free_port

pytestmark = pytest.mark.ring2
CLOCKTRAIN = str(Path(sys.executable).with_name("clocktrain"))
TEXT = "The north wind and the sun were disputing which was the stronger."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundles, key = bundles_of(tmp_path, "anna@1", "anna@2", "anna@3")
    installation_trusting(tmp_path / "issuing", key)
    gather(tmp_path / "voices", {"duo-v1": bundles["duo-v1"], "anna-v1": bundles["anna-v1"]})
    (tmp_path / "later").mkdir()
    gather(tmp_path / "later", {model: bundles[model] for model in ("anna-v2", "anna-v3")})
    return tmp_path


def voices(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    table = ["--serving", str(folder / "voices" / "serving.json")]
    variables = {**os.environ, "CLOCKTRAIN_ISSUING": str(folder / "issuing")}
    return subprocess.run(
        [CLOCKTRAIN, "voices", *words, *table], env=variables, capture_output=True, text=True, check=False, timeout=60
    )


def promoted(folder: Path, *words: str) -> None:
    done = voices(folder, *words)
    assert done.returncode == 0, done.stderr


def spoken_by(served: Front, voice: str, request_id: str = "") -> str:
    headers = {"x-request-id": request_id} if request_id else {}
    body = {"input": TEXT, "voice": voice, "response_format": "pcm"}
    response = httpx.post(f"{served.http}/v1/audio/speech", json=body, headers=headers, timeout=60)
    return response.headers["x-clocktrain-voice"] if response.status_code == 200 else response.json()["error"]["code"]


@contextmanager
def asking(served: Front, voice: str) -> Iterator[Counter[str]]:
    """Several clients that never stop; who answered them, and every error."""
    said: Counter[str] = Counter()
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            try:
                said[spoken_by(served, voice)] += 1
            except httpx.HTTPError as error:
                said[type(error).__name__] += 1

    clients = [threading.Thread(target=ask) for _ in range(3)]
    for client in clients:
        client.start()
    try:
        yield said
    finally:
        is_over.set()
        for client in clients:
            client.join(60)


def test_a_promotion_a_canary_and_a_rollback_drop_no_request(folder: Path) -> None:
    promoted(folder, "promote", "anna", str(folder / "voices" / "anna-v1"))
    with front(folder / "voices", folder / "issuing") as served, asking(served, "anna") as said:
        until(lambda: said["anna@1"] > 3, "version 1 speaks")
        promoted(folder, "promote", "anna", str(folder / "later" / "anna-v2"))
        until(lambda: said["anna@2"] > 3, "version 2 speaks, which nobody knew at the start")
        promoted(folder, "canary", "anna", str(folder / "later" / "anna-v3"), "40")
        until(lambda: said["anna@3"] > 3, "version 3 speaks to some")
        began_s, before = time.monotonic(), said["anna@1"]
        promoted(folder, "rollback", "anna")  # the canary
        promoted(folder, "rollback", "anna")  # and the promotion
        until(lambda: said["anna@1"] > before, "version 1 speaks again", within_s=10)
        assert time.monotonic() - began_s < 10
        assert spoken_by(served, "anna@previous") == "anna@2"
        assert spoken_by(served, "anna@2") == "anna@2"  # by its number too, while some alias means it
        assert spoken_by(served, "anna@3") == "voice_not_found"
    assert set(said) == {"anna@1", "anna@2", "anna@3"}, said


def test_a_canary_gets_its_share_and_a_request_id_always_the_same_version(folder: Path) -> None:
    promoted(folder, "promote", "anna", str(folder / "voices" / "anna-v1"))
    promoted(folder, "canary", "anna", str(folder / "later" / "anna-v2"), "25")
    with front(folder / "voices", folder / "issuing") as served:
        spoken = Counter(spoken_by(served, "anna", f"r{number}") for number in range(80))
        assert 8 <= spoken["anna@2"] <= 34 and set(spoken) == {"anna@1", "anna@2"}
        assert len({spoken_by(served, "anna", "r7") for _ in range(5)}) == 1
        listed = httpx.get(f"{served.http}/v1/audio/voices").json()["voices"]
        assert {voice["id"]: voice["aliases"] for voice in listed} == {
            "anna@1": ["champion"], "anna@2": ["candidate", "champion"], "duo@1": [],
        }  # fmt: skip


def test_a_voice_that_the_table_names_no_more_is_not_spoken_with(folder: Path) -> None:
    table = folder / "voices" / "serving.json"
    promoted(folder, "promote", "anna", str(folder / "later" / "anna-v2"))
    promoted(folder, "promote", "duo", str(folder / "voices" / "duo-v1"))
    with front(folder / "voices", folder / "issuing") as served:
        assert spoken_by(served, "anna") == "anna@2"
        table.write_text('{"schemaVersion": 1, "voices": {}}')
        until(lambda: spoken_by(served, "anna@2") == "voice_not_found", "it is taken away")
        assert spoken_by(served, "anna") == "anna@1" and spoken_by(served, "duo") == "duo@1", (
            "what the folder has stays"
        )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table.write_text("{"),
        lambda table: table.write_text(table.read_text().replace('"digest": "', '"digest": "0').replace("-v2", "-v9")),
        lambda table: table.write_text(table.read_text().replace('"digest": "', '"digest": "0')),
    ],
    ids=["no table", "no bundle", "another bundle"],
)
def test_a_table_that_cannot_be_followed_changes_nothing_until_it_can(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    table = folder / "voices" / "serving.json"
    promoted(folder, "promote", "anna", str(folder / "voices" / "anna-v1"))
    with front(folder / "voices", folder / "issuing") as served:
        promoted(folder, "promote", "anna", str(folder / "later" / "anna-v2"))
        good = table.read_text()
        until(lambda: spoken_by(served, "anna") == "anna@2", "the table is followed")
        spoil(table)
        until(lambda: "the serving table before is followed still" in served.log_path.read_text(), "it is said")
        assert spoken_by(served, "anna") == "anna@2"
        table.write_text(good)
        promoted(folder, "rollback", "anna")
        until(lambda: spoken_by(served, "anna") == "anna@1", "the next table is followed")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("rollback", "anna"), "AliasNotFound"),
        (("canary", "anna", "BUNDLE", "5"), "AliasNotFound"),
        (("promote", "anna", "7"), "VoiceNotFound"),
        (("promote", "anna", "/no/such/folder"), "VoiceNotFound"),
        (("promote", "ben", "BUNDLE"), "VoiceNotFound"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_no_table(folder: Path, words: tuple[str, ...], code: str) -> None:
    bundle = str(folder / "later" / "anna-v2")
    done = voices(folder, *(bundle if word == "BUNDLE" else word for word in words))
    assert done.returncode == 2 and done.stderr.startswith(f"{code}: ")
    assert not (folder / "voices" / "serving.json").exists()


def test_a_bundle_of_a_stranger_is_not_promoted(folder: Path) -> None:
    (folder / "issuing" / "trusted-keys").write_text("")
    done = voices(folder, "promote", "anna", str(folder / "later" / "anna-v2"))
    assert done.returncode == 2 and done.stderr.startswith("BundleSignerUnknown: ")


@pytest.mark.parametrize(
    ("similarity", "code"), [("0.5", None), ("0.99", "GateMissed: version 2 is not promoted: minSpeakerSimilarity")]
)
def test_a_promotion_may_be_held_to_a_gate(folder: Path, similarity: str, code: str | None) -> None:
    card = folder / "later" / "anna-v2" / "voice.json"
    judged = json.loads(card.read_text())["metrics"]
    manifest = folder / "clone.yaml"
    manifest.write_text(
        "apiVersion: clocktrain.dev/v1alpha1\nkind: VoiceClone\nmetadata: {name: anna}\nspec:\n"
        "  speakers: [{name: anna, corpus: {uri: corpus}}]\n  preset: Demo\n"
        f"  gate: {{minSpeakerSimilarity: '{similarity}'}}\n"
    )
    done = voices(folder, "promote", "anna", str(folder / "later" / "anna-v2"), "--gate", str(manifest))
    if "speaker_similarity/speech" not in judged:
        code = "GateMissed: version 2 is not promoted: minSpeakerSimilarity"  # a tiny voice that nobody judged
    assert (done.returncode, done.stderr[: len(code or "")]) == (2 if code else 0, code or "")


def test_the_list_is_shown_to_people_and_to_scripts(folder: Path) -> None:
    promoted(folder, "promote", "anna", str(folder / "voices" / "anna-v1"))
    promoted(folder, "canary", "anna", str(folder / "later" / "anna-v2"), "5")
    assert "anna@champion: version 1 (95 %), version 2 (5 %)" in voices(folder, "list").stdout
    told = json.loads(voices(folder, "list", "--json").stdout)
    assert told == {"anna": {"champion": [[1, 95], [2, 5]], "candidate": [[2, 100]]}}


def test_two_who_change_it_at_once_lose_neither_change(folder: Path) -> None:
    promoted(folder, "promote", "anna", str(folder / "voices" / "anna-v1"))
    words = [("promote", "anna", str(folder / "later" / "anna-v2")), ("promote", "duo", str(folder / "voices/duo-v1"))]
    threads = [threading.Thread(target=promoted, args=(folder, *each)) for each in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = json.loads(voices(folder, "list", "--json").stdout)
    assert told["anna"]["champion"] == [[2, 100]] and told["duo"]["champion"] == [[1, 100]]


def test_a_gateway_and_its_triton_start_before_any_voice_and_follow_the_table(tmp_path: Path) -> None:
    voices_and_keys(tmp_path)
    table = tmp_path / "voices" / "serving.json"
    places = ["--serving", str(table)]
    port = free_port()
    triton = [CLOCKTRAIN, "triton", *places, "--port", str(port), "--json"]
    doors = [CLOCKTRAIN, "gateway", *places, "--triton", f"127.0.0.1:{port}", "--http-port", "0", "--grpc-port", "0"]
    with (
        started(triton, environment(tmp_path, "triton"), tmp_path / "triton.log") as (_, held),
        started([*doors, "--json"], environment(tmp_path, "gateway"), tmp_path / "gateway.log") as (process, listens),
    ):
        assert held["voices"] == listens["voices"] == []
        served = Front(process, listens["http"], listens["grpc"], listens["triton"], tmp_path / "gateway.log")
        assert spoken_by(served, "anna") == "voice_not_found"
        assert httpx.get(f"{served.http}/readyz").status_code == 503
        done = subprocess.run(
            [CLOCKTRAIN, "voices", "promote", "anna", str(tmp_path / "voices" / "anna-v1"), *places],
            env=environment(tmp_path, "gateway"), capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        until(lambda: spoken_by(served, "anna") == "anna@1", "the voice is loaded and spoken")
        until(lambda: httpx.get(f"{served.http}/readyz").status_code == 200, "it is ready")
