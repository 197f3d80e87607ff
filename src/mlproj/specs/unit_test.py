"""A unit test: a feature group or view on rows that are made up, and the rows that are to come out."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from mlproj.specs.base import Name, Reference, Spec

# Where a group and a view have one name, the kind says which is meant.
NODE_PATTERN = r"^((feature_group|feature_view):)?[^\W\d]\w*(@[1-9]\d*)?$"


class Rows(Spec):
    """`rows` as mappings of columns to values, or `csv`, a text with a header in which nothing stands for null, or the
    `file` that holds such a text, beside this one or below it.
    """

    rows: list[dict[str, JsonValue]] | None = None
    csv: str | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if sum(form is not None for form in (self.rows, self.csv, self.file)) != 1:
            raise ValueError("one of rows, csv and file is needed")
        return self


class Given(Rows):
    """Rows of one input: of a `source`, of the feature group that `ref` names, or with `this: true` what stands of the
    incremental group itself, as `{{ this }}` reads it. Columns left out are null.
    """

    source: Name | None = None
    ref: Reference | None = None
    this: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_input(self) -> Self:
        if sum(what is not None for what in (self.source, self.ref, self.this)) != 1:
            raise ValueError("one of source, ref and this is needed")
        return self


class Expect(Rows):
    """The rows that come out, in any order. Only columns that are named are compared."""


class UnitTest(Spec):
    """`node` is the feature group or view that is tested; what it reads directly has to be `given`, and nothing else.

    Of a group with `aggregate:` that a view joins, rows of what it aggregates are given.

    Where `this` is given, `is_incremental()` is true, and what comes out are the rows that an increment's SQL gives.
    `vars` override those of mlproj.yml, in the SQL of a group.
    """

    name: Name
    node: str = Field(pattern=NODE_PATTERN)
    description: str = ""
    vars: dict[str, JsonValue] = {}
    given: list[Given] = []
    expect: Expect
