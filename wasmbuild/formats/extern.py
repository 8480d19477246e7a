"""What a WebAssembly module or component imports and exports.

Types of core externs are text in the style of the WebAssembly text format, with this grammar:

==========  =================================================================================================
kind        type
==========  =================================================================================================
``func``    ``(i32, i64) -> (f32)``, ``() -> ()``: parameters and results, separated by a comma and a blank
``global``  ``i32``, or ``mut i32`` when it can be set
``memory``  ``1`` or ``1..10``: least and most size in pages, then what differs from a plain memory, in this
            order: `` i64`` (64-bit addresses), `` shared``, `` page-size=1`` (bytes, when not 65536)
``table``   ``funcref 1..10``: type of the elements, least and most number of them, then `` i64``
``tag``     ``(i32)``: what an exception of this tag carries
==========  =================================================================================================

Value types: ``i32 i64 f32 f64 v128`` and references. Nullable references to abstract heap types have their usual
names: ``funcref externref anyref eqref i31ref structref arrayref exnref contref nullref nullfuncref nullexternref
nullexnref nullcontref``. Every other reference is written out as ``(ref null HEAP)`` or, when it cannot be null,
``(ref HEAP)``; HEAP is ``func extern any eq i31 struct array exn cont none nofunc noextern noexn nocont`` or a
number: the index of a type in the module's own type section. Such an index says nothing outside of that module.

The kinds of a component's externs are ``func value type component instance module`` (a core module); they have no
type text.
"""

from __future__ import annotations

from wasmbuild.lean.typing import NamedTuple

CORE_KINDS = ("func", "table", "memory", "global", "tag")
"""Kinds of a core module's externs, in the order of their binary codes."""

COMPONENT_KINDS = ("module", "func", "value", "type", "component", "instance")
"""Kinds of a component's externs, in the order of their binary codes."""


class Import(NamedTuple):
    """One import. In a component ``module`` and ``type`` are empty."""

    module: str
    name: str
    kind: str
    type: str


class Export(NamedTuple):
    """One export. In a component ``type`` is empty."""

    name: str
    kind: str
    type: str


class Interface(NamedTuple):
    """Imports and exports, each in the order of the file."""

    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
