"""The base of every noun that is written as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Noun(BaseModel):
    """Frozen; serialises to the same bytes for equal content, with its fields in declared order."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
