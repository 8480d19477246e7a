"""The child in which transfers from and to a remote cache run: what it is asked, and what it answers.

Frames are those of ``wire.py``; the answers come as transfers end, in any order. After the first request, which is a
``TransferSetup``:

    {"take": [key, …]}                                       fetch entries
    {"put": key, "sha256": …, "seconds": …, "inputs": size}  push an artifact; before it comes what decided its bytes
    {"look": key}                                            see whether there is an entry

Each key is answered with ``of`` (take, put, look), ``key`` and ``outcome``:

    found      of a take, with ``seconds`` and ``sha256``. ``kept`` is its key in the local cache, which has grown by
               ``added`` bytes; without, the artifact follows, with ``problem``, a ``CacheProblem``, where one is why
    done       of a put, whose entry has so many ``bytes``; of a look that found one
    missing    there is no such entry
    damaged    it is no whole entry for its key
    untrusted  none who is trusted signed it
    denied     this user may not
    failed     for the reason ``why``
    refused    of a put: several failed, the last for the reason ``why``, and none is tried any more
    hopeless   it is the store that fails, as ``why`` says in words that follow its address
    skipped    it was not tried

Those that failed, or are refused or hopeless for it, are ``absent`` where it is that no store answers there.

Where it cannot import ``module``, that is all it says: ``of`` is start then, and ``outcome`` lacking.
"""

from __future__ import annotations

import threading
from typing import Any

from wasmbuild.builder.cache.transfer_setup import TransferSetup
from wasmbuild.toolchain import wire


def serve() -> None:
    """Answer requests until stdin ends."""
    channel = wire.Channel()
    wire.end_with_parent()
    mutex = threading.Lock()

    def answer(of: str, key: str, outcome: str, data: bytes = b"", /, **more: Any) -> None:
        with mutex:
            channel.reply({"of": of, "key": key, "outcome": outcome, **more}, data)

    first = channel.request()
    if first is None:
        return
    try:
        from wasmbuild.builder.cache.transfers import Transfers

        transfers = Transfers(TransferSetup(**first[0]), answer)
    except ImportError as error:
        answer("start", "", "lacking", module=error.name)
        channel.request()
        return
    while (request := channel.request()) is not None:
        body, data, _ = request
        if "take" in body:
            transfers.take(body["take"])
        elif "put" in body:
            inputs = body["inputs"]
            transfers.put(body["put"], data[inputs:], body["sha256"], data[:inputs], body["seconds"])
        else:
            transfers.look(body["look"])
