"""Who this is to Google Cloud, from where its users have that: the file of "application default credentials".

obstore knows keys of service accounts and what ``gcloud auth application-default login`` writes. All other kinds,
among them the workload identities of CI services, are google-auth's, which is asked for them where it is installed.
"""

from __future__ import annotations

import os

from wasmbuild import files
from wasmbuild.lean.typing import Any, NamedTuple

_OWN_KINDS = ("service_account", "authorized_user")
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
# By these, obstore is told more directly than by a file of application default credentials.
_DIRECT = ("SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_PATH", "GOOGLE_SERVICE_ACCOUNT_KEY")


class CredentialsError(Exception):
    """A file of credentials that cannot be used; the text says which one, and why."""


class GoogleCredentials(NamedTuple):
    """What obstore takes: the file that it reads itself, or a function that gives it tokens."""

    file: str | None
    provider: Any = None


def found() -> GoogleCredentials:
    """Return the credentials of this user, none where the machine's account is to be asked.

    Raises CredentialsError. Nothing of a file but its name gets into a message.
    """
    if any(name in os.environ for name in (*_DIRECT, "GOOGLE_BEARER_TOKEN")):
        return GoogleCredentials(None)
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    path = named or _of_gcloud()
    if path is None:
        return GoogleCredentials(None)
    try:
        import json

        kind = json.loads(files.read(path)[0])["type"]
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not named:
            return GoogleCredentials(None)
        raise CredentialsError(f"{path}: {(error.strerror or type(error).__name__).lower()}") from None
    except (ValueError, KeyError, TypeError):
        raise CredentialsError(f"{path}: no credentials of Google Cloud") from None
    if kind in _OWN_KINDS:
        return GoogleCredentials(path)
    try:
        import google.auth  # noqa: F401
        from google.auth.transport.requests import Request  # noqa: F401
    except ImportError:
        what = "credentials of this kind take google-auth: pip install 'google-auth[requests]'"
        raise CredentialsError(f"{path}: {what}") from None
    return GoogleCredentials(None, _Tokens())


def _of_gcloud() -> str | None:
    folder = os.environ.get("CLOUDSDK_CONFIG")
    if not folder:
        of_user = os.environ.get("APPDATA", "") if os.name == "nt" else os.path.expanduser("~/.config")
        # Nobody's account; what the working directory has of that name may be anybody's.
        if not os.path.isabs(of_user):
            return None
        folder = os.path.join(of_user, "gcloud")
    return os.path.join(folder, "application_default_credentials.json")


class _Tokens:
    """Tokens by google-auth, which may ask servers for what it needs already to begin."""

    _provider: Any = None

    def __call__(self) -> Any:
        if self._provider is None:
            import google.auth
            from obstore.auth.google import GoogleCredentialProvider

            credentials, _ = google.auth.default(scopes=[_SCOPE])
            self._provider = GoogleCredentialProvider(credentials)
        return self._provider()
