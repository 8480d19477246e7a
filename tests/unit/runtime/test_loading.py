"""What keeps an artifact from being given to Wasmtime: each reason is an error of its own, and says what to do."""

from __future__ import annotations

import logging
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from wasmbuild.engine import host, lines, triples
from wasmbuild.errors import UsageError, WasmbuildError
from wasmbuild.runtime import Watcher, config, engine, engines, load, loading, modules
from wasmbuild.runtime.engines import library_line
from wasmbuild.runtime.errors import (
    DamagedError,
    InexpressibleSettingError,
    LinkedOutError,
    MissingArtifactError,
    MissingCpuFeatureError,
    NoFittingArtifactError,
    NoShipmentError,
    NotInManifestError,
    OtherArchitectureError,
    OtherCodeError,
    OtherLineError,
)
from wasmbuild.shipment.errors import NO_TARGETS

FOREIGN = "s390x-unknown-linux-gnu"
X86_64 = "x86_64-unknown-linux-gnu"


def refused(kind: type[WasmbuildError], where: Path, module: str = "a", **options: Any) -> str:
    with pytest.raises(kind) as caught:
        load(where, module, **options)
    assert type(caught.value) is kind
    return str(caught.value)


def _artifact(pulley: str | None = None) -> bytes:
    """Return an artifact of this machine, or of Pulley bytecode, that Wasmtime loads."""
    return bytes(wasmtime.Module(engines.default_engine(pulley), b"\0asm\1\0\0\0").serialize())


def test_cut_off_and_changed(shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"artifact"})
    path = directory / "a.cwasm"
    path.write_bytes(b"artefact")
    assert refused(DamagedError, directory).startswith(f"{path} has SHA-256 ")
    assert "…, and its manifest says " in refused(DamagedError, directory)
    assert refused(DamagedError, directory).endswith(
        "build again, or copy it again from where it was built, as a new file that replaces the old one"
    )
    for content, how in ((b"artif", "5 bytes, and its manifest says 8: it was cut off, or changed after"),
                         (b"artifacts", "9 bytes, and its manifest says 8: it was changed after")):  # fmt: skip
        path.write_bytes(content)
        for check in ("digest", "size"):
            assert how in refused(DamagedError, directory, check=check)


def test_large_files_are_hashed_to_their_end(shipping: Any) -> None:
    data = bytes(1 << 20)
    directory = shipping.target("here", {"a": data})
    (directory / "a.cwasm").write_bytes(data[:-1] + b"x")
    assert "has SHA-256" in refused(DamagedError, directory)


def test_missing_and_elsewhere(shipping: Any, tmp_path: Path) -> None:
    directory = shipping.target("here", {"a": b"artifact"})
    path = directory / "a.cwasm"
    path.unlink()
    assert refused(MissingArtifactError, directory) == (
        f"{path} is missing; its manifest lists it: build again, or copy it again from where it was built"
    )
    (tmp_path / "other").write_bytes(b"artifact")
    path.symlink_to(tmp_path / "other")
    assert refused(LinkedOutError, directory).startswith(
        f"{path} leads out of the directory through a link; copy the directory with its links followed (cp -rL), or"
    )
    path.unlink()
    path.mkdir()
    assert refused(DamagedError, directory).startswith(f"{path} is a directory, not a regular file; ")


def test_damage_is_not_passed_over(shipping: Any) -> None:
    (shipping.target("here", {"a": b"x"}) / "a.cwasm").write_bytes(b"y")
    shipping.target("everywhere", {"a": b"x"}, "pulley64")
    assert "has SHA-256" in refused(DamagedError, shipping.index())


def test_not_in_the_manifest(shipping: Any) -> None:
    directory = shipping.target("here", {"checksum": b"x", "sort": b"x"})
    shipping.target("everywhere", {"sort": b"x"}, "pulley64")
    assert refused(NotInManifestError, directory, "chekcsum") == (
        "target here has no module chekcsum; did you mean checksum?"
    )
    root = shipping.index()
    assert refused(NotInManifestError, root, "other") == (
        f"{root}/index.json has no module other for this machine; it has checksum, sort"
    )
    assert "no module \\x1b[31m" in refused(NotInManifestError, root, "\x1b[31m")
    assert modules(root) == ["checksum", "sort"]


