"""``wasmbuild audit`` as a user types it, on manifests alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import maker
import pytest
from audited import (
    EXCEPTIONS_AND_GC,
    GC,
    HUGE_BR_TABLE,
    MODULES,
    TOML,
    Shell,
    artifact,
    declare,
    manifest,
    ship,
)


def test_the_affected_are_named(shell: Shell, built: Path) -> None:
    found = shell.affected("out")
    assert found == {
        "jump@arm": {"GHSA-mghf-wjfp-p5xm"},
        "throw@arm": {"GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g"},
        "throw@x64": {"GHSA-hw8m-q44c-ggrf", "GHSA-43j2-gcp4-m22g"},
    }
    assert found == shell.affected("out/index.json") == shell.affected("out/x64", "out/arm/manifest.json", "out")


def test_what_remains_of_48_0_8(shell: Shell) -> None:
    ship(Path("out"), {"arm": manifest(MODULES, target="arm", compiler="48.0.8")})
    assert shell.affected("out", "--runtime", "48.0.0") == {
        "tag@arm": {"GHSA-p79w-pv2r-29qp"},
        "throw@arm": {"GHSA-43j2-gcp4-m22g"},
    }
    assert shell.affected("out", "--runtime", "48.0.8") == {"throw@arm": {"GHSA-43j2-gcp4-m22g"}}


def test_people_are_told_what_and_why_and_what_mends_it(shell: Shell, built: Path) -> None:
    told = shell("out", status=1)
    assert "GHSA-mghf-wjfp-p5xm, CVE-2026-115893 (critical): br_table with very many targets" in told
    assert "  affected: jump@arm: its largest br_table has 270,000 targets; fixed in 48.0.7\n" in told
    assert '[toolchain] wasmtime = "48.0.9"' in told
    assert told.endswith(
        "8 artifacts held against 36 known faults of Wasmtime, as of 2026-11-28: "
        "3 affected, 2 unknown, 3 not affected\n"
    )
    assert shell.err == ""


def test_a_release_is_asked_for_where_its_line_is(shell: Shell) -> None:
    """What is told for one line would move targets of the other there, were it written into the same table."""
    targets = 'wasmtime = "49"\n[targets.now]\ntriple = "pulley64"\n[toolchain]\nwasmtime = "48"\n'
    text = TOML.replace("[modules", f"{targets}[modules").replace("[targets.x64]", '[targets."x.64"]')
    Path("wasmbuild.toml").write_text(text)
    jump = [artifact("throw", EXCEPTIONS_AND_GC)]
    ship(Path("out"), {"now": manifest(jump, target="pulley"), "x64": manifest(jump, compiler="49.0.2")})
    told = shell("out", status=1)
    assert '48.0.9 gets it, [toolchain] wasmtime = "48.0.9" asks for it' in told
    assert '49.0.6 gets it, [targets."x.64"] wasmtime = "49.0.6" asks for it' in told


@pytest.mark.parametrize(
    ("compiler", "variable", "how"),
    [
        ("bin/wt", "", "name an executable of Wasmtime 48.0.9 as [toolchain] compiler"),
        ("auto", "/bin/wt", "name an executable of Wasmtime 48.0.9 in WASMBUILD_WASMTIME"),
        (
            "embedded",
            "/bin/wt",
            'leave out [toolchain] compiler = "embedded", wasmbuild toolchain install 48.0.9 gets it, [toolchain] '
            'wasmtime = "48.0.9" asks for it',
        ),
        ("cli", "", 'wasmbuild toolchain install 48.0.9 gets it, [toolchain] wasmtime = "48.0.9" asks for it'),
    ],
)
def test_what_mends_it_is_what_the_declaration_would_take(
    shell: Shell, built: Path, compiler: str, variable: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WASMBUILD_WASMTIME", variable)
    Path("wasmbuild.toml").write_text(f'{TOML}[toolchain]\nwasmtime = "48"\ncompiler = "{compiler}"\n')
    told = f"compiled by 48.0.2: compile again with 48.0.9 or later: {how}"
    assert f"{told}\n" in shell("out", status=1)
    Path("wasmbuild.lock").write_text("")
    assert f"{told}, then wasmbuild lock\n" in shell("out", status=1)


@pytest.mark.parametrize(("compiler", "fixed"), [("36.0.9", "36.0.19"), ("24.0.1", "36.0.19")])
def test_a_named_compiler_of_a_release_that_has_to_be_declared(shell: Shell, compiler: str, fixed: str) -> None:
    """Of line 36 each loads its own artifacts alone, and of a line that never got it another one has to be declared."""
    Path("wasmbuild.toml").write_text(f'{TOML}[toolchain]\nwasmtime = "36.0.9"\ncompiler = "/bin/wt"\n')
    data = manifest([artifact("jump", HUGE_BR_TABLE)], target="arm", compiler=compiler)
    ship(Path("out"), {"arm": data})
    told = f'name an executable of Wasmtime {fixed} as [toolchain] compiler, [toolchain] wasmtime = "{fixed}" asks for'
    assert told in shell("out", status=1)


def test_a_shipment_without_faults_passes(shell: Shell) -> None:
    ship(Path("out"), {"x64": manifest([artifact("plain", {})])})
    assert "1 not affected" in shell("out")
    assert shell.report("out")["ok"] is True


@pytest.mark.parametrize("line", ["17.0.1", "45.0.0", "63.0.1"])
def test_lines_that_nothing_else_here_knows_are_judged(shell: Shell, line: str) -> None:
    unheard_of = {"wasm-of-the-future": True, "cranelift-flags": {"x": "y"}}
    data = manifest(MODULES, target="arm", compiler=line, engine=unheard_of, triple="pdp11-dec-unix")
    Path("manifest.json").write_bytes(data)
    report = shell.report("manifest.json", status=0 if line == "63.0.1" else 1)
    assert len(report["artifacts"]) == len(MODULES)
    [support] = report["support"]
    assert support == {"line": int(line[:2]), "until": support["until"], "ended": line < "60"}
    told = shell("manifest.json", status=0 if line == "63.0.1" else 1)
    assert ("out of support since" in told) == (line < "60")


def test_manifests_without_traits_are_unknown(shell: Shell) -> None:
    Path("manifest.json").write_bytes(manifest([artifact("old", None)]))
    [entry] = shell.report("manifest.json")["artifacts"]
    assert entry["status"] == "unknown"
    assert "does not say whether it uses gc" in shell("manifest.json")


def test_the_build_directory_of_the_declaration_is_the_default(shell: Shell, built: Path) -> None:
    declare("")
    assert shell.affected() == shell.affected("out")
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    os.chdir(elsewhere)
    assert shell.affected("--config", "../wasmbuild.toml", status=1).keys() == {"jump@arm", "throw@arm", "throw@x64"}


def test_without_paths_and_declaration_there_is_nothing_to_audit(shell: Shell) -> None:
    shell(status=2)
    assert "wasmbuild.toml: there is no such file" in shell.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--runtime", "48"), "is no version; write one such as 48.0.0"),
        (("--runtime", "new"), "is no version; write one such as 48.0.0"),
        (("--runtime", "48.0.0", "--runtime", "48.0.8"), "are of one line"),
        (("--runtime", "49.0.0"), "loads none of these artifacts, which are of line 48"),
        (("--json", "--sarif"), "ask for one of them"),
    ],
)
def test_what_does_not_go_together_is_refused(shell: Shell, built: Path, arguments: tuple[str, ...], told: str) -> None:
    shell("out", *arguments, status=2)
    assert told in shell.err


def _without(name: str) -> bytes:
    document = json.loads(manifest(MODULES))
    del document[name]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is not JSON"),
        (b"[]", "must be an object"),
        (b"\xff", "is not UTF-8"),
        (maker.artifact(version="36.0.9"), "is an artifact that Wasmtime 36.0.9 precompiled for "),
        (b"\0asm\1\0\0\0", "is a core WebAssembly module; name a manifest, an index or a build directory"),
        (manifest(MODULES).replace(b"/1", b"/2"), 'schema: is "wasmbuild/manifest/2", and this version of wasmbuild'),
        (b'{"schema": "wasmbuild/record/1", "artifact": "m@t"}', 'not "wasmbuild/record/1"; name the right file, or'),
        (_without("wasmtime"), "wasmtime: is missing"),
        (manifest([artifact("m", {"br-table": 0.5})]), "br-table: must be a trait"),
        (None, "is missing"),
    ],
)
def test_what_cannot_be_read_fails_and_the_rest_is_judged(shell: Shell, data: bytes | None, told: str) -> None:
    ship(Path("out"), {"x64": manifest([artifact("plain", {})])})
    if data is not None:
        Path("bad.json").write_bytes(data)
    report = shell.report("bad.json", "out", status=1)
    assert told in report["errors"][0]["message"]
    assert [entry["id"] for entry in report["artifacts"]] == ["plain@x64"]
    assert f"bad.json {report['errors'][0]['message']}" in shell("bad.json", "out", status=1)


def test_a_manifest_that_is_not_the_index_s_is_told(shell: Shell, built: Path) -> None:
    path = built / "arm" / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")
    report = shell.report("out", status=1)
    assert "is not the manifest that index.json names" in report["errors"][0]["message"]
    assert {entry["id"].rpartition("@")[2] for entry in report["artifacts"]} == {"x64"}


@pytest.mark.parametrize("path", ["../x64/manifest.json", "/etc/manifest.json", "x64/../../a.json", ".a/m.json"])
def test_an_index_leads_nowhere_else(shell: Shell, built: Path, path: str) -> None:
    index = json.loads((built / "index.json").read_text())
    index["targets"][0]["path"] = path
    (built / "index.json").write_text(json.dumps(index))
    report = shell.report("out", status=1)
    assert "targets[0].path" in report["errors"][0]["message"]
    assert report["artifacts"] == []


def test_a_directory_without_anything_is_told(shell: Shell) -> None:
    shell(".", status=1)
    assert "holds neither index.json nor a manifest.json" in shell(".", status=1)


def test_names_are_shown_without_escapes(shell: Shell) -> None:
    Path("manifest.json").write_bytes(manifest([artifact("\x1b[31mred", HUGE_BR_TABLE)], target="arm"))
    assert "\x1b" not in shell("manifest.json", status=1)


def test_ten_thousand_artifacts_cost_one_judgement_each(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the target decides is decided once for each manifest, whatever is in it."""
    from wasmbuild.audit import judge

    made = []

    class Counted(judge.Judge):
        def __init__(self, *arguments: Any) -> None:
            made.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr("wasmbuild.audit.report.Judge", Counted)
    ship(
        Path("out"),
        {target: manifest([artifact(f"m{n}", GC) for n in range(500)], target=target) for target in ("x64", "arm")},
    )
    assert len(shell.report("out", status=1)["artifacts"]) == 1000
    assert len(made) == 2
