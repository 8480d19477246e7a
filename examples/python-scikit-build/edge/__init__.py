"""An application that calls what was compiled ahead of time."""

from importlib.resources import as_file, files

from wasmbuild_runtime import instantiate, load
from wasmtime import Linker, Store


def answer() -> int:
    """Return the answer, computed by the artifact for this machine."""
    with as_file(files(__name__) / "wasm") as directory:
        loaded = load(directory, "answer")
    store = Store(loaded.engine)
    instance = instantiate(loaded, Linker(loaded.engine), store)
    return instance.exports(store)["answer"](store)
