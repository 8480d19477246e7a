"""Which artifacts a program can load, by the triple that it was compiled for."""

from __future__ import annotations

from wasmbuild.engine import pulley, triples
from wasmbuild.engine.triples import TargetTriple
from wasmbuild.lean.typing import NamedTuple

# What Meson calls the system of a host, where triples have another name: ``--for`` is told FAMILY-SYSTEM.
_SYSTEMS_OF_MESON = {"android": "linux-android"}


class Program(NamedTuple):
    """A program that embeds Wasmtime: ``native`` is what it runs itself, None where wasmbuild compiles nothing for it.

    ``text`` is its triple, ``pulley`` that of the interpreter for pointers like its own.
    """

    text: str
    native: TargetTriple | None
    pulley: TargetTriple

    def loads(self, triple: TargetTriple) -> bool:
        """Tell whether it can load what is compiled for a triple, features of CPUs apart."""
        if triple.is_pulley:
            return triple.architecture == self.pulley.architecture
        return self.native is not None and self.native.loads(triple)

    @property
    def example(self) -> str:
        """A triple whose artifacts it loads."""
        return (self.native or self.pulley).text


def program(text: str) -> Program:
    """Return the program that is compiled for a triple, which need not be one that Wasmtime compiles for.

    ``text`` may also be a machine as Meson names it: family and system.

    Raises ValueError with the problem and, after a semicolon, what to write.
    """
    machine, dash, system = text.partition("-")
    interpreter = pulley.interpreter(machine)
    if interpreter is not None:
        return Program(text, None, triples.parse(interpreter))
    native = triples.parse(f"{machine}{dash}{_SYSTEMS_OF_MESON.get(system, system)}")
    if native.is_pulley:
        raise ValueError("is no machine, but an interpreter; write the triple of the program that loads the artifacts")
    return Program(text, native, triples.parse("pulley64be" if native.is_big_endian else "pulley64"))
