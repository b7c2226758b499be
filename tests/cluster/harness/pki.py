"""A certificate authority for one cluster, and the certificates and kubeconfigs that it gives out.

Elliptic keys (P-256), since making one takes a millisecond where an RSA key takes a tenth of a second.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_DAYS = 2
CLOCK_SLACK = datetime.timedelta(hours=1)


class Authority:
    """Signs keys for servers (by address) and for users (by name and groups); files go to one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test-cluster-ca", ())
        self.certificate_path = folder / "ca.crt"
        self.key_path = folder / "ca.key"
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        builder = _builder(self._name, self._name, self._key).add_extension(constraints, critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.certificate_path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self.key_path.write_bytes(_private_bytes(self._key))

    def issue(
        self, name: str, *, common_name: str, groups: Sequence[str] = (), addresses: Sequence[str] = ()
    ) -> tuple[Path, Path]:
        """A certificate and its key, as paths of PEM files.

        Args:
            name: of the files.
            common_name: the user's name to the API server.
            groups: the user's groups.
            addresses: DNS names and IP addresses for which a server may use it.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usages = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
        builder = _builder(_name(common_name, groups), self._name, key).add_extension(usages, critical=False)
        if addresses:
            builder = builder.add_extension(x509.SubjectAlternativeName([*map(_address, addresses)]), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        certificate_path, key_path = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(_private_bytes(key))
        return certificate_path, key_path

    def key_pair(self, name: str) -> tuple[Path, Path]:
        """A bare key (what service account tokens are signed with) and its public half."""
        key = ec.generate_private_key(ec.SECP256R1())
        private_path, public_path = self.folder / f"{name}.key", self.folder / f"{name}.pub"
        private_path.write_bytes(_private_bytes(key))
        public_path.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return private_path, public_path


def write_kubeconfig(path: Path, *, server: str, authority: Path, user: dict[str, str], namespace: str) -> Path:
    """A kubeconfig (JSON is YAML) of one cluster and one user, readable by its owner only."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": str(authority)}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
        "current-context": "test",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1), encoding="utf-8")
    return path


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SLACK)
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )


def _name(common_name: str, groups: Sequence[str]) -> x509.Name:
    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _address(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
