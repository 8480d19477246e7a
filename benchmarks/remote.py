"""A checkout whose artifacts are all in a remote cache on this machine, against as many bare downloads."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from benchmarks.measure import BenchmarkError, Medians, alternate, seconds
from benchmarks.modules import tiny_modules
from benchmarks.projects import TARGETS
from benchmarks.restored import cached_in
from benchmarks.table import Benchmark, Limit, Row
from benchmarks.workspace import Workspace

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from tests.cache_servers import nginx

_MODULES = 125
_ARTIFACTS = _MODULES * len(TARGETS)
_ROUNDS = 3

# As programs call obstore that have many downloads at once: in an event loop, each read whole, into a file as a build
# has it. It ends without the interpreter's own end, which what is left of obstore's threads may abort.
_DOWNLOADS = """
import asyncio, os, sys
import obstore
from obstore.store import HTTPStore

async def main(address, listing, out):
    store = HTTPStore(address, client_options={"allow_http": True})
    paths = iter(open(listing).read().split())
    async def work():
        for path in paths:
            data = await (await obstore.get_async(store, path)).bytes_async()
            with open(os.path.join(out, path.rpartition("/")[2]), "wb") as file:
                file.write(data)
    await asyncio.gather(*(work() for _ in range(32)))

asyncio.run(main(*sys.argv[1:]))
os._exit(0)
"""


_TAKE = """
import sys
from pathlib import Path
from wasmbuild.builder.cache.composition import with_remote
from wasmbuild.project.cache_policy import CachePolicy

address, listing, out = sys.argv[1:]
keys = [path.rpartition("/")[2] for path in open(listing).read().split()]
cache = with_remote(None, CachePolicy(timeout=600), address, push=False, alone=False)
cache.want(keys)
for key in keys:
    assert cache.get(key, Path(out, key)) is not None
cache.close()
"""


def _measured(workspace: Workspace, *, alone: bool) -> Medians:
    """Measure a build of tiny artifacts that a server has, or what takes them alone, against bare downloads."""
    root = workspace.root / ("taken" if alone else "remote")
    project = workspace.project(f"{root.name}-project", tiny_modules(_MODULES), TARGETS)
    declaration = project.directory / "wasmbuild.toml"
    out, listing, cache = root / "downloads", root / "listing", root / "cache"
    with nginx(root / "nginx") as address, cached_in(cache):
        text = declaration.read_text(encoding="utf-8")
        declaration.write_text(f'{text}\n[cache]\nremote = "{address}"\npush = true\ntimeout = 600\n', encoding="utf-8")
        project.build()
        names = sorted(os.listdir(root / "nginx" / "www" / "ac"))
        if len(names) != _ARTIFACTS:
            raise BenchmarkError(f"the server has {len(names)} entries of {_ARTIFACTS}")
        listing.write_text("\n".join(f"ac/{name}" for name in names), encoding="utf-8")

        def build() -> float:
            workspace.put_away(project.build_dir, cache)
            return project.build()

        def run(code: str) -> float:
            workspace.put_away(out)
            out.mkdir()
            return seconds(workspace.environment.run(code, address, listing, out), project.directory)

        rounds = 1 if workspace.quick else _ROUNDS
        return alternate(partial(run, _TAKE) if alone else build, partial(run, _DOWNLOADS), rounds)


def restored(workspace: Workspace) -> Row:
    """Build tiny artifacts that a server has, against as many bare downloads."""
    what = f"build {_ARTIFACTS} tiny artifacts that a server on this machine has; as many bare downloads by obstore"
    return Row("remote-1000", what, _measured(workspace, alone=False), "s", Limit(1.5))


def taken(workspace: Workspace) -> Row:
    """Take tiny artifacts from a remote cache, without a build, against as many bare downloads."""
    what = f"take {_ARTIFACTS} tiny artifacts from a remote cache, without a build; as many bare downloads by obstore"
    return Row("remote-take-1000", what, _measured(workspace, alone=True), "s", Limit(1.5))


BENCHMARKS = [Benchmark("remote-1000", restored), Benchmark("remote-take-1000", taken)]
