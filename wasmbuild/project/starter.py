"""A first wasmbuild.toml for the sources that a directory has, with comments for whoever goes on from there."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from wasmbuild.engine import host, lines, triples
from wasmbuild.lean.typing import NamedTuple
from wasmbuild.project import names
from wasmbuild.project.globs import expand, is_glob
from wasmbuild.project.paths import inside_problem

SCHEMA_FILE = Path(__file__).with_name("wasmbuild.schema.json")
"""The JSON Schema of ``wasmbuild.toml``, for editors."""

DODO = '''"""doit compile: what is out of date; doit verify: proves it; doit: both."""

from wasmbuild.doit import load

DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()
'''

# Folders of other tools and of what they made.
_PASSED_OVER = frozenset(("build", "dist", "node_modules", "target", "venv", "__pycache__"))
_SUFFIXES = (".wasm", ".wat")
_WASM = b"\0asm"
# So many files of a folder are one glob.
_MANY = 4
_BARE = re.compile(r"[A-Za-z0-9_-]+")
# Latin letters that Unicode does not take apart.
_SPELLED = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i"}
)
_SYSTEMS = {"darwin": "macos", "macosx": "macos"}
_MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
_OTHERS = (("linux-arm64", "aarch64-unknown-linux-gnu"), ("linux-x64", "x86_64-unknown-linux-gnu"))


class FoundSources(NamedTuple):
    """Sources as paths from a directory, with forward slashes, sorted; ``passed_over`` cannot be declared as they are.

    Those are named as a declaration has no way to: their paths have wildcards, or characters that none should have.
    ``others`` are called as sources are, and do not begin as one, or cannot be read; ``unlisted`` say which folders
    cannot be looked into, and why.
    """

    found: tuple[str, ...]
    passed_over: tuple[str, ...]
    others: tuple[str, ...]
    unlisted: tuple[OSError, ...]


class ModuleEntry(NamedTuple):
    """A module table: its key, and its source."""

    key: str
    source: str


def find(directory: Path) -> FoundSources:
    """Find what looks like WebAssembly below a directory, where people have it; links to folders are not followed."""
    found: list[str] = []
    passed_over: list[str] = []
    others: list[str] = []
    unlisted: list[OSError] = []
    for path in sorted(_walk(directory, unlisted.append)):
        if not _is_source(os.path.join(directory, path)):
            others.append(path)
        elif is_glob(path) or inside_problem(path) is not None:
            passed_over.append(path)
        else:
            found.append(path)
    return FoundSources(tuple(found), tuple(passed_over), tuple(others), tuple(unlisted))


def _walk(directory: Path, on_error: Callable[[OSError], None]) -> Iterator[str]:
    for folder, inside, files in os.walk(directory, onerror=on_error):
        below = os.path.relpath(folder, directory).replace(os.sep, "/")
        prefix = "" if below == "." else f"{below}/"
        if "target" in inside:
            inside += [f"target/{name}/release" for name in _listed(os.path.join(folder, "target"), "wasm32-")]
        inside[:] = [name for name in inside if _is_looked_into(folder, name)]
        if re.search(r"(^|/)target/wasm32-[^/]*/release$", below):
            # Cargo keeps what else it made in folders below.
            inside.clear()
        # A system that makes no difference between letters may have written them large.
        yield from (prefix + name for name in files if name.lower().endswith(_SUFFIXES) and not name.startswith("."))


def _listed(folder: str, prefix: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(prefix))
    except OSError:
        return []


def _is_looked_into(folder: str, name: str) -> bool:
    if name in _PASSED_OVER or name.startswith("."):
        return False
    return not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def _is_source(path: str) -> bool:
    if not os.path.isfile(path):
        return False
    if path.lower().endswith(".wat"):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(len(_WASM)) == _WASM
    except OSError:
        return False


def entries(directory: Path, paths: tuple[str, ...]) -> list[ModuleEntry]:
    """Return the tables that declare sources of a directory, and nothing else there, each under a name of its own."""
    groups: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        groups.setdefault((folder, name[name.rindex(".") :]), []).append(path)
    made: list[ModuleEntry] = []
    keys: set[str] = set()
    taken: set[str] = set()
    for (folder, suffix), members in groups.items():
        prefix = f"{folder}/" if folder else ""
        last = folder.rpartition("/")[2]
        key = f"{last}/*" if last else "*"
        pattern = f"{prefix}*{suffix}"
        called = {key.replace("*", _stem(path)).lower() for path in members}
        sound = len(called) == len(members) and not any(names.problem(name, module=True) for name in called)
        is_free = key not in keys and not taken & called
        if len(members) >= _MANY and sound and is_free and expand(directory, pattern) == members:
            made.append(ModuleEntry(key, pattern))
            keys.add(key)
            taken |= called
        else:
            made += [ModuleEntry(_free(path, taken), path) for path in members]
    return made


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _free(path: str, taken: set[str]) -> str:
    """Return a name for the module of a file, the shortest that nobody has, and take it."""
    name = _valid(_stem(path))
    if name.lower() in taken:
        name = _valid(path.rpartition(".")[0].replace("/", "-"))
    first, number = name, 2
    while name.lower() in taken:
        name, number = f"{first}-{number}", number + 1
    taken.add(name.lower())
    return name


def _valid(text: str) -> str:
    """Return a name that is like a text."""
    # Letters with marks are told as the letter, whichever way the file system writes them.
    letters = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip(".-")[: names.MAX_LENGTH - 10].rstrip(".-")
    lost = any(letter.isalpha() and not letter.isascii() for letter in plain)
    if not name or (lost and not any(letter.isalpha() for letter in name)):
        return f"module-{name}" if name else "module"
    return name if names.problem(name) is None else f"m-{name}"


def declaration(directory: Path, found: list[ModuleEntry], line: int, *, compiles_all: bool = False) -> str:
    """Return the text of a wasmbuild.toml in an absolute ``directory`` for a line of Wasmtime.

    ``compiles_all`` says that there is a compiler of that line for every target.
    """
    install = "" if compiles_all else lines.install_commands(line)[0]
    return "\n".join([*_head(directory, line), *_targets(install), *_modules(found)])


def _head(directory: Path, line: int) -> Iterator[str]:
    yield from _schema(directory)
    yield "# What wasmbuild compiles, for which machines, and for which engine. `wasmbuild build` makes it,"
    yield "# `wasmbuild verify build` proves that it loads."
    yield ""
    yield "[project]"
    yield f"name = {_string(_valid(directory.name))}"
    yield 'build-dir = "build"  # build/<target>/<module>.cwasm; keep it out of version control'
    yield ""
    yield "[toolchain]"
    yield f'wasmtime = "{line}"  # the line of Wasmtime that will load the artifacts'
    yield ""
    yield "# How the program that loads them configures Wasmtime; `wasmbuild fit -- ./program {}` finds that out."
    yield "[engine]"
    yield 'embedder = "c-api"  # c-api (C, Python, Go, .NET), rust, rust-minimal, or cli'
    yield "# epoch-interruption = true"
    yield "# consume-fuel = true"
    yield ""


def _schema(directory: Path) -> Iterator[str]:
    """Tell editors where the schema is: a path where it lies below the project, as in its virtual environment."""
    if directory in SCHEMA_FILE.parents:
        yield f"#:schema ./{SCHEMA_FILE.relative_to(directory).as_posix()}"
    else:
        yield f"#:schema {SCHEMA_FILE.as_uri()}"
        yield "# (the schema on this machine; `wasmbuild schema --file` says where it lies on another)"


def _targets(install: str) -> Iterator[str]:
    own = host.triple()
    name = ""
    if own is not None:
        triple = triples.parse(own)
        name = f"{_SYSTEMS.get(triple.os, triple.os)}-{_MACHINES.get(triple.architecture, triple.architecture)}"
        yield "# This machine, and all of its kind."
        yield f"[targets.{name}]"
        yield f'triple = "{own}"'
        if triple.architecture == "x86_64":
            yield '# cpu = "x86-64-v3"  # faster, for machines with AVX2 alone'
        yield ""
    yield "# Any machine: bytecode, which is slower than a machine's own code."
    yield "[targets.portable]"
    yield 'triple = "pulley64"'
    yield ""
    other, triple_of_other = next(pair for pair in _OTHERS if pair[0] != name)
    yield f"# Other machines take a compiler that has them: {install}" if install else "# Another machine."
    yield f"# [targets.{other}]"
    yield f'# triple = "{triple_of_other}"'


def _modules(found: list[ModuleEntry]) -> Iterator[str]:
    for index, entry in enumerate(found):
        key = f"modules.{_key(entry.key)}"
        yield ""
        yield f"[{key}]"
        yield f"source = {_string(entry.source)}"
        if index == 0:
            yield '# imports = ["wasi_snapshot_preview1.*"]  # what it may import'
            yield '# exports = ["run"]  # what it has to export'
            yield f"# [[{key}.tests]]  # a call that `wasmbuild verify` makes"
            yield '# call = "run"'
            yield "# args = [1]"
            yield "# returns = [2]"
    yield ""


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    # JSON escapes what a basic string of TOML has to.
    return json.dumps(text, ensure_ascii=False)
