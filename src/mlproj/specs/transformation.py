"""A transformation of one feature, as a view names it: `standard_scaler`, or `{impute_constant: {value: 0}}`."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

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
