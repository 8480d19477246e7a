"""A tool for SCons: a node for each artifact, and one for the manifests.

    from wasmbuild.scons import wasmbuild

    env = Environment(tools=["default", wasmbuild])
    wasm, manifests = env.Wasmbuild("wasmbuild.toml", "build")
    env.Install("dist", wasm["checksum@pi"])

SCons decides by contents what is out of date: the source, and each setting that decides an artifact's bytes, as a value
of its own, so that ``--debug=explain`` names the one that changed.
"""

from wasmbuild.scons.tool import declare, wasmbuild

__all__ = ["declare", "wasmbuild"]
