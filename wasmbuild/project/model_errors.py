"""What the models refuse, in words: problem and fix."""

from __future__ import annotations

from pydantic_core import ErrorDetails

from wasmbuild.engine.cranelift_flags import shown
from wasmbuild.project.levels import LEVELS
from wasmbuild.project.models import Table, alias
from wasmbuild.text import quoted, suggestion


def in_words(detail: ErrorDetails, model: type[Table]) -> tuple[str, str]:
    """Return problem and fix of an error of the models."""
    kind = detail["type"]
    value = detail["input"]
    if kind == "missing":
        field = next(f for name, f in model.model_fields.items() if alias(name) == detail["loc"][-1])
        return "is missing", f"write {detail['loc'][-1]} = {quoted(str((field.examples or ['…'])[0]))}"
    if kind == "literal_error":
        listed = ", ".join(map(quoted, LEVELS))
        if not isinstance(value, str):
            return f"must be text, not {shown(value)}", f"write one of {listed}"
        meant = suggestion(value, LEVELS)
        return (
            f"unknown level {shown(value)}",
            f"did you mean {quoted(meant)}?" if meant else f"write one of {listed}",
        )
    if detail["loc"][:1] == ("memory-limit",):
        return f"must be bytes or text, not {shown(value)}", 'write bytes, or text such as "4 GiB"'
    if kind == "string_type":
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fix = f"write {quoted(str(value))}" if number else 'write it in quotes, like "text"'
        return f"must be text, not {shown(value)}", fix
    if kind == "tuple_type":
        if detail["loc"][0] in ("args", "returns") and isinstance(value, (bool, int, float, str)):
            return f"must be an array, not {shown(value)}", f"write [{shown(value)}]"
        fix = f"write [{quoted(value)}]" if isinstance(value, str) else 'write it in brackets, like ["text"]'
        return f"must be an array, not {shown(value)}", fix
    if kind == "bool_type":
        return f"must be true or false, not {shown(value)}", "write true or false"
    if kind == "dict_type":
        return f"must be a table, not {shown(value)}", 'write it in braces, like { NAME = "text" }'
    # Of the kinds that strict models have there is only the whole number left.
    return f"must be a whole number, not {shown(value)}", "write a number without quotes or a point"
