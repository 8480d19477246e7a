from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmbuild.engine import triples


@pytest.mark.parametrize(
    ("text", "architecture", "os", "environment"),
    [
        ("x86_64-unknown-linux-gnu", "x86_64", "linux", "gnu"),
        ("x86_64-linux-gnu", "x86_64", "linux", "gnu"),
        ("x86_64-linux", "x86_64", "linux", ""),
        ("x86_64-unknown-linux", "x86_64", "linux", ""),
        ("x86_64-pc-windows-msvc", "x86_64", "windows", "msvc"),
        ("x86_64-unknown-none", "x86_64", "none", ""),
        ("aarch64-apple-darwin", "aarch64", "macos", ""),
        ("arm64-apple-macosx11.0", "aarch64", "macos", ""),
        ("aarch64-apple-ios-sim", "aarch64", "ios", "sim"),
        ("aarch64-linux-android", "aarch64", "linux", "android"),
        ("riscv64gc-unknown-linux-musl", "riscv64", "linux", "musl"),
        ("s390x-ibm-linux-gnu", "s390x", "linux", "gnu"),
        ("pulley64", "pulley64", "none", ""),
        ("pulley32be", "pulley32be", "none", ""),
        ("pulley64-unknown-unknown-elf", "pulley64", "none", ""),
    ],
)
def test_good_triples(text: str, architecture: str, os: str, environment: str) -> None:
    triple = triples.parse(text)
    assert triple == (text, architecture, os, environment)
    assert str(triple) == triple.text == text


