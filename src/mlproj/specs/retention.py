"""How long old data commits are kept."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, model_validator

from mlproj.specs.base import Spec

_DAYS = re.compile(r"\s*(\d{1,5})\s*(?:d|days?)\s*")


class Retention(Spec):
    """The last `commits`, and all that are younger than `days`; `90 days` says the same as `{days: 90}`.

    What is published, or a registered model was trained on, is kept however old it is.
    """

    commits: int | None = Field(default=None, ge=1)
    days: int | None = Field(default=None, ge=0, le=100_000)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = _DAYS.fullmatch(value)
        if not found:
            raise ValueError("retention is written as '90 days', {days: 90} or {commits: 10}")
        return {"days": int(found[1])}

    @model_validator(mode="after")
    def _one_at_least(self) -> Retention:
        if self.commits is None and self.days is None:
            raise ValueError("retention needs commits, days or both")
        return self
