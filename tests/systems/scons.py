"""SCons: a node for each artifact."""

from __future__ import annotations

from systems import JOBS, System

SCONSTRUCT = """\
from wasmbuild.scons import wasmbuild

env = Environment(tools=["default", wasmbuild])
wasm, manifests = env.Wasmbuild("wasmbuild.toml", "OUT")
"""


def system(out: str = "out") -> System:
    # By default, SCons builds what lies below the SConstruct's folder.
    default = "Default(manifests)\n" if out.startswith("..") else ""
    return System(
        "scons",
        {"SConstruct": SCONSTRUCT.replace("OUT", out) + default},
        ("scons", "-Q", f"-j{JOBS}"),
        r"(scons: `.*' is up to date\.\n)+",
        ("scons", "-Q", "-c"),
        system,
        out=out,
    )


SYSTEMS = (system(),)
