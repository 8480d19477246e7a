"""Where a remote cache lies, opened by obstore with what its users have to be let in.

Credentials are taken from where each kind of store has them: of ``http`` from the address or ``.netrc``, of ``s3``
from ``AWS_*`` or boto3's profiles, of ``gs`` from gcloud's files, of ``az`` from ``AZURE_*``. Those of an address
become a header that its server alone gets: neither another host that it redirects to nor any message has them.
"""

from __future__ import annotations

import base64
import os
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from obstore.exceptions import GenericError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, HTTPStore, LocalStore, S3Store

from wasmbuild import __version__, files, netrc
from wasmbuild.builder.cache import google_credentials
from wasmbuild.builder.cache.google_credentials import CredentialsError
from wasmbuild.builder.cache.origin import ENDPOINTS
from wasmbuild.errors import UsageError
from wasmbuild.text import printable

_BACKOFF = {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(milliseconds=500), "base": 2}
_RETRIES = 2
# How long a transfer may take is the business of whoever waits for it; this only ends one that everybody forgot.
_LONGEST = timedelta(minutes=10)
# What variables that a kind of store reads begin with.
_READ = {"s3": ("AWS_",), "az": ("AZURE_", "AZURITE_"), "gs": ("GOOGLE_",)}

# As Rust writes errors of the system for people, and for those who look for mistakes.
_SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)|\bcode: (\d+),\s*kind:")

# As obstore names who was to give credentials, and what that raised.
_PROVIDER = re.compile(r"External \w+ credential provider: (\w+)")

# Where machines in a cloud ask who they are, in want of anything else.
_METADATA = ("169.254.169.254", "metadata.google.internal")
_NOBODY = "no credentials are in the environment, and this machine has no account of its own"

_NO_SAS = "AZURE_STORAGE_SAS_TOKEN is no token of a shared access signature"
# As object_store tells of a file with a token that cannot be read, and the variable that names it.
_TOKEN_FILES = (
    ("FederatedTokenFile", "AZURE_FEDERATED_TOKEN_FILE"),
    ("Failed to read token file", "AWS_WEB_IDENTITY_TOKEN_FILE"),
)
# What is said, besides numbers of the system, where nobody answers, or a gateway does in the place of the store.
_ABSENT = ("Connection refused", "dns error", "timed out", "IncompleteMessage", "status code: 5")
_TOKEN_REQUEST = "performing token request"  # noqa: S105
# What services answer whatever they are asked for, as object_store passes it on.
_ANSWERS = (
    ("<Code>NoSuchBucket<", "names a bucket that does not exist"),
    ("<Code>ContainerNotFound<", "names a container that does not exist"),
    ("<Code>ExpiredToken<", "says that the credentials have expired"),
    ("<Code>RequestTimeTooSkewed<", "says that the clock of this machine is wrong"),
)
# It guesses so of every service, and is right of one.
_OF_ANOTHER_REGION = ("incorrectly configured region", "is wrong; expecting")
_CERTIFICATE = "InvalidCertificate"
# As rustls names what is wrong with a certificate, and what that means; the last is of all else.
_CERTIFICATES = (
    ("Expired", "its certificate has expired, or the clock of this machine is wrong"),
    ("NotValidYet", "its certificate is not valid yet, or the clock of this machine is wrong"),
    ("NotValidForName", "its certificate is for another host than its address names"),
    ("CaUsedAsEndEntity", "its certificate is an authority's; make one for a server, with basicConstraints=CA:FALSE"),
    ("UnknownIssuer", "its certificate is of no known authority; SSL_CERT_FILE names the file of those to trust"),
    ("", "its certificate is not trusted"),
)
# What obstore says of settings that are missing or wrong.
_UNOPENED = (
    ("Missing AccessKeyId", "AWS_ACCESS_KEY_ID is not set"),
    ("Missing SecretAccessKey", "AWS_SECRET_ACCESS_KEY is not set"),
    ("Account must be specified", "AZURE_STORAGE_ACCOUNT_NAME is not set"),
    ("Invalid Access Key", "AZURE_STORAGE_ACCOUNT_KEY is not in Base64"),
    ("SAS query pair", _NO_SAS),
    ("an SAS key", _NO_SAS),
    ("service account file", "the environment names no key of a service account that can be used"),
    ("Generic URL error", "no store has such a path"),
)


