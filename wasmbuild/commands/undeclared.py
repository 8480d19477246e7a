"""A target that no wasmbuild.toml declares: a triple, a CPU level and a preset, for a first try."""

from __future__ import annotations

from wasmbuild.errors import UsageError
from wasmbuild.lean.pathlib import Path
from wasmbuild.lean.typing import TYPE_CHECKING
from wasmbuild.project.filenames import CONFIG

if TYPE_CHECKING:
    import argparse

    from wasmbuild.project.declared import Target
    from wasmbuild.toolchain.toolchain import Toolchain


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what an artifact is for, declared or not."""
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--target", metavar="T", help="the name of a target of wasmbuild.toml")
    wanted.add_argument(
        "--triple", metavar="TRIPLE", help="a target triple: no wasmbuild.toml is read, for a first try"
    )
    parser.add_argument("--cpu", metavar="LEVEL", help="with --triple: a CPU level (default: the lowest)")
    parser.add_argument(
        "--embedder",
        metavar="E",
        help="with --triple: c-api, cli, rust or rust-minimal, what will load it (default: c-api)",
    )


def check(arguments: argparse.Namespace) -> None:
    """Check that the options say one thing. Raises UsageError."""
    if arguments.triple is not None:
        if arguments.config != Path(CONFIG):
            raise UsageError("wasmbuild compile: --triple is for no --config; name a target of it with --target")
        for option in ("module", "record"):
            if getattr(arguments, option) is not None:
                raise UsageError(f"wasmbuild compile: --{option} is of a wasmbuild.toml; name its target with --target")
        return
    for option in ("cpu", "embedder"):
        if getattr(arguments, option) is not None:
            raise UsageError(
                f"wasmbuild compile: --{option} goes with --triple; a target of wasmbuild.toml declares its own"
            )
    if arguments.target is None:
        from wasmbuild.engine import host

        raise UsageError(
            f"wasmbuild compile: what is it for? name a target of wasmbuild.toml with --target, or do without one: "
            f"--triple {host.triple() or 'pulley64'}"
        )


def target(arguments: argparse.Namespace) -> tuple[Target, Toolchain]:
    """Return the target that the options describe, and a compiler for it. Raises UsageError, ToolchainError."""
    from wasmbuild.engine import triples
    from wasmbuild.engine.config import EngineConfig
    from wasmbuild.engine.rules import EngineError
    from wasmbuild.project.declared import Target
    from wasmbuild.toolchain.search_path import default_line
    from wasmbuild.toolchain.toolchain import found

    line = default_line()
    try:
        triple = triples.parse(arguments.triple)
    except ValueError as error:
        raise UsageError(f"wasmbuild compile: --triple: {arguments.triple!r} {error}") from None
    engine = {} if arguments.embedder is None else {"embedder": arguments.embedder}
    try:
        config = EngineConfig.declared(engine, line=line, triple=triple, cpu=arguments.cpu)
    except EngineError as error:
        import re

        wrong = [f"wasmbuild compile: --{key}: {problem}; {fix}" for key, problem, fix in error.problems]
        # They are told in words of a declaration, whose keys are the options here.
        raise UsageError(re.sub(r'\b(triple|cpu) = "(.*?)"', r"--\1 \2", "\n".join(wrong))) from None
    return Target(triple.text, arguments.cpu, config, None), found(line)
