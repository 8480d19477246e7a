"""What a key is the digest of, as a document that knows how it is spelled: thousands differ in their source alone."""

from __future__ import annotations

from wasmbuild.lean.typing import Any


class KeyInputs(dict[str, Any]):
    """The document of a ``key``, which nobody changes; records spell it as ``head`` and, after that, ``tail``."""

    __slots__ = ("head", "key", "tail")

    def __init__(self, document: dict[str, Any], key: str, head: str, tail: str) -> None:
        super().__init__(document)
        self.key = key
        self.head = head
        self.tail = tail

    @property
    def spelled(self) -> str:
        """The whole document as records have it."""
        return self.head + self.tail