class NoStoreError(Exception):
    """A remote cache that cannot be opened; the text says why, in words that follow its address."""


def opened(address: str, timeout: float) -> Any:
    """Open the store at an address as a declaration has it. Raises NoStoreError; connects to nothing."""
    parts = urlsplit(address)
    try:
        if parts.scheme == "file":
            directory = files.of_url(parts.path)
            # Who pushes makes none either: a disk that is not mounted, or a slip, would be filled elsewhere.
            if not os.path.isdir(directory):
                raise NoStoreError("is no directory")
            return LocalStore(directory)
        options: Any = {
            "user_agent": f"wasmbuild/{__version__}",
            "connect_timeout": timedelta(seconds=timeout),
            "timeout": _LONGEST,
            "allow_http": _is_plain(parts.scheme),
        }
        retry: Any = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=timeout), "backoff": _BACKOFF}
        if parts.scheme in ("http", "https"):
            header = _authorization(parts.username, parts.password, parts.hostname or "")
            if header:
                options["default_headers"] = {"Authorization": header}
            host = parts.netloc.rpartition("@")[2]
            address = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
            return HTTPStore(address, client_options=options, retry_config=retry)
        if parts.scheme == "s3":
            provider = _profile()
            return S3Store.from_url(address, client_options=options, retry_config=retry, credential_provider=provider)
        if parts.scheme == "gs":
            return _google(address, client_options=options, retry_config=retry)
        return AzureStore.from_url(address, client_options=options, retry_config=retry)
    except (NoStoreError, KeyboardInterrupt, SystemExit):
        raise
    except (CredentialsError, UsageError) as error:
        raise NoStoreError(f"has no credentials that can be used ({error})") from None
    except OSError as error:
        raise NoStoreError(f"cannot be opened ({error.strerror or type(error).__name__})") from None
    except BaseException as error:  # a panic of Rust is no Exception
        # What obstore says of it may name the credentials.
        why = next((meaning for sign, meaning in _UNOPENED if sign in str(error)), None)
        why = why or _unknown(error, parts.scheme)
        raise NoStoreError(f"cannot be opened ({why})") from None


def _is_plain(scheme: str) -> bool:
    named = (os.environ.get(name, "") for name in ENDPOINTS.get(scheme, ()))
    return scheme == "http" or any(value.startswith("http://") for value in named)


def _authorization(user: str | None, password: str | None, host: str) -> str:
    if user is not None:
        known = (unquote(user), unquote(password or ""))
    else:
        found = netrc.hosts().get(host)
        if found is None:
            return ""
        known = found
    return "Basic " + base64.b64encode(":".join(known).encode()).decode("ascii")


def _google(address: str, **options: Any) -> Any:
    who = google_credentials.found()
    config: Any = {} if who.file is None else {"application_credentials": who.file}
    try:
        return GCSStore.from_url(address, config=config, credential_provider=who.provider, **options)
    except GenericError:
        if who.file is None:
            raise
        raise CredentialsError(f"{who.file}: not all of it is there, or its private key is none") from None


def _profile() -> Any:
    """Return what gives credentials of the user's files, where there are some and none in the environment."""
    if "AWS_ACCESS_KEY_ID" in os.environ or "AWS_WEB_IDENTITY_TOKEN_FILE" in os.environ:
        return None
    home = os.path.expanduser("~/.aws")
    named = any(name in os.environ for name in ("AWS_PROFILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"))
    if not named and not os.path.isdir(home):
        return None
    try:
        from boto3 import Session
        from botocore.exceptions import BotoCoreError, ProfileNotFound
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        if named:
            raise NoStoreError("needs boto3 for profiles of AWS: pip install boto3") from None
        return None
    try:
        session = Session()
        return Boto3CredentialProvider(session) if session.get_credentials() is not None else None
    except ProfileNotFound as error:
        raise NoStoreError(f"cannot be opened (there is no profile {error.kwargs['profile']})") from None
    except (BotoCoreError, ValueError) as error:
        # What it says of it may be what a program printed that was to print credentials.
        raise CredentialsError(f"boto3 raised {type(error).__name__}") from None


