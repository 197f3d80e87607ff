"""What loading gives: specs, and for each the way back to its place in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mlproj.diagnostics import Diagnostic, Span
from mlproj.specs import (
    FeatureGroup,
    FeatureView,
    Lock,
    Model,
    OwnTransformation,
    ProjectSpec,
    PythonTransformation,
    Source,
    Target,
    UnitTest,
)

T = TypeVar("T")
Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A spec and where it stands.

    `locate(("features", 2, "type"))` is the span of that value (of the nearest parent where it is absent), with
    `key=True` of its key. `text` is the YAML of this resource alone, as written; `start` its line and column.
    """

    spec: T
    path: str
    text: str
    locate: Callable[..., Span] = field(repr=False, compare=False)
    start: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class LoadedProject:
    """Everything the user wrote, for one target.

    `sql` maps each group's `name@version` to (path, text) of its SQL file, its lines ending in a line feed; where the
    file's end otherwise, `exact` has it as it is, by path. `macros` maps paths to texts; `vars` are the
    project's, overridden by `--vars`; `environment` is a snapshot for `env_var`, `env_defaults` what YAML gives for
    variables that are not set. `fixtures` maps paths of files of unit tests to their texts, None where there is none.
    Strings hold placeholders for values of the environment, those of `target` the values.
    `locate` finds places in mlproj.yml, as `Loaded.locate` does in other files.
    """

    spec: ProjectSpec
    target_name: str
    target: Target
    vars: Mapping[str, object]
    environment: Mapping[str, str] = field(repr=False)
    sources: tuple[Loaded[Source], ...] = ()
    feature_groups: tuple[Loaded[FeatureGroup], ...] = ()
    feature_views: tuple[Loaded[FeatureView], ...] = ()
    models: tuple[Loaded[Model], ...] = ()
    transformations: tuple[Loaded[OwnTransformation] | Loaded[PythonTransformation], ...] = ()
    unit_tests: tuple[Loaded[UnitTest], ...] = ()
    sql: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    exact: Mapping[str, str] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)
    fixtures: Mapping[str, str | None] = field(default_factory=dict)
    env_defaults: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    lock: Loaded[Lock] | None = None
    locate: Callable[..., Span] = field(default=lambda *_place, **_key: Span("mlproj.yml"), repr=False, compare=False)
