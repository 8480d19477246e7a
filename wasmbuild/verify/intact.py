"""The first level: the bytes of an artifact, and of the source that is shipped with it, are those of its manifest."""

from __future__ import annotations

import io
import time

from wasmbuild.files import Signature, is_settled, signature
from wasmbuild.formats.cwasm import ReadAt
from wasmbuild.formats.manifest import ManifestArtifact
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.shipment import artifacts, errors
from wasmbuild.shipment.artifacts import ListedFile
from wasmbuild.shipment.errors import Reason, ShippedFileError
from wasmbuild.shipment.source import ShipmentSource
from wasmbuild.verify.outcomes import Broken, Unverified

AGAIN = errors.AGAIN
BY_HAND = "was it built or changed by hand, or by another tool? build it again"

_FIXES = {Reason.OTHER_BYTES: BY_HAND, Reason.NOT_REGULAR: f"put the artifact itself there: {AGAIN}"}
_BUFFER = 1 << 20


class IntactArtifact(NamedTuple):
    """An artifact that is intact.

    ``file`` is the open file that was hashed, to be closed by whoever has it, and ``signature`` what it had before
    that, None where a change since may not show in it. ``read_at`` gives its bytes as long as it is open.
    """

    file: io.FileIO
    signature: Signature | None
    read_at: ReadAt


class Intact:
    """Opens and hashes one artifact after the other."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_BUFFER))

    def open(self, artifact: ManifestArtifact, source: ShipmentSource) -> IntactArtifact | Broken | Unverified:
        """Open an artifact and hold its size and SHA-256 against the manifest; return it, or why it is another.

        The same holds for its source, where that is shipped.
        """
        opened = self._open(artifact, source)
        if not isinstance(opened, IntactArtifact) or artifact.wasm is None:
            return opened
        shipped = self._open(artifact.wasm, source)
        if not isinstance(shipped, IntactArtifact):
            opened.file.close()
            return shipped._replace(message=f"the source that is shipped with it, {shipped.message}")
        shipped.file.close()
        return opened

    def _open(self, listed: ListedFile, source: ShipmentSource) -> IntactArtifact | Broken | Unverified:
        now = time.time_ns()
        try:
            file, status, data = artifacts.open_listed(source, listed, listed.path, buffer=self._buffer)
        except ShippedFileError as error:
            if error.reason is Reason.HOST:
                return Unverified(str(error))
            fix = _FIXES.get(error.reason, error.fix)
            return Broken(f"{error.where} {error.problem}; {fix}" if fix else f"{error.where} {error.problem}")
        sig = signature(status)
        read_at = ReadAt.of(file if data is None else io.BytesIO(data), status.st_size)
        return IntactArtifact(file, sig if is_settled(sig, now) else None, read_at)