def test_another_machine(shipping: Any) -> None:
    directory = shipping.target("pi", {"a": b"x"}, FOREIGN)
    message = refused(OtherArchitectureError, directory)
    assert message.startswith(f"target pi is for {FOREIGN}, and this machine is ")
    assert message.endswith('triple = "pulley64" for every machine, and build it')


def test_another_line(shipping: Any) -> None:
    here = library_line()
    other = 49 if here == 48 else 48
    directory = shipping.target("here", {"a": b"x"}, major=other)
    assert refused(OtherLineError, directory) == (
        f"target here is for Wasmtime {other}, and the library of the wasmtime package here is of {here}; "
        f'build again with wasmtime = "{here}" under [toolchain] or in the target, or install that line: '
        f'pip install "wasmtime>={other},<{other + 1}"'
    )


def test_a_line_that_cannot_be_built_for_is_not_offered(shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fits, alone = (shipping.target(f"line{line}", {"a": b"x"}, major=line) for line in (50, 36))
    monkeypatch.setattr(engines, "_line", 46)
    assert refused(OtherLineError, fits).endswith('; install that line: pip install "wasmtime>=50,<51"')
    last = lines.known()[-1]
    assert refused(OtherLineError, alone).endswith(
        f'; pip install "wasmtime>={last},<{last + 1}", and build again with wasmtime = "{last}" under [toolchain] or '
        "in the target"
    )


def test_a_line_whose_library_loads_its_own_release_alone(shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"x"}, major=36)
    assert refused(OtherLineError, directory).endswith(
        f'; build again with wasmtime = "{library_line()}" under [toolchain] or in the target'
    )


def test_an_engine_that_the_library_cannot_make(shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"x"}, engine={"embedder": "rust", "collector": "copying"})
    for call in (lambda: load(directory, "a"), lambda: engine(directory)):
        with pytest.raises(InexpressibleSettingError) as caught:
            call()
        assert caught.value.settings == ("collector",)
        assert str(caught.value).startswith(
            'target here has an engine with collector = "copying", which the Python library of Wasmtime cannot express;'
            ' build for this application with embedder = "c-api" under [engine]'
        )


def test_all_reasons_when_there_are_several(shipping: Any) -> None:
    shipping.target("pi", {"a": b"x"}, FOREIGN)
    shipping.target("rust", {"a": b"x"}, engine={"embedder": "rust", "collector": "copying"})
    shipping.target("everywhere", {"b": b"x"}, "pulley64")
    root = shipping.index()
    with pytest.raises(NoFittingArtifactError) as caught:
        load(root, "a")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f"{root}/index.json: a: no target fits here (")
    assert [line.split()[0] for line in lines[1:-1]] == ["pi", "rust", "everywhere"]
    assert lines[3] == "  everywhere has no module a"
    assert lines[-1].startswith('build for this application with embedder = "c-api"')
    assert [type(reason.error) for reason in caught.value.passed_over] == [
        OtherArchitectureError,
        InexpressibleSettingError,
        NotInManifestError,
    ]


def test_an_index_without_targets_is_told_for_what_it_is(shipping: Any) -> None:
    shipping.root.mkdir()
    root = shipping.index()
    assert refused(NoFittingArtifactError, root) == f"{root}/index.json has no targets; {NO_TARGETS}"


