"""Whether a tritonserver still takes streams: asked with one that it refuses at once.

A stream that is cancelled at an unlucky moment takes with it the only handler that tritonserver keeps for new ones.
From then on it is live and ready, answers everything else, and lets every stream wait for ever (see ``voice_client``);
so readiness alone says too little.
"""

from __future__ import annotations

from typing import Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from clock_train.serving.ports import RECONNECTING

NOBODY = "no-such-voice"


class StreamProbe:
    """A connection that asks; one for the life of a server, which keeps the sockets of connections that end quickly.

    Args:
        address: of its gRPC.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=RECONNECTING)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def is_answered(self, *, timeout_s: float) -> bool:
        """Whether a new stream is answered in time."""
        messages: Any = service_pb2  # its names are made when it is imported
        request = messages.ModelInferRequest(model_name=NOBODY)
        try:
            next(self._stub.ModelStreamInfer(iter([request]), timeout=timeout_s))
        except StopIteration:
            return True
        except grpc.RpcError as error:
            # refused for another reason is an answer as well
            return error.code() not in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE)
        return True

    def close(self) -> None:
        """Let the connection go."""
        self._channel.close()
