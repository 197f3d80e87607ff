"""Types and values in the user's words."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from mlproj.loader.loaded import Location
from mlproj.specs.aggregate import FROM_PATTERN
from mlproj.specs.base import FINGERPRINT_PATTERN, MOMENT_PATTERN, NAME_PATTERN, REFERENCE_PATTERN, Name
from mlproj.specs.data_test import THRESHOLD_PATTERN, DataTest, Rule
from mlproj.specs.unit_test import NODE_PATTERN

_NAME = "a name: letters, digits and _, not starting with a digit"
_PATTERNS = {
    NAME_PATTERN: _NAME,
    REFERENCE_PATTERN: "a name or name@version, like income or income@1",
    FROM_PATTERN: "a source or a group, like clicks, source:clicks or clicks@1",
    NODE_PATTERN: "a group or view, like income@1 or feature_view:income@1",
    THRESHOLD_PATTERN: "a comparison with a number of rows, like '> 10'",
    MOMENT_PATTERN: "a day or a time, like '2026-01-31' or '2026-01-31 12:00'",
    FINGERPRINT_PATTERN: "the fingerprint that `mlproj plan` prints, like fp1: and 32 digits",
}
# For fields whose pattern is theirs alone.
_FORMATS = {
    "prefix": "letters, digits and _",
    "deprecated_after": "a day like '2026-01-31'",
    "estimator": "an import path like sklearn.linear_model.LogisticRegression",
    "catalog": "a catalog like sqlite:.mlproj/catalog.sqlite",
    "state": "a URL like sqlite:///.mlproj/state.sqlite",
    "memory": "an amount like 4GB or 700MB",
}
_SINGLE = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}
_SHORT_FORMS = {
    "DataTest": "the name of a test or a mapping",
    "TransformationArgument": "a type, a default or a mapping",
    "Transformation": "the name of a transformation or a mapping",
}
_ITEMS = {"DataTest": "tests", "ModelTest": "tests", "FeatureSpec": "features"}
_MANY = {str: "strings", int: "whole numbers", float: "numbers", bool: "true or false"}


def of_pattern(field: object, pattern: str) -> str:
    """What a string of this pattern is."""
    return _PATTERNS.get(pattern) or _FORMATS.get(str(field)) or f"text like {pattern}"


def of_type(annotation: Any, field: object = "") -> str:
    """`list[Name]` → `a list of names`. `field` is its key, where that has a short form."""
    if field == "on":
        return "a mapping or a list of names"
    annotation = plain(annotation)
    origin = get_origin(annotation)
    if origin is list:
        return f"a list of {_items(get_args(annotation)[0])}"
    if origin is Literal:
        return one_of(get_args(annotation))
    if _is_union(annotation):
        return _any_of(annotation)
    return _SINGLE.get(annotation) or _SHORT_FORMS.get(getattr(annotation, "__name__", "")) or "a mapping"


def one_of(values: Iterable[object]) -> str:
    shown = [f"'{value}'" for value in values]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def of_value(value: object) -> str:
    """What was written, without its content."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return "a string"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
    return "a mapping"


def elsewhere(annotation: Any, name: str) -> str | None:
    """Where a key stands that is not known here, if it is one that we know."""
    if annotation is DataTest and name in Rule.model_fields:
        return f"it stands within the test: {{not_null: {{{name}: …}}}}"
    return None


def plain(annotation: Any) -> Any:
    """The annotation without `Annotated`, and without `None` where one other type is left."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    if _is_union(annotation):
        left = [member for member in get_args(annotation) if member is not type(None)]
        return plain(left[0]) if len(left) == 1 else Union[tuple(left)]  # noqa: UP007  (built from a list)
    return annotation


def annotation_at(model: type[BaseModel], location: Location) -> tuple[Any, Location]:
    """The annotation that `location` leads to, and the part of it before a union: what follows names its members."""
    annotation: Any = model
    for index, step in enumerate(location):
        annotation = plain(annotation)
        if _is_union(annotation):
            return annotation, location[:index]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(step))
            annotation = field.annotation if field else Any
        elif get_origin(annotation) in {list, dict}:
            annotation = get_args(annotation)[-1]
    return plain(annotation), location


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in {Union, types.UnionType}


def _items(annotation: Any) -> str:
    if annotation == Name:
        return "names"
    annotation = plain(annotation)
    if _is_union(annotation):
        return "values"
    if get_origin(annotation) is Literal:
        return "names"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _ITEMS.get(annotation.__name__, "mappings")
    return _MANY.get(annotation, "mappings")


def _any_of(annotation: Any) -> str:
    members = [plain(member) for member in get_args(annotation)]
    if int in members and float in members:
        members.remove(int)
    words = [
        "a list of these" if get_origin(member) is list and _is_union(plain(get_args(member)[0])) else of_type(member)
        for member in members
    ]
    words = [word.replace("true or false", "true/false") for word in words]
    return " or ".join([", ".join(words[:-1]), words[-1]])
