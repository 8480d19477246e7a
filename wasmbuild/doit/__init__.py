"""The tasks of wasmbuild for doit.

A ``dodo.py`` of its own::

    from wasmbuild.doit import load

    DOIT_CONFIG, task_compile, task_verify = load("wasmbuild.toml").dodo()

A larger one takes the same tasks under a name of its own, and keeps its own ``DOIT_CONFIG``::

    from wasmbuild.doit import load

    def task_wasm():
        yield from load("wasm/wasmbuild.toml").tasks(basename="wasm")

    def task_image():
        return {"actions": [...], "task_dep": ["wasm:checksum@edge-x64"]}
"""

from wasmbuild.doit.tasks import Declared, load

__all__ = ["Declared", "load"]
