"""Declarations that were read before, by the digest of their bytes, in the user's cache: what pydantic took long for.

Only what the bytes themselves say is remembered, so that it is right wherever the same bytes lie: globs are expanded
and sources looked for every time. Where a program or a key is named in a way that is not kept, it is right in its own
folder alone.
"""

from __future__ import annotations

import os
import sys

from wasmbuild import __version__
from wasmbuild.digest import sha256_hex
from wasmbuild.engine.config import EngineConfig
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING, Any
from wasmbuild.plan import values
from wasmbuild.project.audit_policy import AuditPolicy, Ignore
from wasmbuild.project.cache_policy import CachePolicy, shown_address
from wasmbuild.project.declared import ModuleDeclaration, Project, Target
from wasmbuild.project.paths import inside_problem, path_problem
from wasmbuild.usercache import Documents, code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from wasmbuild.project.cases import Case

_DOCUMENTS = Documents("declarations", 256)
_SCHEMA = "wasmbuild/declaration/8"


def recall(data: bytes, *, file: str, directory: Path, default_line: int | None) -> Project | None:
    """Return the project that the bytes of a declaration in an absolute ``directory`` declare, if it is remembered.

    ``file`` is the declaration as it was named.
    """
    found = _DOCUMENTS.recall(_name(data, default_line))
    if found is None:
        return None
    try:
        return _read(found, file, directory)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def remember(project: Project, data: bytes, *, default_line: int | None) -> None:
    """Remember what the bytes of a declaration were found to declare, unless they hold what lets somebody in.

    CI services carry the user's cache from run to run.
    """
    remote = project.cache.remote
    if remote is not None and shown_address(remote) != remote:
        return
    _DOCUMENTS.remember(_name(data, default_line), _write(project, data))


def _name(data: bytes, default_line: int | None) -> str:
    # What can be declared depends on the system too: not every one limits memory.
    identity = repr([_SCHEMA, __version__, code_of("engine", "project"), sys.platform, default_line]).encode()
    return sha256_hex(identity + b"\0" + data)


def _write(project: Project, data: bytes) -> dict[str, Any]:
    head = values.PlanHeader(project.name, project.build_dir, project.compiler, project.limits)
    return {
        "line": project.line,
        "directory": str(project.directory) if _is_bound(project, data) else None,
        **values.head_to_json(head, project.directory),
        "targets": [
            # With what it takes the data of a line to tell, which no step has to read then.
            {**values.target_to_json(target, project.directory), "remembered": target.engine.to_remembered()}
            for target in project.targets
        ],
        "modules": {
            key: {
                "source": module.source,
                "exclude": list(module.exclude),
                "targets": None if module.targets is None else list(module.targets),
                **values.contract_to_json(module.imports, module.exports, module.ship_source),
                "tests": [case.to_json() for case in module.tests],
            }
            for key, module in project.modules.items()
        },
        "audit": _audit_to_json(project.audit),
        "cache": _cache_to_json(project.cache, project.directory),
        "executor": project.executor,
    }


def _is_bound(project: Project, data: bytes) -> bool:
    """Tell whether a program or a key is named in a way that another folder would read otherwise than it is kept.

    What lies below the folder is kept as a path from there, anything else as an absolute one.
    """
    directory = project.directory
    named = [project.compiler, project.cache.signing_key or ""]
    for target in project.targets:
        if (runner := target.runner) is not None:
            named += [*runner.command[:1], runner.python or "", runner.wasmtime or ""]
    paths = [Path(name) for name in named if os.path.isabs(name)]
    if not paths:
        return False
    import tomli

    absolute: set[str] = set()
    relative: set[str] = set()
    for text in _texts(tomli.loads(data.decode())):
        (absolute if os.path.isabs(text) else relative).add(os.path.normpath(directory / text))
    return any(str(path) in (absolute if path.is_relative_to(directory) else relative) for path in paths)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _audit_to_json(audit: AuditPolicy) -> dict[str, Any]:
    return {
        "fail-on": audit.fail_on,
        "enforce": list(audit.enforce),
        "ignore": [
            {"id": one.id, "reason": one.reason, "until": None if one.until is None else one.until.isoformat()}
            for one in audit.ignore
        ],
    }


def _audit(document: Mapping[str, Any]) -> AuditPolicy:
    ignored = [Ignore(one["id"], one["reason"], _day(one["until"])) for one in document["ignore"]]
    return AuditPolicy(document["fail-on"], tuple(ignored), tuple(document["enforce"]))


def _cache_to_json(cache: CachePolicy, directory: Path) -> list[Any]:
    # The same bytes may lie elsewhere, and their key beside them.
    key = None if cache.signing_key is None else values.path_to_text(cache.signing_key, directory)
    return list(cache._replace(keys=list(cache.keys), signing_key=key))  # type: ignore[arg-type]


def _cache(document: list[Any], directory: Path) -> CachePolicy:
    cache = CachePolicy(*document)
    key = None if cache.signing_key is None else values.path_from_text(cache.signing_key, directory)
    return cache._replace(keys=tuple(cache.keys), signing_key=key)


def _read(document: Mapping[str, Any], file: str, directory: Path) -> Project:
    if document["directory"] not in (None, str(directory)):
        raise ValueError("what it names is another folder's")
    head = values.head_from_json(document, directory)
    targets = tuple([_target(item, directory) for item in document["targets"]])
    if inside_problem(os.path.relpath(head.build_dir, directory).replace(os.sep, "/")) is not None:
        raise ValueError("the build directory is elsewhere")
    return Project(
        file=file,
        directory=directory,
        name=head.name,
        build_dir=head.build_dir,
        line=document["line"],
        compiler=head.compiler,
        limits=head.limits,
        targets=targets,
        target_names=tuple([target.name for target in targets]),
        modules={key: _module(item) for key, item in document["modules"].items()},
        audit=_audit(document["audit"]),
        cache=_cache(document["cache"], directory),
        executor=document["executor"],
    )


def _target(document: Mapping[str, Any], directory: Path) -> Target:
    return values.target_from_json(document, EngineConfig.from_remembered(document["remembered"]), directory)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    from datetime import date

    return date.fromisoformat(text)


def _module(document: Mapping[str, Any]) -> ModuleDeclaration:
    if path_problem(document["source"]) is not None:
        raise ValueError("a source has no such path")
    return ModuleDeclaration(
        document["source"],
        values.texts(document["targets"]),
        *values.contract_from_json(document),
        _tests(document["tests"]),
        tuple(document["exclude"]),
    )


def _tests(documents: list[Any]) -> tuple[Case, ...]:
    if not documents:
        return ()
    from wasmbuild.project.cases import Case

    return tuple(map(Case.from_json, documents))
