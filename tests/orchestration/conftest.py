"""What the tests of whole runs share."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def dead_address() -> Iterator[str]:
    """An address of this machine where nobody listens, nor will: its port stays taken."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
