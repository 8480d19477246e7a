"""What of a source decides whether a known fault of a compiler concerns the artifact that was made from it."""

from __future__ import annotations

from wasmbuild.lean.typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ODD_TAGS_WITH = (
    "active-data",
    "active-data-imported-memory",
    "active-data-non-constant-offset",
    "active-data-without-image",
    "passive-data",
)
"""What a module that defines an odd number of tags can have besides, sorted."""


class Traits(NamedTuple):
    """Of a core module, or of all that a component holds: numbers are then the largest of any.

    ``features`` are the proposals that it uses, named as the settings are but without ``wasm-``, sorted. ``tags`` is
    the number of exception tags that it defines, imported ones not counted; ``odd_tags_with`` is what the modules that
    define an odd number have besides (``ODD_TAGS_WITH``), passive data only where code reads or drops such;
    ``odd_tags_image_size`` the least value of the setting ``memory-guaranteed-dense-image-size`` with which all their
    active data can be mapped. ``br_table`` is the number of targets of the largest, its default not counted;
    ``function_body`` the size of the largest, in bytes; ``function_values`` how many values Cranelift makes of one at
    most (``clif_values``).
    ``string_transcoding`` says that functions that a component lifts may be lowered in it again, in the same or in
    another instance, and that text may pass between them; from UTF-8 to UTF-8 too, because the adapters of Wasmtime
    check and copy that with the same code.
    """

    features: tuple[str, ...] = ()
    tags: int = 0
    odd_tags_with: tuple[str, ...] = ()
    odd_tags_image_size: int = 0
    passive_data: bool = False
    br_table: int = 0
    function_body: int = 0
    function_values: int = 0
    call_ref: bool = False
    try_table: bool = False
    string_transcoding: bool = False
    memory64: bool = False
    table64: bool = False
    shared_memory: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the JSON value that record and manifest hold."""
        return {
            name.replace("_", "-"): list(value) if isinstance(value, tuple) else value
            for name, value in self._asdict().items()
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Traits:
        """Read what ``to_json`` returned."""
        fields: dict[str, Any] = {name.replace("-", "_"): value for name, value in document.items()}
        lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
        return cls(**{**fields, **lists})


def merged(found: Iterable[Traits]) -> Traits:
    """Return the traits of what holds all of these."""
    whole = Traits()._asdict()
    for part in found:
        for name, value in part._asdict().items():
            both = (whole[name], value)
            whole[name] = tuple(sorted({*both[0], *both[1]})) if isinstance(value, tuple) else max(both)
    return Traits(**whole)
