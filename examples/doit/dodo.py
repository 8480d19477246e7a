from wasmbuild.doit import load

WASM = load("wasmbuild.toml")


def task_wasm():
    yield from WASM.tasks(basename="wasm")


def task_check():
    return WASM.verify(basename="wasm")


def task_pack():
    return {
        "actions": ["tar -cf edge.tar -C build --exclude '*.cwasm.json' --exclude .wasmbuild ."],
        "file_dep": ["build/index.json"],
        "targets": ["edge.tar"],
        "clean": True,
    }


def task_digest():
    return {
        "actions": ["echo %(sha256)s %(path)s > gcd.sha256"],
        "task_dep": ["wasm:gcd@portable"],
        "getargs": {key: ("wasm:gcd@portable", key) for key in ("path", "sha256")},
        "targets": ["gcd.sha256"],
        "clean": True,
    }
