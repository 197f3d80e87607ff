"""What every versioned node takes over from its spec as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlproj.diagnostics import Span
from mlproj.loader import Loaded
from mlproj.specs.base import Equivalent, Resource
from mlproj.state import Equivalence


def about(resource: Loaded[Any], **texts: str) -> dict[str, Any]:
    """Name, version, description, owner, tags, place and text of a resource, as fields of its node."""
    spec: Resource = resource.spec
    return {
        "name": spec.name,
        "version": spec.version,
        "derived_from": spec.derived_from,
        "description": spec.description,
        "owner": spec.owner,
        "tags": tuple(spec.tags),
        "span": resource.locate(()),
        "source_text": {"yaml": resource.text, **texts},
    }


def equivalence(spec: Equivalent | None, place: Callable[[], Span]) -> Equivalence | None:
    """An acknowledgement with its place."""
    return None if spec is None else Equivalence(of=spec.of, because=spec.because, span=place())
