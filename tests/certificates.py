"""Certificates of an authority that nobody knows, for servers on this machine: right ones, and wrong ones."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM


class Certificates(NamedTuple):
    """Paths of the authority's certificate, of one that it signed for 127.0.0.1, and of the key of that one."""

    authority: Path
    certificate: Path
    key: Path


class Claims(NamedTuple):
    """What a certificate says: from which day to which it is valid, counted from today, and of what it is one."""

    days: tuple[int, int] = (-1, 1)
    host: str = "127.0.0.1"
    is_authority: bool = False


RIGHT = Claims()


def issued(folder: Path, claims: Claims = RIGHT) -> Certificates:
    """Make an authority and a certificate, valid today unless it is to be wrong, and write them into a new folder."""
    folder.mkdir()
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
    here = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(claims.host))])
    made = Certificates(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    own = _begun(authority, authority, authority_key, Claims(is_authority=True)).sign(authority_key, hashes.SHA256())
    signed = _begun(here, authority, key, claims).add_extension(names, critical=False)
    made.authority.write_bytes(own.public_bytes(_PEM))
    made.certificate.write_bytes(signed.sign(authority_key, hashes.SHA256()).public_bytes(_PEM))
    made.key.write_bytes(key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return made


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, claims: Claims
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=claims.days[0]))
        .not_valid_after(now + datetime.timedelta(days=claims.days[1]))
        .add_extension(x509.BasicConstraints(ca=claims.is_authority, path_length=None), critical=True)
    )
