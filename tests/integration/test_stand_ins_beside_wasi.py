"""Tests of components that import WASI and something of their host: what stands for that leaves WASI as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support import BOTH_LOADERS, Project

# The library has WASI 0.2.12 in line 48.
VERSIONS = ["0.2.0", "0.2.6", "0.2.12", "0.2.13"]
LOG = '(import "host:app/log" (func (param "x" u32)))'
# It takes a resource of WASI, has others of its own, one of which another interface takes, and types.
HOST = """
  (import "host:app/files@1.2.3" (instance $h
    (export "file" (type $f (sub resource)))
    (alias outer 1 $p (type $q)) (export "pollable" (type $pp (eq $q)))
    (type $r (record (field "size" u32))) (export "stat" (type $s (eq $r)))
    (export "[constructor]file" (func (result (own $f))))
    (export "[method]file.stat" (func (param "self" (borrow $f)) (param "p" (borrow $pp)) (result $s)))
    (export "count" (func (result u32)))))
  (alias export $h "file" (type $file))
  (import "host:app/locks@1.2.3" (instance
    (alias outer 1 $file (type $q)) (export "file" (type $f (eq $q))) (export "lock" (type (sub resource)))
    (export "take" (func (param "file" (borrow $f))))))
  (import "user" (type (sub resource)))
  (import "wasi:clocks/timezone@0.2.6" (instance (export "display" (func (result u32)))))"""
# It shares resources with WASI, and its release need not be the one of that.
HTTP = """
  (import "wasi:http/types@0.2.10" (instance $t
    (alias outer 1 $p (type $q)) (export "pollable" (type $pp (eq $q)))
    (export "future-incoming-response" (type $f (sub resource)))
    (export "[method]future-incoming-response.subscribe" (func (param "self" (borrow $f)) (result (own $pp))))))
  (alias export $t "future-incoming-response" (type $future))
  (import "wasi:http/outgoing-handler@0.2.10" (instance $h
    (alias outer 1 $future (type $q)) (export "future-incoming-response" (type $f (eq $q)))
    (export "count" (func (result u32)))))"""


def clock(version: str, host: str, *, calls: str = "") -> str:
    """Return a component whose function ``f`` tells whether no time has passed, and ``g`` calls its host's."""
    at = f"@{version}"
    count = (
        f'(core func $g (canon lower (func $h "{calls}")))' if calls else '(alias core export $d "g" (core func $g))'
    )
    return f"""(component
      (import "wasi:io/poll{at}" (instance $poll (export "pollable" (type (sub resource)))))
      (alias export $poll "pollable" (type $p))
      (import "wasi:clocks/monotonic-clock{at}" (instance $c
        (alias outer 1 $p (type $pp)) (export "pollable" (type (eq $pp))) (export "now" (func (result u64)))))
      {host}
      (core func $now (canon lower (func $c "now")))
      (core module $dummy (func (export "g") (result i32) (i32.const 0)))
      (core instance $d (instantiate $dummy))
      {count}
      (core module $m
        (import "c" "now" (func $now (result i64)))
        (import "h" "g" (func $g (result i32)))
        (func (export "f") (result i32) (i64.eqz (call $now)))
        (func (export "g") (result i32) (call $g)))
      (core instance $i (instantiate $m
        (with "c" (instance (export "now" (func $now)))) (with "h" (instance (export "g" (func $g))))))
      (func (export "f") (result u32) (canon lift (core func $i "f")))
      (func (export "g") (result u32) (canon lift (core func $i "g")))
      (func $run (result (result)) (canon lift (core func $i "f")))
      (instance $all (export "run" (func $run)))
      (export "wasi:cli/run{at}" (instance $all)))"""


def proved(project: Project, text: str, test: str, target: str) -> dict[str, Any]:
    project.write("m.wat", text)
    module = f'[modules.m]\nsource = "m.wat"\ntargets = ["{target}"]\ntests = [{{ {test} }}]\n'
    project.declare(f"{BOTH_LOADERS}{module}")
    project.run("build")
    [entry] = json.loads(project.start("verify", "--json", "build").communicate(timeout=60)[0])["artifacts"]
    return dict(entry)


def is_tested(entry: dict[str, Any]) -> bool:
    assert (entry["ok"], entry["message"]) == (True, "")
    return bool(entry["level"] == "tested")


@pytest.mark.parametrize("version", VERSIONS)
def test_wasi_of_any_release_is_given_beside_what_traps(project: Project, version: str) -> None:
    test = 'call = "f", imports = "trap", wasi = {}, returns = [0]'
    assert is_tested(proved(project, clock(version, LOG), test, "library"))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("host", [HOST, HTTP], ids=["host", "http"])
