"""The base of every noun that is written as JSON."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Noun(BaseModel):
    """Frozen; serialises to the same bytes for equal content (fields in declared order, mappings sorted by the writer)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
