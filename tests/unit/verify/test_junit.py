from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasmbuild.verify.outcomes import Verdict, unusable
from wasmbuild.verify.report import Report

NASTY = [
    "a\x00b\x1b[2J\x7f",
    "]]>",
    "<![CDATA[ & ]]>",
    "&amp; & &#0;",
    "<failure/>",
    '"\'"',
    "two\r\nlines\tand\u2028more",
    "\ud800 and \udfff",
    "\ufffe\uffff",
    "\u202eright to left",
    "\U0001f980 größer",
    "\U0010ffff",
    "-->",
]


def right(id: str, level: str = "loaded", message: str = "") -> Verdict:
    return Verdict(id, True, level, None, level, message)


def wrong(id: str, message: str = "gone", failed: str | None = "loaded") -> Verdict:
    return Verdict(id, False, "consistent", failed, "loaded", message)


def parsed(*entries: Verdict, seconds: tuple[float, ...] = ()) -> ET.Element:
    xml = Report(entries, seconds).to_junit()
    assert xml.endswith("</testsuites>\n")
    return ET.fromstring(xml.encode("utf-8"))  # noqa: S314 -- it was made here


def readable(text: str) -> str:
    """What XML has to give back: whatever people can read, and a mark for all else."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def only(root: ET.Element, tag: str) -> ET.Element:
    [element] = root.iter(tag)
    return element


def test_a_right_artifact_is_a_case_of_its_target_that_says_what_was_proved() -> None:
    root = parsed(right("img/blur@pi", "tested"), seconds=(1.25,))
    assert (root.tag, root.get("name")) == ("testsuites", "wasmbuild verify")
    assert only(root, "testsuite").get("name") == "pi"
    case = only(root, "testcase")
    assert case.attrib == {"classname": "pi", "name": "img/blur", "time": "1.250"}
    assert only(case, "system-out").text == "proved: tested"
    assert list(root.iter("failure")) == []


def test_why_no_more_was_proved_is_said() -> None:
    root = parsed(right("m@pi", "consistent", "cannot be loaded on this host"))
    assert only(root, "system-out").text == "proved: consistent; cannot be loaded on this host"


def test_a_wrong_artifact_is_a_failure_of_the_level_that_does_not_hold() -> None:
    root = parsed(wrong("m@pi", "m.cwasm is broken", "loaded"))
    assert only(root, "failure").attrib == {"type": "loaded", "message": "not loaded: m.cwasm is broken"}
    assert list(root.iter("system-out")) == []


def test_what_makes_it_fail_besides_artifacts_is_a_failure_of_the_whole() -> None:
    root = ET.fromstring(Report((right("m@pi"),), errors=('"known"',)).to_junit().encode())  # noqa: S314 -- our own
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    assert [suite.get("name") for suite in root] == ["pi", "wasmbuild verify"]
    assert only(root, "failure").attrib == {"type": "", "message": '"known"'}


def test_a_failure_of_no_level_has_its_message_alone() -> None:
    root = parsed(wrong("m@pi", "it is", None))
    assert only(root, "failure").attrib == {"type": "", "message": "it is"}


@pytest.mark.parametrize("path", ["dist/pi/manifest.json", "manifest.json", "x@y/manifest.json", "index@x.json"])
def test_what_cannot_be_used_is_a_failure_among_manifests(path: str) -> None:
    root = parsed(unusable(path, f"{path} is missing"))
    assert only(root, "testsuite").get("name") == "manifests"
    case = only(root, "testcase")
    assert (case.get("classname"), case.get("name")) == ("manifests", path)
    assert only(root, "failure").get("message") == f"not intact: {path} is missing"


def test_a_suite_has_the_artifacts_of_one_target_with_counts_and_times() -> None:
    root = parsed(
        right("a@pi"), wrong("b@pi"), right("c@pi"), wrong("a@edge"), unusable("m.json", "no"),
        seconds=(0.5, 0.25, 1.0, 2.0, 0.125),
    )  # fmt: skip
    keys = ("name", "tests", "failures", "errors", "time")
    assert [tuple(suite.get(key) for key in keys) for suite in root] == [
        ("pi", "3", "1", "0", "1.750"),
        ("edge", "1", "1", "0", "2.000"),
        ("manifests", "1", "1", "0", "0.125"),
    ]
    assert [root.get(key) for key in keys[1:]] == ["5", "3", "0", "3.875"]
    assert [[case.get("name") for case in suite] for suite in root] == [["a", "b", "c"], ["a"], ["m.json"]]
    assert [case.get("time") for case in root.iter("testcase")] == ["0.500", "0.250", "1.000", "2.000", "0.125"]


def test_a_target_whose_verdicts_are_apart_is_one_suite() -> None:
    root = parsed(right("a@pi"), right("a@edge"), wrong("b@pi"), seconds=(1.0, 2.0, 4.0))
    assert [(suite.get("name"), suite.get("tests"), suite.get("time")) for suite in root] == [
        ("pi", "2", "5.000"),
        ("edge", "1", "2.000"),
    ]


def test_times_that_were_not_taken_are_zero() -> None:
    assert only(parsed(right("a@pi")), "testcase").get("time") == "0.000"


def test_a_report_of_nothing_is_xml_too() -> None:
    root = parsed()
    assert list(root) == []
    assert root.get("tests") == "0"


@pytest.mark.parametrize("text", NASTY)
def test_names_and_messages_are_text_whatever_they_hold(text: str) -> None:
    root = parsed(wrong(f"{text}@pi", text), right(f"m@{text}".replace("/", ""), message=text), unusable(text, text))
    said = readable(text)
    bad, good, manifest = root.iter("testcase")
    assert bad.get("name") == said
    assert only(bad, "failure").get("message") == f"not loaded: {said}"
    assert good.get("classname") == said.replace("/", "")
    assert only(good, "system-out").text == f"proved: loaded; {said}"
    assert manifest.get("name") == said


@given(st.lists(st.tuples(st.text(st.characters()), st.booleans(), st.text(st.characters()))))
@example([("]]>\x00&<\ud800@\x1b", False, "]]>&\x00")])
def test_whatever_is_said_the_xml_is_well_formed_and_complete(verdicts: list[tuple[str, bool, str]]) -> None:
    root = parsed(*(right(f"{id}@pi", message=text) if ok else wrong(f"{id}@x64", text) for id, ok, text in verdicts))
    assert len(list(root.iter("testcase"))) == len(verdicts)
    assert len(list(root.iter("failure"))) == sum(not ok for _, ok, _ in verdicts)
    assert len(list(root.iter("system-out"))) == sum(ok for _, ok, _ in verdicts)
    names = [suite.get("name") for suite in root]
    assert len(names) == len(set(names))


def test_what_was_not_verified_is_an_error_and_no_failure() -> None:
    root = parsed(right("a@pi"), Verdict("b@pi", False, "intact", "loaded", "loaded", "no memory", verified=False))
    assert only(root, "error").attrib == {"type": "loaded", "message": "no memory"}
    assert list(root.iter("failure")) == []
    assert (root.get("failures"), root.get("errors")) == ("0", "1")
