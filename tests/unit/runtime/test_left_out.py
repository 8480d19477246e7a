"""What is told of Pulley that an application leaves out: that it may be allowed, where it could be loaded then."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from fallback import FOREIGN, refused
from wasmtime import Engine

from wasmbuild.runtime import engine, engines
from wasmbuild.runtime.errors import (
    InexpressibleSettingError,
    LoadError,
    MissingArtifactError,
    NoFittingArtifactError,
    OtherCodeError,
    OtherLineError,
)

OTHER = 49 if engines.library_line() == 48 else 48
COPYING = {"engine": {"embedder": "rust", "collector": "copying"}}
CANNOT_BE_LOADED = [
    (
        InexpressibleSettingError,
        'target p has an engine with collector = "copying", which the Python library of Wasmtime cannot express; ',
        COPYING,
    ),
    (OtherLineError, f"target p is for Wasmtime {OTHER}, and the library of the wasmtime package ", {"major": OTHER}),
]
ALLOW = 'allow it with fallback=("pulley",)'


@pytest.mark.parametrize(("kind", "said", "changes"), CANNOT_BE_LOADED)
def test_it_is_not_advised_where_it_could_not_be_loaded(
    shipping: Any, kind: type[LoadError], said: str, changes: Any
) -> None:
    shipping.target("pi", {"a": b"x"}, FOREIGN)
    shipping.target("p", {"a": b"x"}, "pulley64", **changes)
    root = shipping.index()
    assert str(refused(kind, root, targets="p", fallback=())).startswith(said)
    with pytest.raises(kind) as caught:
        engine(root, target="p", fallback=())
    assert str(caught.value).startswith(said)
    allowed = refused(NoFittingArtifactError, root, fallback=("pulley",))
    assert str(refused(NoFittingArtifactError, root, fallback=())) == str(allowed)


def test_an_engine_of_the_applications_own_is_what_it_is_held_against(shipping: Any) -> None:
    root = shipping.target("p", {"a": b"x"}, "pulley64", **COPYING)
    own = engines.default_engine("pulley64")
    assert refused(OtherCodeError, root, fallback=(), engine=own).hint == ALLOW
    assert refused(OtherCodeError, root, fallback=(), engine=Engine()).problem == (
        "target p is Pulley bytecode, and the engine that was given runs native code"
    )


def test_what_was_not_copied_is_to_be_copied(shipping: Any) -> None:
    directory = shipping.target("p", {"a": b"x"}, "pulley64")
    root = shipping.index()
    shutil.rmtree(directory)
    error = refused(MissingArtifactError, root, fallback=())
    assert error.problem == f"target p is not here: {directory}/manifest.json is missing"
    assert error.hint.startswith("copy the whole directory of the target: ")
