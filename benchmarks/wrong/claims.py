"""Manifests that can be read and are not true: what they say of the bytes, and of what was compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.workspace import LINE
from benchmarks.wrong.crate import CONSISTENT, INTACT, Crate, UnfitError
from benchmarks.wrong.shipments import Shipment
from tests import families
from wasmbuild.engine import cpu, lines, triples
from wasmbuild.engine.config import EngineConfig
from wasmbuild.errors import FormatError
from wasmbuild.formats.manifest import Manifest

SETTINGS = lines.get(LINE).settings
FLAGS = lines.get(LINE).flags
# What no byte of these artifacts tells: modules without sparse data are the same with any size of images.
_UNTOLD = ("memory-guaranteed-dense-image-size",)
_COMPILED = [name for name, setting in SETTINGS.items() if not setting.runtime_only and name not in _UNTOLD]
_DIGITS = "0123456789abcdef"

# --- of the bytes -----------------------------------------------------------------------------------------------------


def size(crate: Crate) -> None:
    artifact = crate.pick()
    wrong = {artifact["size"] + crate.chance.randint(-4096, 4096), 0, (1 << 63) - 1, artifact["size"] * 2}
    artifact["size"] = crate.one_of(sorted(wrong - {artifact["size"]}))
    crate.blame(INTACT, artifact)


def digest(crate: Crate) -> None:
    artifact = crate.pick()
    right = artifact["sha256"]
    at = crate.chance.randrange(len(right))
    artifact["sha256"] = right[:at] + crate.chance.choice(_DIGITS.replace(right[at], "")) + right[at + 1 :]
    crate.blame(INTACT, artifact)


def digests_exchanged(crate: Crate) -> None:
    one, other = crate.pick_two()
    for key in ("sha256", "size"):
        one[key], other[key] = other[key], one[key]
    crate.blame(INTACT, one, other)


def paths_exchanged(crate: Crate) -> None:
    one, other = crate.pick_two()
    one["path"], other["path"] = other["path"], one["path"]
    crate.blame(INTACT, one, other)


def elsewhere(crate: Crate) -> None:
    artifact = crate.pick()
    artifact["path"] = f"{crate.chance.choice(('', 'a/', 'a/b.cwasm/'))}m{crate.chance.getrandbits(32)}.cwasm"
    crate.blame(INTACT, artifact)


def of_another_target(crate: Crate) -> None:
    """The whole manifest, but for its name, is that of another target, where the artifacts are not."""
    other: Shipment = crate.one_of([other for other in crate.others if other is not crate.shipment])
    artifacts = {artifact["module"]: artifact for artifact in other.document["artifacts"]}
    for artifact in crate.artifacts:
        artifact.update(size=artifacts[artifact["module"]]["size"], sha256=artifacts[artifact["module"]]["sha256"])
    if any(crate.data(artifact) == other.data(artifact["module"]) for artifact in crate.artifacts):
        raise UnfitError
    crate.blame(INTACT, *crate.artifacts)


# --- of what was compiled ---------------------------------------------------------------------------------------------


def setting(crate: Crate) -> None:
    """One setting of the engine is another one."""
    name = crate.chance.choice(_COMPILED)
    known = SETTINGS[name]
    value = _engine(crate).values()[name]
    if isinstance(value, bool):
        other: Any = not value
    elif isinstance(value, int):
        other = value + (crate.chance.randint(1, 100) << 20)
    else:
        other = crate.one_of([choice for choice in known.choices if choice not in (value, "auto")])
    _change_engine(crate, {name: other})


def flag(crate: Crate) -> None:
    """One flag of Cranelift is another one."""
    name = crate.chance.choice(list(FLAGS))
    known = FLAGS[name]
    if isinstance(known.default, bool):
        other: Any = not known.default
    elif isinstance(known.default, int):
        other = crate.one_of([number for number in range(known.low, known.high + 1) if number != known.default])
    else:
        other = crate.one_of([choice for choice in known.choices if choice != known.default])
    _change_engine(crate, {"cranelift-flags": {**_engine(crate).cranelift_flags, name: other}})


def _engine(crate: Crate) -> EngineConfig:
    return EngineConfig(LINE, crate.shipment.triple, crate.document["target"]["isa_flags"], crate.document["engine"])


def _change_engine(crate: Crate, changes: dict[str, Any]) -> None:
    try:
        changed = _engine(crate).changed(changes).engine_table()
    except ValueError:
        raise UnfitError from None
    if changed == crate.document["engine"]:
        raise UnfitError
    crate.document["engine"] = changed
    _blame_all(crate)


def features(crate: Crate) -> None:
    """The CPU has other features."""
    target, architecture = crate.document["target"], crate.shipment.triple.architecture
    flags = dict(target["isa_flags"])
    known = cpu.features(architecture)
    name = crate.one_of(sorted(known))
    if known[name].keys() <= flags.keys():
        level = cpu.levels(architecture).get(target["cpu"] or "", {})
        if known[name].keys() & level.keys():
            raise UnfitError
        for gone in known[name]:
            del flags[gone]
    else:
        flags.update(known[name])
    target["isa_flags"] = flags
    _blame_all(crate)


def level(crate: Crate) -> None:
    """The CPU is of another level."""
    target = crate.document["target"]
    levels = cpu.levels(crate.shipment.triple.architecture)
    name = crate.one_of([name for name, flags in levels.items() if flags != target["isa_flags"]])
    target.update(cpu=name, isa_flags=levels[name])
    _blame_all(crate)


def triple(crate: Crate) -> None:
    """The target is another machine."""
    parsed = triples.parse(crate.chance.choice(families.TRIPLES))
    if parsed[1:] == crate.shipment.machine:
        raise UnfitError
    crate.document["target"].update(triple=parsed.text, cpu=None, isa_flags={})
    _blame_all(crate)


def line(crate: Crate) -> None:
    """It is all for another line of Wasmtime."""
    major = crate.chance.choice([line for line in lines.known() if line != LINE])
    crate.document["wasmtime"].update(major=major, compiler=f"{major}.0.{crate.chance.randrange(100)}")
    _blame_all(crate)


def kind(crate: Crate) -> None:
    artifact = crate.pick_untested()
    if artifact["kind"] == "module":
        artifact["kind"] = "component"
        artifact["imports"] = [{"name": extern["name"], "kind": "func"} for extern in artifact["imports"]]
        artifact["exports"] = [{"name": extern["name"], "kind": "func"} for extern in artifact["exports"]]
    else:
        artifact.update(kind="module", imports=[], exports=[])
    crate.blame(CONSISTENT, artifact)


def _blame_all(crate: Crate) -> None:
    """Blame every artifact; a manifest that its reader would refuse is another way to be wrong. Raises UnfitError."""
    try:
        Manifest.from_bytes(crate.manifest(), "")
    except FormatError:
        raise UnfitError from None
    crate.blame(CONSISTENT, *crate.artifacts)


WAYS: tuple[Callable[[Crate], None], ...] = (
    size, digest, digests_exchanged, paths_exchanged, elsewhere, of_another_target, setting, flag, features, level,
    triple, line, kind,
)  # fmt: skip
