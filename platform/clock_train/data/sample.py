"""Sample recordings: five voices of Debian's ``asterisk-core-sounds`` packages, about 25 minutes each.

``apt-get download`` runs as an ordinary user with lists and cache of its own, against the sources that the system
trusts, so nothing is installed, apt checks the signatures, and empty package lists do not matter. What was unpacked is
kept in the cache with a list of checksums and used again without a network.
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from clock_train.errors import CorpusDiskFull, CorpusUnwritable, SampleUnavailable

CHECKSUMS_NAME = "SHA256SUMS"
SAMPLE_NAME = "sample.json"
_NO_DISK = 28  # errno.ENOSPC


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One voice of the packages, and under which licence it was given."""

    language: str
    speaker: str
    """Pseudonym used in manifests."""
    voice: str
    """Folder name in the package."""
    credit: str
    licence: str
    licence_uri: str


_BY_SA = ("CC-BY-SA-3.0", "https://creativecommons.org/licenses/by-sa/3.0/")
_BY = ("CC-BY-3.0", "https://creativecommons.org/licenses/by/3.0/")
SAMPLES = {
    language: Sample(
        language=language, speaker=f"sample-{language}", voice=voice, credit=credit, licence=licence, licence_uri=uri
    )
    for language, voice, credit, (licence, uri) in (
        ("en", "en_US_f_Allison", "Allison Smith, theivrvoice.com", _BY_SA),
        ("es", "es_MX_f_Allison", "Allison Smith, theivrvoice.com", _BY_SA),
        ("fr", "fr_CA_f_June", "June Wallack, junewallack.com", _BY_SA),
        ("it", "it_IT_m_Carlo", "Carlo Flora, carloflora.com", _BY),
        ("ru", "ru_RU_f_IvrvoiceRU", "Maxim Topal, ivrvoice.ru", _BY),
    )
}
"""Language → voice. The two Allisons are one woman."""

BRING_YOUR_OWN = (
    'Bring your own recordings instead: a folder of sound files with "name<TAB>text" lines in transcripts.tsv, then '
    '"clocktrain corpus build FOLDER --speaker NAME --out CORPUS"'
)


def cache_folder() -> Path:
    """Where samples are kept: ``$CLOCKTRAIN_CACHE/samples``, by default below ``~/.cache/clock-train``."""
    root = os.environ.get("CLOCKTRAIN_CACHE") or Path.home() / ".cache" / "clock-train"
    return Path(root) / "samples"


def fetch_sample(language: str, *, timeout_s: float = 300.0, report: Callable[[str], None] = lambda _: None) -> Path:
    """The cached folder of one voice: recordings, ``transcripts.txt``, ``ATTRIBUTION``; fetched if it is not there.

    Args:
        language: a key of `SAMPLES`.
        timeout_s: for everything together, also for waiting on another process that fetches.
        report: receives one line about each step.
    Raises:
        SampleUnavailable: no such language, no apt, no network, or time ran out.
        CorpusUnwritable, CorpusDiskFull: the cache cannot be written.
    """
    if language not in SAMPLES:
        raise SampleUnavailable(f'no sample in "{language}"; there are {", ".join(SAMPLES)}. {BRING_YOUR_OWN}')
    folder = cache_folder() / language
    deadline = time.monotonic() + timeout_s
    with _writing(cache_folder()):
        cache_folder().mkdir(parents=True, exist_ok=True)
        with _locked(cache_folder() / ".lock", deadline):
            if is_intact(folder):
                report(f"{language}: the cached sample is used ({folder})")
                return folder
            _fetch(SAMPLES[language], folder, deadline, report)
    return folder


def copy_sample(
    language: str, out: str | Path, *, timeout_s: float = 300.0, report: Callable[[str], None] = lambda _: None
) -> Path:
    """Put one voice's recordings into a folder of the person's choice.

    Raises:
        CorpusUnwritable: ``out`` holds something else, or may not be written.
        SampleUnavailable, CorpusDiskFull: see `fetch_sample`.
    """
    out = Path(out)
    with _writing(out):
        occupied = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if occupied and not (_is_sample_of(out, language) and is_intact(out)):
        raise CorpusUnwritable(f'"{out}" is not empty and holds something else. Name a new folder with --out')
    folder = fetch_sample(language, timeout_s=timeout_s, report=report)
    if occupied:
        report(f"{language}: {out} holds the sample already")
        return out
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as temporary:
            shutil.copytree(folder, Path(temporary) / "sample")
            (Path(temporary) / "sample").replace(out)
    return out


def is_intact(folder: Path) -> bool:
    """Whether every file of the checksum list is there and unchanged."""
    try:
        lines = (folder / CHECKSUMS_NAME).read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(
            _sha256(folder / name) == digest for digest, name in (l.split("  ", 1) for l in lines)
        )
    except (OSError, ValueError):
        return False


