"""What every versioned node takes over from its spec as it stands."""

from __future__ import annotations

from typing import Any

from mlproj.loader import Loaded
from mlproj.specs.base import Resource


def about(resource: Loaded[Any], **texts: str) -> dict[str, Any]:
    """Name, version, description, owner, tags, place and text of a resource, as fields of its node."""
    spec: Resource = resource.spec
    return {
        "name": spec.name,
        "version": spec.version,
        "description": spec.description,
        "owner": spec.owner,
        "tags": tuple(spec.tags),
        "span": resource.locate(()),
        "source_text": {"yaml": resource.text, **texts},
    }