def test_the_caller_chooses_targets_and_fallback(shipping: Any) -> None:
    shipping.target("edge-rust", {"a": b"x"}, engine={"embedder": "rust", "collector": "copying"})
    shipping.target("everywhere", {"a": b"x"}, "pulley64")
    root = shipping.index()
    assert refused(OtherCodeError, root, targets="every*", fallback=()) == (
        'target everywhere is Pulley bytecode, and fallback leaves it out; allow it with fallback=("pulley",)'
    )
    refused(InexpressibleSettingError, root, targets=["edge-*"])
    assert refused(NoFittingArtifactError, root, targets="none") == (
        f"{root}/index.json has no target that was asked for; it has edge-rust, everywhere"
    )


def test_a_module_that_none_of_the_targets_has_that_were_asked_for(shipping: Any) -> None:
    shipping.target("x64", {"a": b"x", "b": _artifact()})
    shipping.target("small", {"a": b"x"})
    shipping.target("p", {"a": b"x"}, "pulley64")
    root = shipping.index()
    asked = ["small", "p"]
    assert refused(NotInManifestError, root, "b", targets=asked) == (
        "none of the targets for this machine that were asked for (small, p) has module b; x64 has it: add that to "
        "targets"
    )
    assert load(root, "b", targets=[*asked, "x64"]).target == "x64"
    assert refused(NotInManifestError, root, "c", targets=asked) == (
        f"{root}/index.json has no module c for this machine; it has a"
    )


def test_pulley_that_is_left_out_is_not_advised_for_what_it_lacks(shipping: Any) -> None:
    shipping.target("x64", {"a": b"x", "b": b"x"})
    shipping.target("p", {"a": b"x"}, "pulley64")
    root = shipping.index()
    assert refused(NotInManifestError, root, "b", targets="p", fallback=()) == (
        "none of the targets for this machine that were asked for (p) has module b; x64 has it: add that to targets"
    )
    assert refused(NotInManifestError, root, "c", fallback=()) == (
        f"{root}/index.json has no module c for this machine; it has a, b"
    )
    assert refused(NotInManifestError, root, "c", targets="p", fallback=()) == "target p has no module c; it has a"
    assert refused(OtherCodeError, root, "a", targets="p", fallback=()).endswith('allow it with fallback=("pulley",)')


@pytest.mark.parametrize("fallback", [(), ("pulley",), ("compile",), ("pulley", "compile")])
def test_a_target_that_was_not_copied_may_have_what_the_others_lack(shipping: Any, fallback: Any) -> None:
    directory = shipping.target("x64", {"a": b"x", "b": b"x"})
    shipping.target("pi", {"a": b"x", "b": b"x"}, FOREIGN)
    shipping.target("p", {"a": b"x"}, "pulley64")
    root = shipping.index()
    shutil.rmtree(directory)
    told = refused(NoFittingArtifactError, root, "b", fallback=fallback).splitlines()
    assert f"  x64 is not here: {directory}/manifest.json is missing" in told
    assert "  p has no module b" in told
    assert told[-1].startswith("copy the whole directory of the target: build again, or copy it again from")


def test_pulley_that_was_not_copied_may_have_what_the_others_lack(shipping: Any) -> None:
    shipping.target("x64", {"a": b"x"})
    directory = shipping.target("p", {"a": b"x", "b": b"x"}, "pulley64")
    root = shipping.index()
    shutil.rmtree(directory)
    told = refused(NoFittingArtifactError, root, "b").splitlines()
    assert told[1:-1] == ["  x64 has no module b", f"  p is not here: {directory}/manifest.json is missing"]


