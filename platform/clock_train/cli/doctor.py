"""``clocktrain doctor``: what this machine can do, and what is missing with the command that fixes it.

Each check is a function that returns rows; nothing heavy is imported unless it is there, and one small convolution is
timed, so that the length of a demo can be said for this machine.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import typer

from clock_train.cli.machine import available_cores, can_write, existing_parent, memory_gb, processor_name
from clock_train.cli.parts import PARTS, install_command

OK, MISSING, OPTIONAL = "ok", "missing", "optional"
LEAST_FREE_GB = 6.0
"""Torch's wheels are 3 GB unpacked, a demo writes below 1 GB, and checkpoints want room."""
LEAST_MEMORY_GB = 6.0
"""The demo's promised peak."""
OTHER_STAGES_S = 120.0
"""Corpus, packing, speech and judges of the demo, measured on two busy cores of an EPYC at 18 GFLOP/s."""

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@dataclass(frozen=True)
class Row:
    """One thing looked at."""

    name: str
    state: str
    """``ok``; ``missing``: the demo cannot run without it; ``optional``: something else cannot."""
    found: str
    fix: str = ""
    """The command or step that mends it; empty where all is well."""


@app.command()
def doctor(
    as_json: bool = typer.Option(False, "--json", help="Print the rows as JSON."),
) -> None:
    """Say what this machine can do and what is missing."""
    rows = examine()
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False))
    else:
        print_rows(rows)
    if any(row.state == MISSING for row in rows):
        raise typer.Exit(2)


def examine() -> list[Row]:
    """All checks, in the order a person reads them."""
    checks: list[Callable[[], Iterator[Row]]] = [
        _system, _memory_and_disk, _libraries, _triton, _devices, _tools_for_samples, _codecs, _espeak, _microphone,
    ]  # fmt: skip
    return [row for check in checks for row in check()]


def print_rows(rows: list[Row]) -> None:
    """A table on stdout, then the fixes."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    marks = {OK: "[green]ok[/]", MISSING: "[red]missing[/]", OPTIONAL: "[yellow]optional[/]"}
    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "found"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(marks[row.state], row.name, row.found)
    console.print(table)
    for state, heading in ((MISSING, "To run the demo"), (OPTIONAL, "Optional")):
        fixes = [row for row in rows if row.state == state]
        if fixes:
            console.print(f"\n{heading}:")
        for row in fixes:
            console.print(f"  {row.name}: {row.fix}", markup=False, highlight=False, soft_wrap=True)


def _system() -> Iterator[Row]:
    on_linux = sys.platform == "linux"
    yield Row(
        "system", OK if on_linux else OPTIONAL, f"{_distribution()}, {platform.machine()}",
        "" if on_linux else "Linux is what is tested; use a virtual machine or WSL",
    )  # fmt: skip
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Row(
        "Python", OK if supported else MISSING, f"{platform.python_version()} ({sys.executable})",
        "" if supported else "install Python 3.11, 3.12 or 3.13 with its venv module, then `make install`",
    )  # fmt: skip
    yield Row("processor", OK, f"{processor_name()}, {available_cores()} cores for this process")


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.platform())
    except OSError:
        return platform.platform()


def _memory_and_disk() -> Iterator[Row]:
    total_gb, free_gb = memory_gb()
    enough = total_gb >= LEAST_MEMORY_GB
    yield Row(
        "memory", OK if enough else MISSING, f"{total_gb:.1f} GB, {free_gb:.1f} GB free",
        "" if enough else f"the demo needs up to {LEAST_MEMORY_GB:.0f} GB",
    )  # fmt: skip
    from clock_train.data.sample import cache_folder

    for name, folder, remedy in (
        ("cache folder", cache_folder(), "set CLOCKTRAIN_CACHE to a folder that can be written and has room"),
        ("this folder", Path.cwd(), "change to a folder that can be written and has room"),
    ):
        free = shutil.disk_usage(existing_parent(folder)).free / 1e9
        writable = can_write(existing_parent(folder))
        fine = writable and free >= LEAST_FREE_GB
        found = f"{folder}: {free:.0f} GB free" + ("" if writable else ", not writable")
        yield Row(name, OK if fine else MISSING, found, "" if fine else f"{remedy} ({LEAST_FREE_GB:.0f} GB)")


def _libraries() -> Iterator[Row]:
    needs = {
        "speech": (MISSING, "reading sound and text"),
        "train": (MISSING, "training and speaking"),
        "judge": (OPTIONAL, "similarity and recogniser figures in reports"),
        "bench": (OPTIONAL, "`clocktrain bench`"),
    }
    for part, (state, purpose) in needs.items():
        absent = [module for module in PARTS[part] if find_spec(module) is None]
        found = f"not installed: {', '.join(absent)}" if absent else _versions(part)
        yield Row(f"{part} ({purpose})", state if absent else OK, found, install_command(part) if absent else "")


def _versions(part: str) -> str:
    shown = {"speech": ("numpy", "scipy", "soundfile", "av"), "train": ("torch", "safetensors")}.get(part, PARTS[part])
    found = []
    for name in shown:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            found.append(name)
    return ", ".join(found)


def _triton() -> Iterator[Row]:
    from clock_train.errors import ServerStartFailed
    from clock_train.serving.triton_install import find_triton

    name = "Triton (clocktrain serve, the demo's last words)"
    try:
        yield Row(name, OK, str(find_triton().server))
    except ServerStartFailed as error:
        yield Row(name, OPTIONAL, "cannot run here", str(error))


def _devices() -> Iterator[Row]:
    if find_spec("torch") is None:
        return
    import torch

    rate = convolution_gflops()
    yield Row("CPU speed", OK, f"{rate:.0f} GFLOP/s on {torch.get_num_threads()} threads (a student-sized convolution)")
    yield Row("demo", OK, f"about {demo_minutes():.0f} minutes here, fetching the sample not counted")
    if not torch.cuda.is_available():
        yield Row(
            "GPU",
            OPTIONAL,
            "none that torch can use",
            "the demo needs none; the presets Basic, Professional and Pretrain do",
        )
    for i in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        facts = torch.cuda.get_device_properties(i)
        bf16 = "bf16" if torch.cuda.is_bf16_supported() else "no bf16"
        yield Row(f"GPU {i}", OK, f"{facts.name}, {facts.total_memory / 1e9:.0f} GB, {bf16}")


def demo_minutes() -> float:
    """How long the demo takes: training ends by CPU time on one thread; speed decides how far it comes."""
    from clock_train.orchestration.presets import PRESETS

    budget_s = PRESETS["Demo"].training.max_cpu_seconds or 0.0
    return (budget_s + OTHER_STAGES_S) / 60


def convolution_gflops(seconds: float = 0.5) -> float:
    """GFLOP/s of a 1-D convolution of the student's vocoder size, forward and backward, in this process."""
    import torch

    layer = torch.nn.Conv1d(160, 320, 3, padding=1)
    sound = torch.randn(8, 160, 256)
    flops = 3 * 2 * 160 * 320 * 3 * 8 * 256
    layer(sound).sum().backward()
    rounds, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        layer(sound).sum().backward()
        rounds += 1
    return rounds * flops / (time.perf_counter() - began) / 1e9


