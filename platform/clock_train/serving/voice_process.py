"""The process that Triton runs for a voice, found by its command line, so that its end is seen.

Triton itself leaves requests that such a process was answering without an answer, and never starts another.
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def find_voice_process(server_pid: int, model: str) -> int | None:
    """The child of a tritonserver that serves a model; None where there is none."""
    for entry in PROC.iterdir():
        if entry.name.isdigit() and is_voice_process(int(entry.name), model):
            try:
                parent = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(parent) == server_pid:
                return int(entry.name)
    return None


def is_voice_process(pid: int, model: str) -> bool:
    """Whether a process lives and serves a model; one that ended and waits for its parent has no command line."""
    try:
        return f"/{model}/1/model.py".encode() in (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False
