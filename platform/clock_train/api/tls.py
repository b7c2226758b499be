"""TLS of both doors from one mounted folder, read anew when its certificate is renewed: nobody is cut off for it.

The folder is that of a Kubernetes secret of type ``kubernetes.io/tls``: ``tls.crt`` with the chain, ``tls.key``.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Any

import grpc

from clock_train.errors import TlsUnreadable

CERTIFICATE, KEY = "tls.crt", "tls.key"
_log = logging.getLogger(__name__)


class TlsFolder:
    """A certificate and its key.

    Args:
        folder: that holds them.

    Raises:
        TlsUnreadable: they are not there, cannot be read, or do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen = self._stamp()
        self.context = self._context()
        """For HTTPS; what is read anew holds for the next handshake."""
        self._pair = self._read()

    def look(self) -> None:
        """Read them anew if they were replaced; a pair that does not hold leaves the one before."""
        try:
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._seen = stamp
            self._context()  # tried on its own first: a half of a pair would spoil the one in use
            self.context.load_cert_chain(self._folder / CERTIFICATE, self._folder / KEY)
            self._pair = self._read()
            _log.info("the certificate of %s is read anew", self._folder)
        except (TlsUnreadable, OSError) as error:
            _log.warning("the certificate before is used still: %s", error)

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """For gRPC; each handshake takes the pair that was read last."""
        given: list[tuple[bytes, bytes]] = [self._pair]

        def renewed() -> Any:  # None keeps the one before, which its stub does not know
            if self._pair == given[0]:
                return None
            given[0] = self._pair
            return _configuration(self._pair)

        return grpc.dynamic_ssl_server_credentials(_configuration(self._pair), renewed)

    def _stamp(self) -> tuple[int, ...]:
        try:
            stats = [(self._folder / name).stat() for name in (CERTIFICATE, KEY)]
        except OSError as error:
            raise TlsUnreadable(
                f'"{self._folder}" has no {CERTIFICATE} and {KEY} to read ({error.strerror}); mount a TLS secret there'
            ) from error
        return tuple(part for each in stats for part in (each.st_mtime_ns, each.st_ino, each.st_size))

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._folder / CERTIFICATE, self._folder / KEY)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise TlsUnreadable(
                f'{CERTIFICATE} and {KEY} of "{self._folder}" cannot be used together ({error}); give a certificate in '
                "PEM and the key that belongs to it"
            ) from error
        return context

    def _read(self) -> tuple[bytes, bytes]:
        return (self._folder / KEY).read_bytes(), (self._folder / CERTIFICATE).read_bytes()


def _configuration(pair: tuple[bytes, bytes]) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([pair])
