"""A unit test: a feature group or view on rows that are made up, and the rows that are to come out."""

from __future__ import annotations

from typing import Self

from pydantic import Field, JsonValue, model_validator

from mlproj.specs.base import Name, Reference, Spec

# Where a group and a view have one name, the kind says which is meant.
NODE_PATTERN = r"^((feature_group|feature_view):)?[^\W\d]\w*(@[1-9]\d*)?$"


class Rows(Spec):
    """`rows` as mappings of columns to values, or `csv`, a text with a header in which nothing stands for null."""

    rows: list[dict[str, JsonValue]] | None = None
    csv: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.rows is None) == (self.csv is None):
            raise ValueError("rows or csv is needed, and not both")
        return self


class Given(Rows):
    """Rows of one input: of a `source`, or of the feature group that `ref` names. Columns left out are null."""

    source: Name | None = None
    ref: Reference | None = None

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if (self.source is None) == (self.ref is None):
            raise ValueError("source or ref is needed, and not both")
        return self


class Expect(Rows):
    """The rows that come out, in any order. Only columns that are named are compared."""


class UnitTest(Spec):
    """`node` is the feature group or view that is tested; what it reads directly has to be `given`, and nothing else.

    Of a group with `aggregate:` that a view joins, rows of what it aggregates are given.

    `vars` override those of mlproj.yml, in the SQL of a group.
    """

    name: Name
    node: str = Field(pattern=NODE_PATTERN)
    description: str = ""
    vars: dict[str, JsonValue] = {}
    given: list[Given] = []
    expect: Expect