def test_what_a_triple_tells() -> None:
    pulley = triples.parse("pulley32be")
    assert (pulley.is_pulley, pulley.pointer_width, pulley.is_big_endian) == (True, 32, True)
    windows = triples.parse("x86_64-pc-windows-gnu")
    assert (windows.is_windows, windows.is_pulley) == (True, False)
    assert (windows.pointer_width, windows.is_big_endian) == (64, False)
    assert triples.parse("s390x-unknown-linux-gnu").is_big_endian
    assert (windows.vendor, pulley.vendor, triples.parse("arm64-apple-darwin").vendor) == ("pc", "unknown", "apple")
    assert {triples.parse(text).vendor for text in ("aarch64-linux-android", "x86_64-linux", "x86_64-linux-gnu")} == {
        "unknown"
    }
    assert triples.parse("aarch64-apple-darwin").os == "macos"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", 'is empty; write a target triple, for example "x86_64-unknown-linux-gnu"'),
        ("a b", 'is no target triple; write one like "x86_64-unknown-linux-gnu"'),
        ("x86_64\x1b", 'is no target triple; write one like "x86_64-unknown-linux-gnu"'),
        ("x" * 101, 'is no target triple; write one like "x86_64-unknown-linux-gnu"'),
        ("x86_64", 'is an architecture without a system; write "x86_64-unknown-linux-gnu"'),
        ("riscv64gc", 'is an architecture without a system; write "riscv64gc-unknown-linux-gnu"'),
        ("aarch64-apple", 'names no system; write "aarch64-apple-darwin"'),
        ("aarch64-unknown", 'names no system; write "aarch64-unknown-linux-gnu"'),
        ("x86_64--linux-gnu", 'has an empty part; write "x86_64-unknown-linux-gnu"'),
        (
            "amd64-unknown-linux-gnu",
            'is for the unknown architecture "amd64"; did you mean "x86_64-unknown-linux-gnu"?',
        ),
        (
            "x86-64-unknown-linux-gnu",
            'is for the unknown architecture "x86-64"; did you mean "x86_64-unknown-linux-gnu"?',
        ),
        ("amd64", 'is for the unknown architecture "amd64"; did you mean "x86_64-unknown-linux-gnu"?'),
        ("x64", 'is for the unknown architecture "x64"; did you mean "x86_64-unknown-linux-gnu"?'),
        ("AMD64", 'is for the unknown architecture "AMD64"; did you mean "x86_64-unknown-linux-gnu"?'),
        ("x86-64", 'is for the unknown architecture "x86-64"; did you mean "x86_64-unknown-linux-gnu"?'),
        ("rv64", 'is for the unknown architecture "rv64"; did you mean "riscv64gc-unknown-linux-gnu"?'),
        ("arm64e-apple-darwin", 'is for the unknown architecture "arm64e"; did you mean "aarch64-apple-darwin"?'),
        ("aarch46-linux-gnu", 'is for the unknown architecture "aarch46"; did you mean "aarch64-linux-gnu"?'),
        ("pulley", 'is for the unknown architecture "pulley"; did you mean "pulley64"?'),
        ("pulley-32", 'is for the unknown architecture "pulley-32"; did you mean "pulley32"?'),
        ("pulley-64be", 'is for the unknown architecture "pulley-64be"; did you mean "pulley64be"?'),
        ("pulley_32", 'is for the unknown architecture "pulley_32"; did you mean "pulley32"?'),
        (
            "zzz",
            'is for the unknown architecture "zzz"; Wasmtime compiles for x86_64, aarch64, riscv64, s390x, pulley32, '
            'pulley64, pulley32be, pulley64be: write a triple like "x86_64-unknown-linux-gnu"',
        ),
        (
            "i686-unknown-linux-gnu",
            'is a machine of 32 bits (i686), for which Wasmtime has no compiler; write "pulley32", which Wasmtime '
            "interprets there",
        ),
        (
            "armv7-unknown-linux-gnueabihf",
            'is a machine of 32 bits (armv7), for which Wasmtime has no compiler; write "pulley32", which Wasmtime '
            "interprets there",
        ),
        (
            "powerpc64le-unknown-linux-gnu",
            'is for powerpc64le, for which Wasmtime has no compiler; write "pulley64", which Wasmtime interprets there',
        ),
        (
            "aarch64_be-unknown-linux-gnu",
            'is for aarch64_be, for which Wasmtime has no compiler; write "pulley64be", which Wasmtime interprets '
            "there",
        ),
        (
            "riscv64a23-unknown-linux-gnu",
            'is for riscv64a23, which this version of wasmbuild does not know; write "pulley64", which Wasmtime '
            "interprets there",
        ),
        (
            "wasm32-wasip1",
            "names WebAssembly itself, not a machine; write the triple of what runs it, like "
            '"x86_64-unknown-linux-gnu"',
        ),
        ("pulley64-unknown-linux-gnu", 'names a system, but "pulley64" runs on every system; write "pulley64"'),
        ("x86_64-apple-macos", 'names the unknown system "macos"; did you mean "x86_64-apple-darwin"?'),
        ("x86_64-unknown-linx-gnu", 'names the unknown system "linx"; did you mean "x86_64-unknown-linux-gnu"?'),
        ("x86_64-unknown-lunix-gnu", 'names the unknown system "lunix"; did you mean "x86_64-unknown-linux-gnu"?'),
        (
            "x86_64-unknown-linux-gnuu",
            'names the unknown environment "gnuu"; did you mean "x86_64-unknown-linux-gnu"?',
        ),
        (
            "x86_64-unknown-linux-gnux32",
            'has pointers of 32 bits, which Wasmtime lacks; write "x86_64-unknown-linux-gnu"',
        ),
        ("aarch64-linux-gnu_ilp32", 'has pointers of 32 bits, which Wasmtime lacks; write "aarch64-linux-gnu"'),
        ("riscv64-linux-muslx32", 'has pointers of 32 bits, which Wasmtime lacks; write "riscv64-linux-musl"'),
        ("arm64ec", 'is what other tools call a target; write "aarch64-pc-windows-msvc"'),
        (
            "arm64ec-pc-windows-msvc",
            'is for the unknown architecture "arm64ec"; did you mean "aarch64-pc-windows-msvc"?',
        ),
        (
            "x86_46-unknown-linux-gnu",
            'is for the unknown architecture "x86_46"; did you mean "x86_64-unknown-linux-gnu"?',
        ),
        ("x86_64-unknown-linux-gnu-elf", 'has too many parts; write "x86_64-unknown-linux-gnu"'),
    ],
)
def test_bad_triples(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 -- the whole message is compared below
        triples.parse(text)
    assert str(raised.value) == problem


@pytest.mark.parametrize("machine", ["aarch64_32-apple-watchos", "armv8l-unknown-linux-gnu", "armv6l-linux-gnueabihf"])
def test_no_machine_of_64_bits_is_guessed_for_one_of_32(machine: str) -> None:
    with pytest.raises(ValueError, match=r'^is a machine of 32 bits \(.*\), .*; write "pulley32", which'):
        triples.parse(machine)


@pytest.mark.parametrize("system", ["sunos", "zos", "minix", "nuttx", "teeos", "kfreebsd", "bsd"])
def test_no_other_system_is_guessed(system: str) -> None:
    with pytest.raises(
        ValueError, match=f'^names the unknown system "{system}"; systems are linux, .*: write a triple'
    ):
        triples.parse(f"x86_64-unknown-{system}")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("arm64-v8a", "aarch64-linux-android"),
        ("armeabi-v7a", "pulley32"),
        ("linux/arm64", "aarch64-unknown-linux-gnu"),
        ("linux/arm64/v8", "aarch64-unknown-linux-gnu"),
        ("linux/amd64", "x86_64-unknown-linux-gnu"),
        ("windows/amd64", "x86_64-pc-windows-msvc"),
        ("darwin/arm64", "aarch64-apple-darwin"),
        ("x86_64-w64-mingw32", "x86_64-pc-windows-gnu"),
        ("aarch64-w64-mingw32", "aarch64-pc-windows-gnullvm"),
        ("linux/386", "pulley32"),
        ("linux/arm/v7", "pulley32"),
        ("linux/ppc64le", "pulley64"),
        ("netbsd/amd64", "x86_64-unknown-netbsd"),
        ("android/arm64", "aarch64-linux-android"),
        ("linux-arm64", "aarch64-unknown-linux-gnu"),
        ("darwin-arm64", "aarch64-apple-darwin"),
        ("win32-x64", "x86_64-pc-windows-msvc"),
        ("linux-musl-x64", "x86_64-unknown-linux-musl"),
        ("osx-arm64", "aarch64-apple-darwin"),
        ("macosx_11_0_arm64", "aarch64-apple-darwin"),
        ("manylinux_2_28_aarch64", "aarch64-unknown-linux-gnu"),
        ("musllinux_1_2_x86_64", "x86_64-unknown-linux-musl"),
        ("win_arm64", "aarch64-pc-windows-msvc"),
        ("Linux-x86_64", "x86_64-unknown-linux-gnu"),
        ("linux-aarch_64", "aarch64-unknown-linux-gnu"),
        ("osx-aarch_64", "aarch64-apple-darwin"),
        ("linux-s390_64", "s390x-unknown-linux-gnu"),
        ("x86_64-linux-none", "x86_64-unknown-linux-gnu"),
        ("x86_64-macos-none", "x86_64-apple-darwin"),
        ("aarch64-ios-none", "aarch64-apple-ios"),
        ("linux-mips_64", "pulley64be"),
        ("linux-mipsel_64", "pulley64"),
        ("linux-sparc_64", "pulley64be"),
        ("linux-loongarch_64", "pulley64"),
        ("linux-ppcle_64", "pulley64"),
        ("linux-armv7l", "pulley32"),
        ("watchos-arm64_32", "pulley32"),
    ],
)
def test_the_names_of_other_tools_are_known(text: str, meant: str) -> None:
    problem = problem_of(text)
    assert problem is not None
    assert problem.startswith(f'is what other tools call a target; write "{meant}"')
    assert problem_of(meant) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("aarch64-macos", "aarch64-apple-darwin"),
        ("x86_64-linux-gnu.2.31", "x86_64-unknown-linux-gnu"),
        ("aarch64-linux-android21", "aarch64-linux-android"),
        ("arm64-apple-ios15.0-simulator", "aarch64-apple-ios-sim"),
        ("arm64-apple-xros1.0", "aarch64-apple-visionos"),
        ("amd64-unknown-openbsd7.4", "x86_64-unknown-openbsd"),
        ("riscv64-unknown-elf", "riscv64gc-unknown-none"),
        ("x64-mingw-dynamic", "x86_64-pc-windows-gnu"),
    ],
)
def test_versions_and_other_words_are_understood(text: str, meant: str) -> None:
    problem = problem_of(text)
    assert problem is not None
    assert problem.endswith(f'; did you mean "{meant}"?')
    assert problem_of(meant) is None