def hopeless(error: BaseException) -> str | None:
    """Say of an error that all entries will have what it is about, in words that follow the address; else None."""
    text = str(error)
    if isinstance(error, UnauthenticatedError):
        found = _PROVIDER.search(text)
        if found is not None:
            return f"has no credentials that can be used (no token for them: {found[1]})"
        return "asks who this is (401), and its credentials are missing or wrong"
    if text.startswith("Generic S3 error") and any(sign in text for sign in _OF_ANOTHER_REGION):
        return "names a bucket of another region: set AWS_REGION to its own"
    if (answer := next((meaning for sign, meaning in _ANSWERS if sign in text), None)) is not None:
        return answer
    return _unread_token(text)


def _unread_token(text: str) -> str | None:
    """Say of a file with a token that it cannot be read, in words that follow the address; None of other errors."""
    variable = next((variable for sign, variable in _TOKEN_FILES if sign in text), None)
    if variable is None:
        return None
    path, why = os.environ.get(variable, ""), "cannot be read"
    try:
        with open(path, "rb"):
            pass
    except OSError as unread:
        why = (unread.strerror or why).lower()
    return f"has no credentials that can be used ({variable} names {printable(path)}: {why})"


def reason(error: BaseException, address: str) -> str:
    """Say what went wrong with a store without its address, which may hold credentials."""
    text, scheme = str(error), urlsplit(address).scheme
    if _TOKEN_REQUEST in text and not any(sign in text for sign in _METADATA):
        return f"no token for its credentials: {_said(text, error, scheme)}"
    return _said(text, error, scheme)


def is_absent(error: BaseException, address: str) -> bool:
    """Tell whether an error is that no store answers at an address, so that nobody else need ask a moment later.

    What is wrong with credentials, certificates and directories of this machine is mended here, and asked anew at once.
    """
    text = str(error)
    if urlsplit(address).scheme == "file" or any(sign in text for sign in (_TOKEN_REQUEST, _CERTIFICATE, *_METADATA)):
        return False
    return any(sign in text for sign in _ABSENT) or _SYSTEM_ERROR.search(text) is not None


def _said(text: str, error: BaseException, scheme: str) -> str:
    _, found, fault = text.partition(_CERTIFICATE)
    if found:
        no_authorities = _no_authorities() if "UnknownIssuer" in fault else ""
        return no_authorities or next(meaning for sign, meaning in _CERTIFICATES if sign in fault)
    for sign, meaning in (
        *((sign, _NOBODY) for sign in _METADATA),
        ("Connection refused", "connection refused"),
        ("dns error", "no such host"),
        ("timed out", "timed out"),
        ("InvalidContentType", "it does not speak TLS"),
        ("IncompleteMessage", "connection closed"),
        ("IncompleteBody", "its answers break off"),
        ("TooManyRedirects", "it redirects without end"),
        ("BareRedirect", "it redirects to nowhere"),
        ("unsupported scheme", "the proxy that the environment names is none of http:// or https://"),
        ("Parse(", "it does not speak HTTP"),
        ("Content-Length Header missing", "its answers do not say how long they are"),
        ("status code: ", ""),
    ):
        if sign in text:
            return meaning or f"status {text.partition(sign)[2][:3]}"
    number = _SYSTEM_ERROR.search(text)
    if number is not None:
        return os.strerror(int(number[1] or number[2])).lower()
    return _unknown(error, scheme)


def _no_authorities() -> str:
    """Say of the file of authorities that the environment names that it is none; nothing of one that can be used."""
    path = os.environ.get("SSL_CERT_FILE", "")
    if not path:
        return ""
    # A build whose cache answers needs none of it.
    import ssl

    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        if error.reason != "NO_CERTIFICATE_OR_CRL_FOUND":
            # One of several is damaged, which others pass over.
            return ""
        why = "there is no certificate in PEM in it"
    except OSError as unread:
        why = (unread.strerror or "cannot be read").lower()
    else:
        return ""
    return f"SSL_CERT_FILE names {printable(path)}: {why}"


def _unknown(error: BaseException, scheme: str) -> str:
    """Name a variable of such stores that is wrong whatever is asked, for obstore names none; else the error."""
    for name, value in os.environ.items():
        if not name.startswith(_READ.get(scheme, ())):
            continue
        if name in ENDPOINTS[scheme] and not value.startswith(("http://", "https://")):
            return f"{name} is no address that starts with http:// or https://"
        # Of such ones Rust panics; what a server answered is no fault of a variable with a document in it.
        if not isinstance(error, Exception) and not value.isprintable():
            return f"{name} has the end of a line or the like in it"
    return type(error).__name__