def _is_sample_of(folder: Path, language: str) -> bool:
    try:
        return json.loads((folder / SAMPLE_NAME).read_text(encoding="utf-8"))["language"] == language
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fetch(sample: Sample, folder: Path, deadline: float, report: Callable[[str], None]) -> None:
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise SampleUnavailable(
            f"the sample comes from Debian packages, and {missing[0]} is not here. {BRING_YOUR_OWN}"
        )
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as temporary:
        packages = [f"asterisk-core-sounds-{sample.language}", f"asterisk-core-sounds-{sample.language}-g722"]
        _download(packages, Path(temporary), deadline, report)
        unpacked = Path(temporary) / "unpacked"
        for package in sorted(Path(temporary).glob("*.deb")):
            _run(
                ["dpkg-deb", "-x", str(package), str(unpacked)], Path(temporary), deadline, f"unpacking {package.name}"
            )
        ready = Path(temporary) / "ready"
        _arrange(sample, unpacked, ready, packages)
        if folder.exists():
            shutil.rmtree(folder)  # damaged, or is_intact() would have kept it
        ready.replace(folder)
    report(f"{sample.language}: sample ready in {folder}")


def _download(packages: list[str], folder: Path, deadline: float, report: Callable[[str], None]) -> None:
    state = folder.parent / ".apt"
    for name in ("state/lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    apt = [
        "apt-get", "-q", "-o", f"Dir::State={state / 'state'}", "-o", f"Dir::State::lists={state / 'state/lists'}",
        "-o", f"Dir::Cache={state / 'cache'}", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root",
        "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20", "-o", "Acquire::Retries=1",
        "-o", "Acquire::Languages=none",
        "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        "-o", "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false",
    ]  # fmt: skip
    report("fetching the package lists")
    # One broken third-party source makes apt-get update fail although Debian's own lists came: the download decides.
    with contextlib.suppress(_CommandFailed):
        _run([*apt, "update"], folder, deadline, "apt-get update")
    report(f"downloading {' and '.join(packages)}")
    try:
        _run([*apt, "download", *packages], folder, deadline, "apt-get download")
    except _CommandFailed as error:
        raise SampleUnavailable(
            f"{packages[0]} could not be downloaded ({error}). Check the network and that the apt sources contain "
            f"Debian's main or Ubuntu's universe. {BRING_YOUR_OWN}"
        ) from error


class _CommandFailed(Exception):
    """A command ended badly; its last line says why."""


def _run(command: list[str], folder: Path, deadline: float, what: str) -> None:
    left_s = deadline - time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            timeout=max(left_s, 0.1),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SampleUnavailable(f"{what} took too long. Try again with a better network. {BRING_YOUR_OWN}") from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise _CommandFailed(lines[-1].strip() if lines else f"exit code {done.returncode}")


def _arrange(sample: Sample, unpacked: Path, ready: Path, packages: list[str]) -> None:
    """Recordings, transcript, licence text and checksums, as a folder that ``corpus build`` reads."""
    sounds = unpacked / "usr/share/asterisk/sounds" / sample.voice
    docs = unpacked / "usr/share/doc" / packages[0]
    transcripts = sorted(docs.glob("core-sounds-*.txt.gz")) + sorted(docs.glob("core-sounds-*.txt"))
    if not sounds.is_dir() or not transcripts or not (docs / "copyright").is_file():
        raise SampleUnavailable(f"the packages {packages} are not laid out as expected. {BRING_YOUR_OWN}")
    shutil.copytree(sounds, ready, ignore=lambda folder, names: [n for n in names if (Path(folder) / n).is_symlink()])
    data = transcripts[0].read_bytes()
    text = gzip.decompress(data) if transcripts[0].suffix == ".gz" else data
    (ready / "transcripts.txt").write_bytes(text)
    (ready / "ATTRIBUTION").write_text(
        f"Recordings: {', '.join(packages)} (Debian), voice {sample.voice}.\n"
        f"Spoken by {sample.credit}. Licence: {sample.licence}, {sample.licence_uri}\n"
        "The licence text and all credits follow, as the packages carry them.\n\n"
        + (docs / "copyright").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    (ready / SAMPLE_NAME).write_text(json.dumps({**asdict(sample), "packages": packages}, indent=2) + "\n")
    names = sorted(str(path.relative_to(ready)) for path in ready.rglob("*") if path.is_file())
    sums = "".join(f"{_sha256(ready / name)}  {name}\n" for name in names)
    (ready / CHECKSUMS_NAME).write_text(sums, encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _locked(path: Path, deadline: float) -> Iterator[None]:
    """One process fetches; the others wait for it, not longer than the deadline."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise SampleUnavailable(
                        f'another process holds "{path}" for too long. End it, then try again'
                    ) from error
                time.sleep(0.2)
        yield


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == _NO_DISK:
            raise CorpusDiskFull(f'no room left for "{folder}". Free about 100 MB, then try again') from error
        raise CorpusUnwritable(
            f'"{folder}" cannot be written ({error.strerror}). Choose another folder (CLOCKTRAIN_CACHE moves the cache)'
        ) from error