def test_an_example_for_a_name_without_a_machine_is_of_its_system() -> None:
    for text, meant in (("macos-14", "x86_64-apple-darwin"), ("windows-latest", "x86_64-pc-windows-msvc")):
        assert str(problem_of(text)).endswith(f': write a triple like "{meant}"')
    assert triples.example("edge-pulley-32") == "pulley32"


_NAMED = st.tuples(
    st.sampled_from(["x86_64", "aarch64", "arm64", "riscv64gc", "s390x"]),
    st.sampled_from(["", "unknown", "pc", "apple", "w32", "foo"]),
    st.sampled_from(["linux", "windows", "macos", "darwin", "freebsd", "ios", "win32", "openbsd7.4", "tvos17"]),
    st.sampled_from(["", "gnu", "gnuu", "msvc", "foo", "gnu-elf"]),
)


@settings(deadline=None)
@given(_NAMED)
def test_a_guess_is_for_the_same_machine_and_system(parts: tuple[str, str, str, str]) -> None:
    text = "-".join(part for part in parts if part)
    problem = problem_of(text)
    guessed = problem is not None and ("did you mean" in problem or '; write "' in problem)
    if problem is not None and guessed:
        meant = triples.parse(problem.split('"')[-2])
        architecture = {"arm64": "aarch64", "riscv64gc": "riscv64"}.get(parts[0], parts[0])
        others = {"darwin": "macos", "win32": "windows", "openbsd7.4": "openbsd", "tvos17": "tvos"}
        system = others.get(parts[2], parts[2])
        assert (meant.architecture, meant.os) == (architecture, system)


