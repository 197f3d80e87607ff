"""What all specs share: strict, frozen, unknown keys refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


# Names become SQL identifiers and parts of `name@version`; letters of any script are letters.
NAME_PATTERN = r"^[^\W\d]\w*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=128)]
Version = Annotated[int, Field(ge=1)]
# What one resource says of another: `income@1`, or `income` for the highest version.
REFERENCE_PATTERN = r"^[^\W\d]\w*(@[1-9]\d*)?$"
Reference = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
FINGERPRINT_PATTERN = r"^fp\d+:[0-9a-f]{32}$"
Scalar = str | int | float | bool


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"there is no day '{text}'") from None


# The pattern is for its message: what it lets through may still be no day of the calendar.
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_day)]


def _moment(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"there is no time '{text}'") from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.replace(tzinfo=None).isoformat(" ")


# In UTC, which a time without a zone is in; a day begins at 00:00.
MOMENT_PATTERN = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?$"
Moment = Annotated[str, Field(pattern=MOMENT_PATTERN), AfterValidator(_moment)]


def _reason(text: str) -> str:
    if not text.strip(" .…"):
        raise ValueError("the reason is still to be written")
    return text


Reason = Annotated[str, Field(min_length=1), AfterValidator(_reason)]


class Equivalent(Spec):
    """Says that what is computed otherwise has the same values as before.

    `of` is the published fingerprint, as `plan` prints it.
    """

    of: str = Field(pattern=FINGERPRINT_PATTERN)
    because: Reason


class Resource(Spec):
    """What every versioned resource may say about itself; `derived_from` is the version that it was copied from."""

    name: Name
    version: Version = 1
    derived_from: Version | None = None
    description: str = ""
    owner: str = ""
    tags: list[str] = Field(default_factory=list)  # a list would be deep-copied, at great cost
