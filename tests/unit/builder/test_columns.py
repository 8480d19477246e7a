"""Rows column by column are what a dictionary of rows would be, and keep their order."""

from __future__ import annotations

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
    text = "".join(columns.to_text())
    assert text.isascii()
    for each in (columns, Columns.from_text(text, quoted=columns.quoted)):
        assert {path: each.row(path) for path in expected} == expected
        paths = [absent, *expected]
        assert list(each.spelled(paths)) == [expected.get(path, UNKNOWN).spelled for path in paths]
        assert list(each.digests(paths)) == [expected.get(path, UNKNOWN).sha256 for path in paths]
        assert "".join(each.to_text()) == text


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
    assert next(columns.to_text()) == "/a\n/b\n"