def problem_of(text: str) -> str | None:
    try:
        triple = triples.parse(text)
    except ValueError as error:
        return str(error)
    assert triple.architecture in triples.ARCHITECTURES
    return None


PARTS = st.lists(st.sampled_from(["x86_64", "linux", "gnu", "", "unknown", "foo", "pulley64", "apple"]), max_size=6)


@settings(deadline=None)
@given(st.text() | PARTS.map("-".join))
def test_any_text_is_a_triple_or_a_problem_with_a_fix(text: str) -> None:
    problem = problem_of(text)
    assert problem is None or ("; " in problem and problem.isprintable())


@settings(deadline=None)
@given(PARTS)
def test_what_is_suggested_is_a_triple(parts: list[str]) -> None:
    problem = problem_of("-".join(["aarch64", *parts]))
    if problem is not None:
        assert problem_of(problem.split('"')[-2]) is None


@pytest.mark.parametrize(
    ("named", "triple"),
    [
        ("edge-x64", "x86_64-unknown-linux-gnu"),
        ("win-x64", "x86_64-pc-windows-msvc"),
        ("mac", "x86_64-apple-darwin"),
        ("arm64-macos", "aarch64-apple-darwin"),
        ("freebsd", "x86_64-unknown-freebsd"),
        ("illumos-x64", "x86_64-unknown-illumos"),
        ("pulley", "pulley64"),
        ("host", "x86_64-unknown-linux-gnu"),
    ],
)
def test_examples_are_of_what_a_text_names(named: str, triple: str) -> None:
    assert triples.example(named) == triple
