"""
Settings declared once, as the fields of a `msgspec.Struct`.

    port: Annotated[int, Meta(ge=1, le=65_535, description="the server's TCP port")] = 3306

Type, range, unit, default and meaning are in the field. The checks, the texts of faults, the JSON
Schema of `--about` and the tables of the documentation derive from the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

import msgspec

SECRET = {"secret": True, "writeOnly": True}
"""For `Meta.extra_json_schema` of a password: it is in no repr, error or `--about`."""

_SHORT = {bool: "true or false", str: "a string"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A base whose repr leaves secrets out."""

    def __repr__(self) -> str:
        items = (
            f"{name}={getattr(self, name)!r}"
            for name, setting in declared(type(self)).items()
            if not setting.is_secret
        )
        return f"{type(self).__name__}({', '.join(items)})"


@dataclass(frozen=True)
class Setting:
    """
    A setting, as its field declares it.

    Keys of `Meta.extra`: `unit`; `expected`, the text after "must be", if the type is not enough;
    `decode`, a function from the user's value to the declared type, which raises ValueError;
    `input_type`, the type of the user's value.
    """

    name: str
    type: Any
    default: Any
    meta: msgspec.Meta

    @property
    def meaning(self) -> str:
        """The meaning, with the choices of a setting that has some."""
        choices = f"one of {', '.join(self._choices)}" if self._choices else ""
        return ": ".join(filter(None, (self.meta.description, choices)))

    @property
    def unit(self) -> str:
        return str(self._extra.get("unit", ""))

    @property
    def is_secret(self) -> bool:
        return bool((self.meta.extra_json_schema or {}).get("writeOnly"))

    @property
    def default_text(self) -> object:
        """The default in the form of a config file."""
        value = self.default
        return ",".join(map(str, value)) if isinstance(value, tuple) else value

    def parse(self, value: object) -> Any:
        """
        Return `value`, of a JSON file or text of the environment, as the declared type.

        Raises ValueError, "must be ...". The text never holds the value of a secret.
        """
        if decode := self._extra.get("decode"):
            value = decode(value)
        if not _is_sendable(value):
            raise ValueError("must be Unicode text without NUL")
        try:
            return msgspec.convert(self._in_case(value), self.type, strict=False)
        except msgspec.ValidationError:
            raise ValueError(f"must be {self._expected}") from None

    def to_schema(self) -> dict[str, object]:
        """Return the setting as JSON Schema."""
        schema = msgspec.json.schema(self._extra.get("input_type", self.type))
        schema["description"] = self.meaning
        options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
        if len(options) == 1:  # without the null, which means "not set" for every setting
            schema = {**options[0], **{k: v for k, v in schema.items() if k != "anyOf"}}
        if "exclusiveMinimum" in schema:  # no number in draft 4, which Singer's tools still read
            schema["minimum"] = schema.pop("exclusiveMinimum")
        if self._choices:
            schema |= {"type": "string", "enum": list(self._choices)}
        if self.default not in (None, "", ()):
            schema["default"] = self.default_text
        return schema

    @property
    def _extra(self) -> Mapping[str, Any]:
        return self.meta.extra or {}

    @property
    def _choices(self) -> tuple[str, ...]:
        base = _base(self.type)
        return get_args(base) if get_origin(base) is Literal else ()

    def _in_case(self, value: object) -> object:
        """Return the choice that differs from `value` at most in upper and lower case."""
        if not isinstance(value, str):
            return value
        by_folded = {choice.casefold(): choice for choice in self._choices}
        return by_folded.get(value.casefold(), value)

    @property
    def _expected(self) -> str:
        if text := self._extra.get("expected"):
            return str(text)
        if choices := self._choices:
            return f"one of {', '.join(choices)}"
        base, meta = _base(self.type), self.meta
        if base is int:
            return f"a whole number from {meta.ge} to {meta.le}"
        if base is float:
            least = f"above {meta.gt}, at most" if meta.gt is not None else f"from {meta.ge} to"
            return f"a number of {self.unit} {least} {meta.le}"
        return _SHORT.get(base, "a string")


@cache
def declared(declaration: type[msgspec.Struct]) -> dict[str, Setting]:
    """Return the settings of a Struct by their names, in the order of the fields."""
    return {
        field.name: Setting(field.name, field.type, field.default, _meta(field.type))
        for field in msgspec.structs.fields(declaration)
    }


def to_json_schema(declaration: type[msgspec.Struct]) -> dict[str, object]:
    """Return the settings as the JSON Schema that `--about` prints."""
    properties = {name: one.to_schema() for name, one in declared(declaration).items()}
    return {"type": "object", "properties": properties}


def _meta(annotation: Any) -> msgspec.Meta:
    """Return all `Meta` of the annotation as a single `Meta`."""
    parts: dict[str, Any] = {}
    for meta in getattr(annotation, "__metadata__", ()):
        for name in ("gt", "ge", "le", "description"):
            if (value := getattr(meta, name)) is not None:
                parts[name] = value
        for name in ("extra", "extra_json_schema"):
            parts[name] = {**parts.get(name, {}), **(getattr(meta, name) or {})}
    return msgspec.Meta(**parts)


def _base(annotation: Any) -> Any:
    """Return the type without `Annotated` and without None."""
    if hasattr(annotation, "__metadata__"):
        return _base(annotation.__origin__)
    options = [one for one in get_args(annotation) if one is not type(None)]
    is_optional = type(None) in get_args(annotation)
    return _base(options[0]) if is_optional and len(options) == 1 else annotation


def _is_sendable(value: object) -> bool:
    """Whether the system and the server take this text: no NUL, no lone surrogate."""
    if isinstance(value, list):
        return all(map(_is_sendable, value))
    return not (isinstance(value, str) and re.search("[\0\ud800-\udfff]", value))
