"""Why an artifact is built again: the stored key's document against the wanted one, in words."""

from __future__ import annotations

from wasmbuild.lean.typing import Any


def differences(stored: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Return one reason for each input of the key that differs, most telling first; empty when none does.

    Both are documents as made by ``key.document``; the stored one comes from a record and may be of any
    shape.
    """
    if stored.get("schema") != wanted["schema"]:
        return [f"the key's schema changed from {stored.get('schema')} to {wanted['schema']}"]
    reasons = []
    if stored.get("wasm") != wanted["wasm"]:
        reasons.append("source changed")
    if stored.get("kind") != wanted["kind"]:
        reasons.append(f"kind changed from {stored.get('kind')} to {wanted['kind']}")
    if stored.get("triple") != wanted["triple"]:
        reasons.append(f"triple changed from {stored.get('triple')} to {wanted['triple']}")
    reasons += _mapping("CPU flag", stored.get("isa-flags"), wanted["isa-flags"])
    reasons += _mapping("engine setting", stored.get("engine"), wanted["engine"])
    return reasons + _compiler(stored.get("compiler"), wanted["compiler"])


def _mapping(what: str, stored: object, wanted: dict[str, Any]) -> list[str]:
    old = stored if isinstance(stored, dict) else {}
    reasons = []
    for name in sorted(old.keys() | wanted.keys()):
        if name not in wanted:
            reasons.append(f"{what} {name} is no longer set (was {_value(old[name])})")
        elif name not in old:
            reasons.append(f"{what} {name} is now {_value(wanted[name])}")
        elif old[name] != wanted[name]:
            reasons.append(f"{what} {name} changed from {_value(old[name])} to {_value(wanted[name])}")
    return reasons


def _compiler(stored: object, wanted: dict[str, Any]) -> list[str]:
    old = stored if isinstance(stored, dict) else {}
    if old.get("version") != wanted["version"]:
        return [f"compiler {old.get('version')} → {wanted['version']}"]
    if old.get("sha256") != wanted["sha256"]:
        return [f"another build of compiler {wanted['version']}"]
    return []


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in sorted(value.items())) + "}"
    return str(value)
