"""The certificate authority of one emulator: made when it first starts, and kept for as long as its state is."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_LIFE = timedelta(days=3650)
_SERVER_LIFE = timedelta(days=365)
_CLOCK_SKEW = timedelta(minutes=5)
"""Certificates hold from this long ago, for clients whose clock is late."""


@dataclass(frozen=True)
class Identity:
    """The certificate and key of a server, both in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


class Authority:
    """Signs the servers' certificates. Only the emulator has its private key."""

    def __init__(self, record: dict[str, str] | None = None) -> None:
        """A new authority, or the one that was recorded."""
        self._name = _name("airflow-dbaas emulator CA")
        if record is not None:
            self._certificate = x509.load_pem_x509_certificate(record["certificate"].encode())
            key = serialization.load_pem_private_key(record["key"].encode(), password=None)
            assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  (no other is ever recorded)
            self._key = key
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key()
        builder = _builder(self._name, public, self._name, _AUTHORITY_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())

    def record(self) -> dict[str, str]:
        """Certificate and private key, in PEM."""
        return {"certificate": self.pem, "key": _pem(self._key).decode()}

    @property
    def pem(self) -> str:
        """The authority's certificate, for clients that verify the servers'."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, hosts: Sequence[str]) -> Identity:
        """A new key with a certificate for a server.

        :param hosts: names and IP addresses that clients reach the server by; the first is its common name.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(hosts[0]), key.public_key(), self._name, _SERVER_LIFE)
        for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName([_alternative(host) for host in dict.fromkeys(hosts)]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ):
            builder = builder.add_extension(extension, critical=critical)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Identity(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=_pem(key),
        )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