def _tools_for_samples() -> Iterator[Row]:
    absent = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    yield Row(
        "sample recordings", OPTIONAL if absent else OK,
        f"{', '.join(absent)} not found" if absent else "apt-get and dpkg-deb are there",
        "the samples are Debian packages; bring your own: `clocktrain demo --recordings FOLDER`" if absent else "",
    )  # fmt: skip


def _codecs() -> Iterator[Row]:
    if find_spec("av") is None:
        return
    import av.codec

    wanted = {"mp3": "mp3", "m4a": "aac", "ogg": "vorbis", "opus": "opus", "g722": "g722"}
    absent = [name for name, codec in wanted.items() if codec not in av.codec.codecs_available]
    yield Row(
        "sound formats", OPTIONAL if absent else OK,
        "wav, flac" + "".join(f", {name}" for name in wanted if name not in absent),
        f"convert {', '.join(absent)} to wav or flac first" if absent else "",
    )  # fmt: skip


def _espeak() -> Iterator[Row]:
    found = shutil.which("espeak-ng")
    yield Row(
        "espeak-ng", OK if found else OPTIONAL, found or "not found",
        "" if found else "apt install espeak-ng (languages other than Mandarin and English)",
    )  # fmt: skip


def _microphone() -> Iterator[Row]:
    name = "microphone"
    if find_spec("sounddevice") is None:
        yield Row(name, OPTIONAL, "sounddevice is not installed", install_command("record"))
        return
    try:
        import sounddevice

        device = sounddevice.query_devices(kind="input")
    except OSError:
        yield Row(name, OPTIONAL, "PortAudio is not there", "apt install libportaudio2")
    except Exception as error:  # PortAudioError exists only where PortAudio loaded
        yield Row(name, OPTIONAL, str(error), "connect a microphone, or record elsewhere and bring the files")
    else:
        yield Row(name, OK, str(device["name"]))
