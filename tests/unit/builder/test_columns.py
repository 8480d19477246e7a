"""Rows column by column are what a dictionary of rows would be, and keep their order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmbuild.builder.columns import UNKNOWN, Columns, FileRow

PATHS = st.sampled_from(["/a", "/b", "/c", '"d', "/e\n", "/é", "/\udcff"])
ROWS = st.builds(
    FileRow, st.sampled_from(["1\t2", "3"]), st.sampled_from(["", "ab"]), st.sampled_from(["null", '{"a":1}'])
)


@given(
    st.lists(st.tuples(PATHS, st.one_of(st.none(), ROWS))), st.one_of(st.none(), st.lists(PATHS, unique=True)), PATHS
)
def test_what_is_remembered_is_what_was_told_last(
    told: list[tuple[str, FileRow | None]], arranged: list[str] | None, absent: str
) -> None:
    columns, expected = Columns(), {}
    for path, row in told:
        if row is None:
            assert columns.forget(path) is (expected.pop(path, None) is not None)
        else:
            columns.remember(path, row)
            expected[path] = row
    if arranged is not None:
        before = list(expected)
        expected = {path: expected[path] for path in arranged if path in expected}
        changed = columns.arrange(arranged)
        assert changed or list(expected) == sorted(before, key=list(expected).index)
    sizes, parts = columns.to_text()
    text = "".join(parts)
    assert text.isascii()
    assert sum(sizes) == len(text)
    for each in (columns, Columns.from_text(memoryview(text.encode()), sizes, quoted=columns.quoted)):
        assert {path: each.row(path) for path in expected} == expected
        paths = [absent, *expected]
        assert list(each.spelled(paths)) == [expected.get(path, UNKNOWN).spelled for path in paths]
        assert list(each.digests(paths)) == [expected.get(path, UNKNOWN).sha256 for path in paths]
        assert "".join(each.to_text()[1]) == text


def test_all_rows_in_their_order_are_not_looked_up() -> None:
    columns = Columns()
    for path in ("/a", "/b"):
        columns.remember(path, FileRow(path, "", "null"))
    assert columns.spelled(["/a", "/b"]) is columns.spelled(["/a", "/b"])
    assert columns.spelled(["/b", "/a"]) == ["/b", "/a"]


def test_a_row_that_is_remembered_again_keeps_its_place() -> None:
    columns = Columns()
    for path in ("/a", "/b"):
        columns.remember(path, FileRow("1", "", "null"))
    columns.forget("/a")
    columns.remember("/a", FileRow("2", "", "null"))
    assert next(columns.to_text()[1]) == "/a\n/b\n"


@pytest.mark.parametrize("count", [0, 255, 256, 257, 800])
def test_facts_are_taken_out_of_the_text_as_they_are_asked_for(count: int) -> None:
    columns = Columns()
    rows = {f"/{number}": FileRow("1", "ab", str(number)) for number in range(count)}
    for path, row in rows.items():
        columns.remember(path, row)
    sizes, parts = columns.to_text()
    text = "".join(parts)
    assert len(sizes) == 3 + (count + 255) // 256
    again = Columns.from_text(memoryview(text.encode()), sizes, quoted=False)
    for number in range(0, count, 100):
        rows[f"/{number}"] = FileRow("2", "cd", "other")
        again.remember(f"/{number}", rows[f"/{number}"])
        assert again.row(f"/{count - 1}") == rows[f"/{count - 1}"]
    assert dict(again.rows()) == rows
    assert again.to_text()[0] == [*map(len, _columns(rows)), *_parts(rows)]


def _columns(rows: dict[str, FileRow]) -> list[str]:
    paths = "".join(f"{path}\n" for path in rows)
    return [paths, *("".join(f"{row[column]}\n" for row in rows.values()) for column in (0, 1))]


def _parts(rows: dict[str, FileRow]) -> list[int]:
    facts = [f"{row.facts}\n" for row in rows.values()]
    return [len("".join(facts[start : start + 256])) for start in range(0, len(facts), 256)]


@pytest.mark.parametrize("facts", [b"", b"1\n", b"1\n2\n3\n", b"\xff\n2\n"])
def test_facts_that_are_not_there_are_none(facts: bytes) -> None:
    text = b"/a\n/b\n" + b"1\n1\n" + b"ab\nab\n" + facts
    columns = Columns.from_text(memoryview(text), [6, 4, 6, len(facts)], quoted=False)
    for path in ("/a", "/b"):
        assert columns.row(path)[:2] == ("1", "ab")
    assert "".join(columns.to_text()[1]).isascii()
