from __future__ import annotations

from pathlib import Path

from wasmbuild.project.reference import reference, schema
from wasmbuild.project.starter import SCHEMA_FILE


def test_the_reference_in_docs_is_that_of_the_models() -> None:
    path = Path(__file__).parents[3] / "docs" / "wasmbuild.toml.md"
    fix = "run: python -m wasmbuild.project.reference > docs/wasmbuild.toml.md"
    assert path.read_text(encoding="utf-8") == reference(), fix


def test_the_schema_that_is_shipped_is_that_of_the_models() -> None:
    fix = "run: python -m wasmbuild.project.reference --schema > wasmbuild/project/wasmbuild.schema.json"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema(), fix
