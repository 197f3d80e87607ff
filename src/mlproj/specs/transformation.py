"""Transformations: of one feature, as a view names them, and the functions that a project has of its own."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from mlproj.specs.base import Name, Scalar, Spec


class Transformation(Spec):
    """A transformation function by `name`, with its `args`; which names and args exist is the compiler's to check."""

    name: Name
    args: dict[str, Scalar | list[Scalar]] = {}

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and len(value) == 1 and "name" not in value:
            name, args = next(iter(value.items()))
            return {"name": name, "args": {} if args is None else args}
        return value


class TransformationArgument(Spec):
    """An argument with its `type`, required unless it has a `default`, whose type it takes where none is given.

    In short: `power: 2` is a default, `power: DOUBLE` a type.
    """

    type: str | None = None
    default: Scalar | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"type": value}
        return value if isinstance(value, dict | None) else {"default": value}

    @model_validator(mode="after")
    def _says_something(self) -> TransformationArgument:
        if self.type is None and self.default is None:
            raise ValueError("an argument needs a type, or a default that has one")
        return self


class OwnTransformation(Spec):
    """A transformation function of the project: `sql` over `x`, the feature, its `args` and its `statistics`.

    Statistics are aggregates over `x`, of the training split.
    """

    name: Name
    description: str = ""
    args: dict[Name, TransformationArgument] = {}
    statistics: dict[Name, str] = {}
    sql: str = Field(min_length=1)


class PythonTransformation(Spec):
    """A transformation function in `transformations/*.py`: of `takes`, vectorised, as its decorator and signature say.

    `code` is what it computes: its own text and that of what it uses in its file, without comments and layout.
    """

    name: Name
    description: str = ""
    takes: str = "DOUBLE"
    returns: str = "DOUBLE"
    args: dict[Name, TransformationArgument] = {}
    statistics: dict[Name, str] = {}
    code: str
