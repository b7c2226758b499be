"""TLS of both doors, renewed while they are open; the metrics of a server; its doors closing without an error."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from front_process import Front, command, environment, front  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.client import SpeechClient
from clock_train.serving.ports import free_port

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secure")
    voices_in(folder)
    return folder


def certified(folder: Path, name: str) -> None:
    """A certificate of loopback, as a renewal writes it: both files replaced."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(loopback, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    plain, pem = serialization.NoEncryption(), serialization.Encoding.PEM
    for file, content in {
        "tls.key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain),
        "tls.crt": certificate.public_bytes(pem),
    }.items():
        (folder / f".{file}").write_bytes(content)
        (folder / f".{file}").replace(folder / file)


@pytest.fixture
def secured(folder: Path, tmp_path: Path) -> Iterator[tuple[Front, Path]]:
    certified(tmp_path / "tls", "first")
    with front(folder / "voices", folder / "issuing", "--tls", str(tmp_path / "tls")) as running:
        yield running, tmp_path / "tls"


def shown_name(address: str) -> str:
    """The common name of the certificate that a port shows."""
    host, _, port = address.rpartition(":")
    pem = ssl.get_server_certificate((host, int(port)), timeout=10)
    (attribute,) = x509.load_pem_x509_certificate(pem.encode()).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(attribute.value)


def test_both_doors_speak_tls_and_a_renewed_certificate_is_shown_without_a_restart(secured: tuple[Front, Path]) -> None:
    served, tls = secured
    context = ssl.create_default_context(cafile=str(tls / "tls.crt"))
    body = {"input": TEXT, "voice": "duo"}
    with httpx.Client(verify=context, timeout=60) as client:
        assert client.post(f"{served.http}/v1/audio/speech", json=body).status_code == 200
        with SpeechClient(served.grpc, ca=tls / "tls.crt") as speech:
            assert speech.synthesize(TEXT, voice="duo").seconds > 1
            assert shown_name(served.http.removeprefix("https://")) == shown_name(served.grpc) == "first"
            certified(tls, "second")
            until(lambda: shown_name(served.http.removeprefix("https://")) == "second", "HTTPS shows the new one")
            until(lambda: shown_name(served.grpc) == "second", "gRPC shows the new one")
            # whoever is connected stays so
            assert speech.synthesize(TEXT, voice="duo").seconds > 1
        assert client.post(f"{served.http}/v1/audio/speech", json=body).status_code == 200
    with SpeechClient(served.grpc, ca=tls / "tls.crt") as speech:
        assert speech.synthesize(TEXT, voice="duo").seconds > 1


def test_a_spoilt_renewal_leaves_the_certificate_before(secured: tuple[Front, Path]) -> None:
    served, tls = secured
    (tls / "tls.key").write_text("no key")
    until(lambda: "the certificate before is used still" in served.log_path.read_text(), "it is said")
    assert shown_name(served.http.removeprefix("https://")) == shown_name(served.grpc) == "first"


@pytest.mark.parametrize("spoil", ["empty", "missing", "another key"])
def test_a_folder_without_a_pair_starts_nothing(folder: Path, tmp_path: Path, spoil: str) -> None:
    tls = tmp_path / "tls"
    certified(tls, "first")
    if spoil == "empty":
        (tls / "tls.crt").write_text("")
    elif spoil == "missing":
        (tls / "tls.key").unlink()
    else:
        certified(tmp_path / "other", "other")
        (tmp_path / "other" / "tls.key").replace(tls / "tls.key")
    arguments = command(folder / "voices", "--tls", str(tls))
    done = subprocess.run(
        arguments, env=environment(folder / "issuing"), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2 and done.stderr.startswith("TlsUnreadable: "), done.stderr


def test_a_server_that_others_reach_speaks_tls_or_is_told_that_something_before_it_does(folder: Path) -> None:
    arguments = command(folder / "voices", "--host", "0.0.0.0", "--without-keys")
    done = subprocess.run(
        arguments, env=environment(folder / "issuing"), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2 and "\nTlsMissing: " in done.stderr and "--plaintext" in done.stderr


def test_metrics_tell_of_requests_and_use_and_of_no_text(folder: Path) -> None:
    port = free_port()
    more = ["--metrics-port", str(port), "--accounts", str(folder / "metrics.sqlite")]
    with front(folder / "voices", folder / "issuing", *more) as served:
        key = made_key(folder / "metrics.sqlite")
        headers = {"authorization": f"Bearer {key}"}
        for body in ({"input": TEXT, "voice": "duo"}, {"input": TEXT, "voice": "nobody"}):
            httpx.post(f"{served.http}/v1/audio/speech", json=body, headers=headers, timeout=60)

        def value(name: str) -> float:
            text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
            found = re.search(rf"^{re.escape(name)} ([0-9.e+-]+)$", text, re.MULTILINE)
            return float(found[1]) if found else -1.0

        key_id = key.split("_")[2]
        until(lambda: value('clocktrain_speech_ended_total{end="spoken"}') == 1, "it is counted")
        assert value('clocktrain_speech_refused_total{code="voice_not_found"}') == 1
        assert value("clocktrain_speech_first_sound_seconds_count") == 1 and value("clocktrain_ready") == 1
        characters = f'clocktrain_speech_characters_total{{tenant="studio",key="{key_id}",voice="duo"}}'
        assert value(characters) == len(TEXT) and value("clocktrain_speech_open") == 0
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert "north" not in text and key not in text
        assert httpx.get(f"{served.http}/metrics").status_code == 404


def made_key(accounts: Path) -> str:
    clocktrain = command(accounts)[0]
    made = [clocktrain, "apikeys", "create", "--tenant", "studio", "--accounts", str(accounts)]
    return subprocess.run(made, capture_output=True, text=True, check=True, timeout=60).stdout.split()[0]


def test_doors_that_close_say_so_first_and_let_everybody_finish(folder: Path) -> None:
    statuses: list[int] = []
    is_over = threading.Event()

    def ask(address: str) -> None:
        while not is_over.is_set():
            body = {"input": TEXT, "voice": "duo", "response_format": "pcm"}
            statuses.append(httpx.post(f"{address}/v1/audio/speech", json=body, timeout=60).status_code)

    with front(folder / "voices", folder / "issuing", "--drain", "3") as served:
        client = threading.Thread(target=ask, args=(served.http,))
        client.start()
        until(lambda: statuses, "somebody is heard")
        os.kill(served.process.pid, signal.SIGTERM)
        until(lambda: httpx.get(f"{served.http}/readyz").status_code == 503, "it is not ready", within_s=2)
        with grpc.insecure_channel(served.grpc) as channel:
            grpc.channel_ready_future(channel).result(timeout=2)  # the door is open still
        time.sleep(1.0)
        is_over.set()  # who balances requests sends none any more
        client.join(30)
        assert served.process.wait(30) == 0
    assert set(statuses) == {200}
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", int(served.http.rpartition(":")[2])), timeout=1)