def test_what_takes_resources_of_wasi_has_a_stand_in_beside_it(project: Project, version: str, host: str) -> None:
    test = 'call = "f", imports = "trap", wasi = {}, returns = [0]'
    assert is_tested(proved(project, clock(version, host, calls="count"), test, "library"))


@pytest.mark.parametrize(
    ("host", "calls", "name"),
    [
        (HOST, "count", "host:app/files@1.2.3#count"),
        (HOST, "[constructor]file", "host:app/files@1.2.3#[constructor]file"),
        (HTTP, "count", "wasi:http/outgoing-handler@0.2.10#count"),
    ],
)
def test_what_stands_for_the_host_traps_beside_wasi(project: Project, host: str, calls: str, name: str) -> None:
    test = f'call = "g", imports = "trap", wasi = {{}}, traps = "unknown import: `{name}`"'
    assert is_tested(proved(project, clock("0.2.6", host, calls=calls), test, "library"))


WITH_MORE = """(component
  (import "wasi:cli/stdout@0.2.6" (instance $o (export "no-such" (func (result u32)))))
  (core func $g (canon lower (func $o "no-such")))
  (core module $m (import "o" "g" (func $g (result i32))) (func (export "f") (result i32) (i32.const 3)))
  (core instance $i (instantiate $m (with "o" (instance (export "g" (func $g))))))
  (func (export "f") (result u32) (canon lift (core func $i "f"))))"""


def test_where_wasi_does_not_have_it_a_test_without_wasi_is_told(project: Project) -> None:
    entry = proved(project, WITH_MORE, 'call = "f", wasi = {}, returns = [3]', "library")
    assert not entry["ok"]
    told = 'where the call uses no WASI, write imports = "trap" in the test and leave wasi out; or remove the test'
    assert entry["message"].endswith(f"function implementation is missing; {told}")
    assert is_tested(proved(project, WITH_MORE, 'call = "f", imports = "trap", returns = [3]', "library"))


@pytest.mark.parametrize("version", ["0.2.6", "0.2.12"])
def test_an_executable_that_replaces_wasi_proves_nothing(project: Project, version: str) -> None:
    """It does by the names of an older release, and where resources are taken from elsewhere by those of its own."""
    entry = proved(project, clock(version, LOG), 'imports = "trap", wasi = {}', "executable")
    assert (entry["level"], entry["lacks"], entry["failed"]) == ("loaded", "calls", None)
    assert "cannot be executed: an executable has what stands for imports" in entry["message"]
    assert "(imports = trap) stand for WASI too; nothing does: " in entry["message"]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_executable_gives_wasi_alone_where_that_is_all(project: Project, version: str) -> None:
    assert is_tested(proved(project, clock(version, ""), 'imports = "trap", wasi = {}', "executable"))


def of_wasi_3(host: str) -> str:
    return f"""(component
      (import "wasi:filesystem/types@0.3.0" (instance $t (export "descriptor" (type (sub resource)))))
      (alias export $t "descriptor" (type $d))
      (import "wasi:filesystem/preopens@0.3.0" (instance
        (alias outer 1 $d (type $dd)) (export "descriptor" (type $de (eq $dd)))
        (export "get-directories" (func (result (list (tuple (own $de) string)))))))
      {host}
      (core module $m (func (export "run") (result i32) (i32.const 0)))
      (core instance $i (instantiate $m))
      (type $r (func async (result (result))))
      (func $run (type $r) (canon lift (core func $i "run")))
      (instance $all (export "run" (func $run)))
      (export "wasi:cli/run@0.3.0" (instance $all)))"""


def test_of_wasi_3_it_says_that_nothing_tests_it(project: Project) -> None:
    test = 'imports = "trap", wasi = {}'
    entry = proved(project, of_wasi_3(LOG), test, "library")
    assert (entry["level"], entry["lacks"], entry["failed"]) == ("loaded", "calls", None)
    assert entry["message"].endswith(" stand for WASI too; nothing does: WASI 0.3 takes an executable")
    assert is_tested(proved(project, of_wasi_3(""), test, "library"))


def test_a_host_with_an_async_function_has_no_stand_in_which_is_no_fault(project: Project) -> None:
    host = '(import "host:app/late@1.0.0" (instance (export "go" (func async (param "x" u32)))))'
    told = proved(project, clock("0.2.6", host), 'call = "g", imports = "trap", wasi = {}, returns = [0]', "library")
    assert (told["outcome"], told["level"]) == ("passed", "loaded")
    assert "where the call uses no WASI, write imports" in told["message"]
