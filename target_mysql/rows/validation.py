"""Validates records against their SCHEMA, for validate_records."""

from __future__ import annotations

import json
import re
from typing import Any

import fastjsonschema

from target_mysql.exceptions import InputError


class Validator:
    """
    Validates the records of a stream.

    Raises InputError on construction if the schema cannot be compiled.
    """

    def __init__(self, stream: str, schema: dict[str, Any]) -> None:
        self._stream = stream
        try:
            # Its numbers are Decimals here; the library wants those of Python's json.
            self._validate = fastjsonschema.compile(json.loads(json.dumps(schema, default=float)))
        except (fastjsonschema.JsonSchemaDefinitionException, re.error) as error:
            problem = f"validate_records: no JSON Schema: {error}"
            raise InputError(problem, stream=stream) from error

    def check(self, line: bytes, number: int) -> None:
        """Raise InputError if the record of a RECORD line violates the schema."""
        try:
            record = json.loads(line)["record"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return  # which is not for us to say
        try:
            self._validate(record)
        except fastjsonschema.JsonSchemaValueException as error:
            column = ".".join(error.path[1:]) or None
            problem = f"validate_records: {error.message}"
            raise InputError(problem, line=number, stream=self._stream, column=column) from error
