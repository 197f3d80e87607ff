"""What all specs share: strict, frozen, unknown keys refused."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


# Names become SQL identifiers and parts of `name@version`; letters of any script are letters.
NAME_PATTERN = r"^[^\W\d]\w*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=128)]
Version = Annotated[int, Field(ge=1)]
# What one resource says of another: `income@1`, or `income` for the highest version.
REFERENCE_PATTERN = r"^[^\W\d]\w*(@[1-9]\d*)?$"
Reference = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
Scalar = str | int | float | bool


class Resource(Spec):
    """What every versioned resource may say about itself."""

    name: Name
    version: Version = 1
    derived_from: Version | None = None
    description: str = ""
    owner: str = ""
    tags: list[str] = []
