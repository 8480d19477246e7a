"""A service that scores with a model in WebAssembly. It starts from artifacts, and takes a new model while it runs.

``/score?x=0.1,0.2,…`` gives a score, ``/model`` says which artifact answers. ``--measure`` compares how long it takes
from starting the process to its first answer, with artifacts and with compiling.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import wasmtime

from wasmbuild import runtime

HERE = Path(__file__).parent
FEATURES = 8


class Model:
    """The model as it was last published; every score has an instance of its own."""

    def __init__(self, *, compile_it: bool) -> None:
        self._source = runtime.load_source(HERE / "generated" / "model.wat") if compile_it else None
        self._published = runtime.Watcher(HERE / "build")
        # What cannot be loaded stops the service when it starts, and not at the first request.
        self.current()

    def current(self) -> runtime.Opened:
        return self._source or self._published.get("model")

    def score(self, features: list[float]) -> float:
        model = self.current()
        store = wasmtime.Store(model.engine)
        exports = wasmtime.Instance(store, model.module, []).exports(store)
        memory, function = exports["memory"], exports["score"]
        if not isinstance(memory, wasmtime.Memory) or not isinstance(function, wasmtime.Func):
            raise TypeError(f"{model} exports memory and score, but not as a memory and a function")
        for number, feature in enumerate(features):
            memory.write(store, bytearray(struct.pack("<d", feature)), 8 * number)
        return float(function(store))


class Handler(BaseHTTPRequestHandler):
    model: ClassVar[Model]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/model":
            current = self.model.current()
            self._answer(200, {"model": str(current), "path": current.path, "precompiled": current.precompiled})
            return
        try:
            features = [float(part) for part in parse_qs(url.query)["x"][0].split(",")]
            if url.path != "/score" or len(features) != FEATURES:
                raise ValueError
        except (KeyError, ValueError):
            self._answer(400, {"error": f"ask for /score?x= and {FEATURES} numbers with commas between them"})
            return
        self._answer(200, {"score": self.model.score(features)})

    def _answer(self, status: int, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- the name of the base class
        pass


def serve(port: int, *, compile_it: bool) -> None:
    try:
        Handler.model = Model(compile_it=compile_it)
    except runtime.LoadError as error:
        sys.exit(str(error))
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def first_answer(*options: str) -> float:
    """Start the service and return the seconds until its first answer."""
    start = time.perf_counter()
    command = [sys.executable, __file__, "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = next(iter(process.stdout or ()), "").strip()
            if not address:
                sys.exit(process.wait() or 1)
            x = ",".join(["0.5"] * FEATURES)
            with urlopen(f"{address}/score?x={x}") as answer:  # noqa: S310 -- an address of this machine
                answer.read()
            return time.perf_counter() - start
        finally:
            process.kill()


def measure(rounds: int) -> None:
    took: dict[str, list[float]] = {"artifacts": [], "compiling": []}
    for _ in range(rounds):
        took["artifacts"].append(first_answer())
        took["compiling"].append(first_answer("--compile"))
    for name, seconds in took.items():
        print(f"from start to first answer, {name}: {statistics.median(seconds) * 1000:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--compile", action="store_true", help="compile the model instead of loading its artifact")
    parser.add_argument("--measure", action="store_true", help="time the start, with artifacts and with compiling")
    parser.add_argument("--rounds", type=int, default=5, help="how often to start for --measure")
    options = parser.parse_args()
    if options.measure:
        measure(options.rounds)
    else:
        serve(options.port, compile_it=options.compile)
