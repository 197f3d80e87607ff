from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

import mlproj.specs
from mlproj.loader import wording

_MODELS = [spec for spec in vars(mlproj.specs).values() if isinstance(spec, type) and issubclass(spec, BaseModel)]


def _patterns() -> Iterator[tuple[str, str]]:
    for model in _MODELS:
        for name, field in model.model_fields.items():
            for rule in field.metadata:
                pattern = getattr(rule, "pattern", None)
                if pattern:
                    yield name, pattern


def test_every_pattern_of_a_field_has_words() -> None:
    found = list(_patterns())

    assert len(found) > 5
    assert [name for name, pattern in found if pattern in wording.of_pattern(name, pattern)] == []


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        (("primary_key",), "a list of names"),
        (("version",), "a whole number"),
        (("online",), "true or false"),
        (("event_time",), "a string"),
        (("features",), "a list of features"),
        (("features", 0, "tests"), "a list of tests"),
        (("features", 0, "default"), "a string, a number or true/false"),
    ],
)
def test_types_in_the_users_words(location: tuple[str | int, ...], expected: str) -> None:
    annotation, _ = wording.annotation_at(mlproj.specs.FeatureGroup, location)

    assert wording.of_type(annotation) == expected
