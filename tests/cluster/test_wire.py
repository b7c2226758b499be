"""A client's connection to the API server can be cut, stalled and made deaf, and nobody else's is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from harness.api import Api, ApiError
from harness.control_plane import ControlPlane
from harness.wire import Wire

pytestmark = pytest.mark.ring3

SHORT_S = 1.0


@pytest.fixture
def wire(control_plane: ControlPlane) -> Iterator[Wire]:
    with Wire(control_plane.api_port) as running:
        yield running


@pytest.fixture
def client(control_plane: ControlPlane, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr("harness.api.REQUEST_LIMIT_S", SHORT_S)
    return control_plane.api_as("admin", server=wire.server)


def test_a_stalled_wire_answers_nothing_and_loses_nothing(client: Api, wire: Wire, namespace: str) -> None:
    assert client.is_ready()
    wire.stall()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        client.get("/api/v1/namespaces")
    wire.restore()
    assert client.get(f"/api/v1/namespaces/{namespace}")["metadata"]["name"] == namespace


def test_open_connections_fall_silent_and_new_ones_do_not(client: Api, wire: Wire) -> None:
    assert client.is_ready()
    wire.stall_open()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        client.get("/api/v1/namespaces")
    assert client.is_ready(), "by a new connection"


def test_a_request_whose_answer_is_lost_has_taken_effect(
    control_plane: ControlPlane, client: Api, wire: Wire, namespace: str
) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    assert client.is_ready(), "connected: a new connection's greeting would be lost as well"
    wire.lose_answers()
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        client.create(path, {"metadata": {"name": "made"}})
    wire.drop()
    wire.restore()
    assert control_plane.api.get(f"{path}/made")["metadata"]["name"] == "made"
    with pytest.raises(ApiError, match="409 AlreadyExists"):
        client.create(path, {"metadata": {"name": "made"}})


def test_a_cut_wire_refuses_its_client_and_nobody_else(control_plane: ControlPlane, client: Api, wire: Wire) -> None:
    assert client.is_ready()
    wire.cut()
    assert not client.is_ready()
    assert control_plane.api.is_ready()
    wire.restore()
    assert client.is_ready()
