"""A service that speaks the XML API of Google Cloud Storage, and lets in whoever Google would.

Of the emulators there are, one refuses uploads by that API, the others answer without ``ETag`` and ``Last-Modified``,
and none looks at who asks.
"""

from __future__ import annotations

import base64
import email.utils
import http.server
import json
import time
import urllib.parse
from pathlib import Path

from cache_servers import Server, send
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_EMAIL = "ci@project.iam.gserviceaccount.com"
_TOKEN = "of-a-run"  # noqa: S105


class GoogleService:
    """Buckets for one service account, and for runs of CI whose identity is exchanged for a token."""

    def __init__(self, root: Path) -> None:
        """Make ``account.json``, the key of the service account, in ``root``."""
        root.mkdir(exist_ok=True)
        self.account = root / "account.json"
        self._public = make_account(self.account)
        self._server = Server()
        self._server.behave = self._get
        self._server.keep = self._put
        self.environment = {
            "GOOGLE_BASE_URL": self._server.address,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.account),
        }

    def __enter__(self) -> GoogleService:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def make_identity(self, path: Path, subject: str) -> None:
        """Write the credentials of a workload whose CI service says that it is ``subject``."""
        path.with_suffix(".subject").write_text(subject)
        path.write_text(
            json.dumps(
                {
                    "type": "external_account",
                    "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/a/providers/b",
                    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                    "token_url": f"{self._server.address}/token",
                    "credential_source": {"file": str(path.with_suffix(".subject"))},
                }
            )
        )

    def _lets_in(self, handler: http.server.BaseHTTPRequestHandler) -> bool:
        token = handler.headers.get("Authorization", "").removeprefix("Bearer ")
        known = token == _TOKEN or self._signed(token)
        if not known:
            send(handler, b"<Error><Code>AuthenticationRequired</Code></Error>", status=401)
        return known

    def _signed(self, token: str) -> bool:
        """Tell whether the account signed a token for itself that is still good: RFC 7519, with RS256."""
        text, _, signature = token.rpartition(".")
        try:
            self._public.verify(_decoded(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):
            return False
        claims = json.loads(_decoded(text.partition(".")[2]))
        return claims["scope"] == _SCOPE and claims["iss"] == _EMAIL and claims["exp"] > time.time()

    def _get(self, server: Server, handler: http.server.BaseHTTPRequestHandler) -> None:
        if not self._lets_in(handler):
            return
        data = server.kept.get(urllib.parse.unquote(handler.path))
        if data is None:
            send(handler, b"<Error><Code>NoSuchKey</Code></Error>", status=404)
        else:
            send(handler, data, headers={"ETag": '"1"', "Last-Modified": email.utils.formatdate(usegmt=True)})

    def _put(self, server: Server, handler: http.server.BaseHTTPRequestHandler, data: bytes) -> None:
        if handler.path == "/token":
            if urllib.parse.parse_qs(data.decode())["subject_token"] != ["main"]:
                send(handler, b'{"error": "invalid_grant"}', status=400)
                return
            answer = {
                "access_token": _TOKEN,
                "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "token_type": "Bearer",
                "expires_in": 3600,
            }
            send(handler, json.dumps(answer).encode())
        elif self._lets_in(handler):
            server.kept[urllib.parse.unquote(handler.path)] = data
            send(handler, b"", headers={"ETag": '"1"'})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_account(path: Path) -> rsa.RSAPublicKey:
    """Write the key of a service account as Google gives it to its users, and return the public one."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "private_key_id": "1",
                "private_key": private.decode(),
                "client_email": _EMAIL,
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )
    )
    return key.public_key()
