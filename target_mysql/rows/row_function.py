"""
Compiles the function that serializes a decoded record as a row of the load file. Pure.

The function is compiled from text, as dataclasses are: a loop over the columns costs three times as
much. The text contains only positions and kinds, nothing of the input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET

from target_mysql.rows import datetimes, values
from target_mysql.rows.load_file import FIELD_END, ROW_END
from target_mysql.tables.columns import Column
from target_mysql.tables.kinds import Kind
from target_mysql.tables.table import MISSING_BITS, Table

# The expression that serializes a value `v` of a kind; without one, the value is the field.
EXPRESSIONS: Mapping[Kind, str] = {
    Kind.NUMBER: "to_number({v})",
    Kind.NUMBER_AS_TEXT: "to_number_text({v})",
    Kind.DECIMAL: "to_decimal({v}, {digits}, {scale})",
    Kind.BOOLEAN: "'1' if {v} else '0'",
    Kind.DATE_TIME: "to_date_time({v})",
    Kind.DATE: "to_date({v})",
    Kind.TIME: "to_time({v})",
    Kind.JSON: "to_json({v}, {json})",
    Kind.MIXED: "to_text({v}, {max_length})",
}
# The expressions for a key, which refuse values that could become equal to another key.
KEY_EXPRESSIONS: Mapping[Kind, str] = {
    **EXPRESSIONS,
    Kind.NUMBER: "to_key_number({v})",
    Kind.DECIMAL: "to_key_decimal({v}, {digits}, {scale})",
    Kind.DATE_TIME: "to_key_date_time({v})",
    Kind.TIME: "to_key_time({v})",
    Kind.MIXED: "to_key_text({v}, {max_length}, {pads})",
    Kind.STRING: "check_key_text({v}, {pads})",
}

Row = tuple[bytes, int]
"""
A row of the load file, and the mask of its missing properties: the bit of each column, in order,
that keeps its value because the record lacks the property.
"""
ToRow = Callable[[Any, str | None, int | None, int], Row]


def row_function(
    table: Table, *, has_extracted_at: bool, has_version: bool, has_escapes: bool
) -> ToRow:
    """
    Return the function from (record, time_extracted, version, line number) to a Row.

    The row ends with _sdc_extracted_at and _sdc_table_version if the table has them. Without
    `has_escapes`, the function is for records whose JSON has no \\u escapes.
    """
    body, fields = ["missing_mask = 0"], []
    scope: dict[str, Any] = {**vars(values), **vars(datetimes), "UNSET": UNSET}
    for index, column in enumerate(table.filled_by_record):
        keeps = table.keeps_missing and column is not table.deletion
        if column.kind is Kind.JSON and not has_escapes:
            body += _json_source(index, column, keeps)
        else:
            body += _field_source(index, column, column.name in table.key, keeps)
        scope[f"json{index}"] = column.json
        fields.append(f"{{v{index}}}")
    if has_extracted_at:
        body.append("x = NULL if time_extracted is None else to_extracted_at(time_extracted)")
        fields.append("{x}")
    if has_version:
        body.append("n = NULL if version is None else version")
        fields.append("{n}")
    if table.has_line_numbers:
        fields.append("{number}")
    for at in range(len(table.missing_columns)):
        fields.append(f"{{missing_mask >> {at * MISSING_BITS} & {2**MISSING_BITS - 1}}}")
    body.append(f"return f{FIELD_END.join(fields) + ROW_END!r}.encode(), missing_mask")
    exec("\n  ".join(["def to_row(r, time_extracted, version, number):", *body]), scope)
    function: ToRow = scope["to_row"]
    return function


def _field_source(index: int, column: Column, in_key: bool, keeps: bool) -> list[str]:
    """Return the source lines that set `v` and the index to the column's serialized value."""
    v = f"v{index}"
    options = {
        "digits": column.digits,
        "scale": column.scale,
        "max_length": column.max_length,
        "json": f"json{index}",
        "pads": column.pads,
    }
    expressions = KEY_EXPRESSIONS if in_key else EXPRESSIONS
    convert = f"{v} = {expressions.get(column.kind, '{v}').format(v=v, **options)}"
    if in_key and column.kind is Kind.STRING and not column.pads:
        convert = f"{v} = {v}"
    if in_key:
        # `Raw` accepts null, which a key may not be. Raise, so that the fallback reports the line.
        return [f"{v} = r.c{index}", convert, f"if {v} == NULL: raise ValueError"]
    return [
        f"{v} = r.c{index}",
        f"if {v} is None: {v} = NULL",
        _unset_source(index, keeps),
        *([f"else: {convert}"] if column.kind in EXPRESSIONS else []),
    ]


def _json_source(index: int, column: Column, keeps: bool) -> list[str]:
    """Return the source lines that do what `to_json` does for a value without escapes."""
    v = f"v{index}"
    check = f"elif len({v}) > json{index}.safe_length: check_json({v}, json{index})"
    return [
        f"{v} = r.c{index}",
        f"if {v} is None: {v} = NULL",
        _unset_source(index, keeps),
        f"else: {v} = str({v}, 'utf-8')",
        f"if {v} == 'null': {v} = NULL",
        *([check] if column.json else []),
    ]


def _unset_source(index: int, keeps: bool) -> str:
    mark = f"; missing_mask |= {1 << index}" if keeps else ""
    return f"elif v{index} is UNSET: v{index} = NULL{mark}"