def test_what_was_meant_is_looked_for_where_nothing_was_found_alone(
    shipping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr("wasmbuild.runtime.selection_errors.suggestion", lambda word, _known: looked.append(word))
    shipping.target("first", {"a": b"x", "b": b"x"})
    shipping.target("second", {"plugin": _artifact()})
    root = shipping.index()
    loaded = load(root, "plugin")
    assert (loaded.target, [str(reason) for reason in loaded.passed_over]) == (
        "second",
        ["first has no module plugin"],
    )
    assert not looked
    refused(NotInManifestError, root, "plugins")
    assert looked == ["plugins"]


@pytest.mark.skipif(host.triple() is None, reason="needs a machine that Wasmtime compiles for")
@pytest.mark.parametrize("own_engine", [True, False])
@pytest.mark.parametrize(
    ("triple", "declared", "found"), [(host.triple(), None, "pulley64"), ("pulley64", "pulley64", None)]
)
def test_other_code_in_the_place_of_what_was_built_is_damage_and_not_passed_over(
    shipping: Any, triple: str, declared: str | None, found: str | None, own_engine: bool
) -> None:
    directory = shipping.target("swapped", {"a": _artifact(found)}, triple)
    shipping.target("next", {"a": _artifact("pulley64")}, "pulley64")
    options = {"engine": engines.default_engine(declared)} if own_engine else {}
    assert refused(DamagedError, shipping.index(), **options) == (
        f"{directory}/a.cwasm is not the code that its manifest declares; build again, or copy it again from where it "
        "was built"
    )


@pytest.mark.skipif(not host.runs(triples.parse(X86_64)), reason=f"needs a machine that runs {X86_64}")
def test_a_cpu_that_is_known_to_lack_a_feature_is_not_asked_again(
    shipping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_lacking", {"has_avx512f"})
    directory = shipping.target("v4", {"a": b"x"}, X86_64, isa_flags={"has_avx512f": True})
    (directory / "a.cwasm").unlink()
    assert refused(MissingCpuFeatureError, directory).startswith("target v4 needs a CPU with avx512f, which this one ")


def test_arguments_that_mean_nothing(shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"x"})
    assert refused(UsageError, directory, check="sha256") == (
        "load(check='sha256'): check is one of digest, size, none"
    )
    calls: list[Any] = [partial(load, module="a"), modules, engine, config]
    for call in calls:
        for fallback in (("compiling",), "compile"):
            with pytest.raises(UsageError) as caught:
                call(directory, fallback=fallback)
            assert str(caught.value).endswith(
                f'(fallback={fallback!r}): fallback is a tuple of "pulley" and "compile", in the order wanted, or empty'
            )


@pytest.mark.parametrize(
    "call", [partial(load, module="a"), modules, engine, config, lambda where: Watcher(where).get("a")]
)
def test_an_empty_name_is_no_place_to_load_from(call: Any, shipping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shipping.target("here", {"a": b"x"}))
    with pytest.raises(UsageError) as caught:
        call("")
    assert str(caught.value) == (
        'where="": the place to load from is empty; name a directory or a file, "." for this one'
    )
    assert modules(".") == modules("manifest.json") == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="no other system lets a working directory be removed")
@pytest.mark.parametrize(
    "call", [partial(load, module="a"), modules, engine, config, lambda where: Watcher(where).get("a")]
)
def test_a_working_directory_that_was_removed_has_nothing_to_load(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for where, said in (("build", "build is missing; "), (".", ". holds neither index.json nor manifest.json; ")):
        with pytest.raises(NoShipmentError) as caught:
            call(where)
        assert str(caught.value).startswith(said)


@pytest.mark.parametrize("call", [load, lambda where, module: Watcher(where).get(module)])
def test_an_empty_name_is_no_module(call: Any, shipping: Any) -> None:
    directory = shipping.target("here", {"a": b"x"})
    with pytest.raises(UsageError) as caught:
        call(directory, "")
    told = 'module="": the name of the module is empty; wasmbuild.runtime.modules(where) has the names'
    assert str(caught.value) == told
    assert modules(directory) == ["a"]


def test_what_stands_in_place_of_an_artifact_is_told_where_nothing_is_checked(shipping: Any) -> None:
    directory = shipping.target("here", {"a": bytes(99)})
    assert refused(DamagedError, directory, check="none") == (
        f"{directory / 'a.cwasm'} is a file of zeros only, and a precompiled artifact is needed here; build again, or "
        "copy it again from where it was built"
    )


def test_nothing_is_logged_for_what_fails(shipping: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    refused(OtherArchitectureError, shipping.target("pi", {"a": b"x"}, FOREIGN))
    assert not caplog.records
