"""What decides an artifact, as texts: for systems that compare contents, and tell which of them changed."""

from __future__ import annotations

import json

from wasmbuild.builder.key import SCHEMA, CompilerIdentity
from wasmbuild.lean.typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmbuild.project.cases import Case
    from wasmbuild.project.declared import Module, Target


def settings(target: Target, compiler: CompilerIdentity) -> list[str]:
    """Return everything but the source that decides the bytes of a target's artifacts, a text for each setting."""
    document = target.engine.key_inputs()
    decisive = [("compiler", [SCHEMA, *compiler]), ("triple", document["triple"])]
    decisive += [(f"isa-flags.{name}", value) for name, value in document["isa-flags"].items()]
    decisive += [(f"engine.{name}", value) for name, value in document["engine"].items()]
    return [f"wasmbuild {target.name}: {name} = {_json(value)}" for name, value in decisive]


def contract(module: Module) -> list[str]:
    """Return what a module is held to when it is compiled."""
    demands = [("imports", module.imports), ("exports", module.exports)]
    texts = [f"wasmbuild {module.name}: {name} = {_json(value)}" for name, value in demands if value is not None]
    if module.tests:
        texts.append(f"wasmbuild {module.name}: tests = {_json([_asked(case) for case in module.tests])}")
    return texts


def _asked(case: Case) -> dict[str, Any]:
    """Return what a test asks of its module's interface: what its directories hold, manifests alone say."""
    document = case.to_json()
    if case.wasi is not None and case.wasi.dirs:
        document["wasi"]["dirs"] = [held.path for held in case.wasi.dirs]
    return document


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True)
