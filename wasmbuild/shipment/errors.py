"""What is wrong with a file of a shipment, and what is no fault of the file at all."""

from __future__ import annotations

import enum
import errno
import os

from wasmbuild.boundary import host_fix
from wasmbuild.confined import LinkOutError, NotRegularError
from wasmbuild.errors import FormatError
from wasmbuild.text import printable

AGAIN = "build again, or copy it again from where it was built"
# A build around this one that compares times sees that a manifest is gone, and may not see that it is another.
AFRESH = f"delete it and {AGAIN}"
NO_TARGETS = (
    "a target stands there when all of its artifacts are built; wasmbuild build, without a selector, makes those that "
    "are missing or says why it cannot"
)
NAME_ONE = "name a manifest, an index or a build directory"
LINKS_FOLLOWED = "copy the directory with its links followed (cp -rL), or name the one that the links lead to"


class Reason(enum.Enum):
    """Why a file of a shipment cannot be had."""

    MISSING = "it is not there"
    LINK_OUT = "a link leads out of the directory that holds it"
    NOT_REGULAR = "it is no regular file"
    HOST = "this process or machine lacks something, whatever the file is"
    OTHER_SIZE = "it has another size than is listed"
    OTHER_BYTES = "it has other bytes than are listed, or is that of something else"
    CHANGING = "it is being written to"


class ShippedFileError(FormatError):
    """A file of a shipment cannot be had: ``where`` names it, ``problem`` completes "it …", ``fix`` says what to do.

    ``code`` is the ``errno`` where the system refused, else 0.
    """

    def __init__(self, reason: Reason, where: str, problem: str, fix: str, code: int = 0) -> None:
        self.reason = reason
        self.where = printable(where)
        self.problem = problem
        self.fix = fix
        self.code = code
        message = f"{self.where} {problem}"
        super().__init__(f"{message}; {fix}" if fix else message)

    @classmethod
    def of(cls, error: OSError, where: str, name_another: str = "", *, named_by: str = "") -> ShippedFileError:
        """Return what it means that the system refused a file.

        ``name_another`` is what to do where the user named one that is missing or no file, and ``named_by`` the file
        that says that it has to be there.
        """
        if isinstance(error, FileNotFoundError):
            fix = name_another or AGAIN
            return cls(Reason.MISSING, where, "is missing", f"{named_by} names it: {fix}" if named_by else fix)
        itself = name_another or f"put the file itself there: {AGAIN}"
        problem = printable(error.strerror or error)
        if isinstance(error, LinkOutError):
            return cls(Reason.LINK_OUT, where, problem, LINKS_FOLLOWED if error.holds_data else itself)
        if isinstance(error, NotRegularError) or (error.errno or 0) in OF_THE_PATH:
            if error.errno is not None and problem == os.strerror(error.errno):
                problem = f"cannot be opened: {problem}"
            return cls(Reason.NOT_REGULAR, where, problem, itself)
        code = error.errno or 0
        return cls(Reason.HOST, where, f"cannot be read: {problem}", host_fix(code), code)


OF_THE_PATH = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.EINVAL, errno.ENAMETOOLONG})
"""What the system says of a path; everything else that it says is of the process or the machine."""
