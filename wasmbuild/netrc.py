"""What the user's ``.netrc`` has for servers."""

from __future__ import annotations

import os
import sys

from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path


def hosts() -> dict[str, tuple[str, str]]:
    """Return login and password by host; nothing where there is no file. Raises UsageError for one that is damaged."""
    path = _path()
    if path is None:
        return {}
    import netrc

    try:
        found = netrc.netrc(str(path)).hosts
    except netrc.NetrcParseError as error:
        # Its words quote a token of that line, which may be the password.
        raise UsageError(f"{path}: line {error.lineno} is not as that file is written; correct it") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not in UTF-8; correct it") from None
    except OSError:
        return {}
    # Its default would tell every server.
    return {host: (login, password) for host, (login, _, password) in found.items() if host != "default"}


def _path() -> Path | None:
    if named := os.environ.get("NETRC"):
        return Path(named)
    try:
        home = Path.home()
    except RuntimeError:
        return None
    names = [".netrc", "_netrc"] if sys.platform == "win32" else [".netrc"]
    return next((home / name for name in names if os.path.isfile(home / name)), None)
