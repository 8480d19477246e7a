"""What loading gives: the module or component, the engine that it belongs to, and how it was chosen."""

from __future__ import annotations

import wasmtime

from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.text import printable

if TYPE_CHECKING:
    from wasmtime.component import Component

    from wasmbuild.formats.manifest import ManifestArtifact
    from wasmbuild.runtime.errors import PassedOver
    from wasmbuild.runtime.targets import Candidate


class Opened:
    """A module or a component, ready to be instantiated in stores of ``engine``.

    ``path`` is the file that it came from, ``precompiled`` tells an artifact from a source that was compiled now.
    """

    __slots__ = ("_value", "engine", "path", "precompiled")

    def __init__(
        self, value: wasmtime.Module | Component, engine: wasmtime.Engine, path: str, *, precompiled: bool
    ) -> None:
        self._value = value
        self.engine = engine
        self.path = path
        self.precompiled = precompiled

    @property
    def kind(self) -> str:
        """``"module"`` or ``"component"``."""
        return "module" if isinstance(self._value, wasmtime.Module) else "component"

    @property
    def module(self) -> wasmtime.Module:
        """The core module. Raises OtherKindError when it is a component."""
        if isinstance(self._value, wasmtime.Module):
            return self._value
        from wasmbuild.runtime.mismatches import other_kind

        raise other_kind(str(self), "component")

    @property
    def component(self) -> Component:
        """The component. Raises OtherKindError when it is a core module."""
        if not isinstance(self._value, wasmtime.Module):
            return self._value
        from wasmbuild.runtime.mismatches import other_kind

        raise other_kind(str(self), "module")

    def __str__(self) -> str:
        return printable(self.path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kind} {self}>"


class Loaded(Opened):
    """A module or a component of a manifest, and how it was chosen.

    ``name`` is the module's name, ``target`` the target whose artifact was taken and ``triple`` its triple;
    ``passed_over`` are the targets that were not taken though they came first or could have, each with its reason.
    ``artifact`` is the manifest's entry, with imports and exports. Where ``precompiled`` is false the source that
    ``target`` ships was compiled for this machine, and ``path`` is that source's.
    """

    __slots__ = ("artifact", "passed_over", "target", "triple")

    def __init__(
        self,
        value: wasmtime.Module | Component,
        engine: wasmtime.Engine,
        path: str,
        candidate: Candidate,
        artifact: ManifestArtifact,
        passed_over: tuple[PassedOver, ...],
    ) -> None:
        super().__init__(value, engine, path, precompiled=not candidate.compiles)
        self.artifact = artifact
        self.target = candidate.target
        self.triple = candidate.triple
        self.passed_over = passed_over

    @property
    def name(self) -> str:
        """The name of the module."""
        return self.artifact.module

    @property
    def id(self) -> str:
        """``module@target``."""
        return f"{self.artifact.module}@{self.target}"

    @property
    def sha256(self) -> str:
        """What the manifest says is the SHA-256 of the file at ``path``, in hexadecimal."""
        wasm = self.artifact.wasm
        return self.artifact.sha256 if self.precompiled or wasm is None else wasm.sha256

    def __str__(self) -> str:
        return self.id

    def explain(self) -> str:
        """Return in one line what was taken and why other targets were not, as it is logged."""
        how = f"loaded code for {self.triple}" if self.precompiled else "compiled its source on this machine"
        parts = [f"{self.id}: {how}"]
        parts += [f"passed over: {reason}" for reason in self.passed_over if reason.for_this_machine]
        others = [reason.target for reason in self.passed_over if not reason.for_this_machine]
        if others:
            parts.append(f"for other machines: {', '.join(others)}")
        return "; ".join(parts)
