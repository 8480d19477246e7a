"""Who may put artifacts into a cache that others share: Ed25519 keys (RFC 8032), their files, their signatures.

A private key is a file in PKCS #8 as PEM (RFC 7468), which other tools read too; a public one is a word for a
declaration: ``ed25519:`` and the Base64 of its 32 bytes.
"""

from __future__ import annotations

import base64
import os
import shlex
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from wasmbuild import files
from wasmbuild.errors import DiskError, UsageError
from wasmbuild.project.cache_policy import PUBLIC_PREFIX

_MAX_FILE = 1 << 16
_NAME_ONE = "name the file of one that wasmbuild cache keygen FILE made"


class Signer:
    """A private key. ``public`` is the word for it in declarations."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public = PUBLIC_PREFIX + base64.b64encode(raw).decode("ascii")

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        return self._private.sign(message)


def make(path: Path) -> str:
    """Write a new private key to a file that is not there yet, for its owner alone; return the word for its public one.

    Raises UsageError where there is a file already, DiskError where it cannot be written.
    """
    private = Ed25519PrivateKey.generate()
    data = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise UsageError(f"{path}: is there already, and no key is ever overwritten; name another file") from None
    except OSError as error:
        problem = error.strerror or error
        raise DiskError(f"{path}: cannot be written: {problem}; name a file that you can write") from error
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        path.unlink()
        raise DiskError(f"{path}: cannot be written: {error.strerror or error}; free some space there") from error
    return Signer(private).public


def read(path: Path) -> Signer:
    """Read a private key. Raises UsageError for what is none."""
    try:
        data, _ = files.read(path, _MAX_FILE)
    except FileNotFoundError as error:
        raise UsageError(f"{path}: there is no such signing key; {_NAME_ONE}") from error
    except PermissionError as error:
        raise UsageError(
            f"{path}: the signing key cannot be read: {error.strerror}; make it readable for you"
        ) from error
    except OSError as error:
        raise UsageError(f"{path}: is no signing key: {error.strerror or error}; name the file of one") from error
    if not data.strip():
        raise UsageError(f"{path}: is empty: is the secret set that it is to be made of?")
    try:
        found = load_pem_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, Ed25519PrivateKey):
        raise UsageError(f"{path}: is no Ed25519 private key without a password; {_NAME_ONE}")
    return Signer(found)


def exposure(path: Path) -> str | None:
    """Say who besides its owner can sign with a private key, and what to do, in words that follow a comma; else None.

    As ssh does, of the user's own file alone: of another's the mode cannot be changed, and Windows has none.
    """
    if not hasattr(os, "geteuid"):
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    if status.st_uid != os.geteuid() or not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return None
    return f"which other users of this machine may use too: chmod 600 {shlex.quote(str(path))}"


class TrustedKeys:
    """Public keys that are trusted."""

    def __init__(self, public: tuple[str, ...]) -> None:
        """``public`` are words for keys as a declaration has them, which were found right when it was read."""
        self._keys = [
            (word, Ed25519PublicKey.from_public_bytes(base64.b64decode(word.removeprefix(PUBLIC_PREFIX))))
            for word in public
        ]

    def signer(self, signature: bytes, message: bytes) -> str | None:
        """Return the word for the key that signed a message, None where no trusted one did."""
        for word, key in self._keys:
            try:
                key.verify(signature, message)
            except InvalidSignature:
                continue
            return word
        return None
