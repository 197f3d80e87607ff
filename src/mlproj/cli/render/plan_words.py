"""What a plan says in text and in Markdown alike."""

from __future__ import annotations

from typing import Any

# What stands for the expression of a feature whose query cannot be taken apart.
AS_TEXT = "as the whole query says, compared as text"


def compared(document: dict[str, Any]) -> str:
    """What the project is compared with."""
    return f"against {document['against']}" if document["against"] else f"→ {document['target']}"


def artifacts(dependant: dict[str, Any]) -> list[str]:
    """What a target holds of a dependant that uses what changed: training datasets, model versions and aliases."""
    found = [f"training dataset {name}" for name in dependant["training_datasets"]]
    if dependant["model_versions"]:
        names = [a.partition("@")[2] for a in dependant["aliases"]]
        versions = dependant["model_versions"]
        found.append(f"model version{'s' if len(versions) > 1 else ''} {', '.join(versions)}")
        found += [f"alias {name}" for name in names]
    return found


def summary(document: dict[str, Any]) -> str:
    """How many changes there are of each kind."""
    counts = document["summary"]
    names = ("breaking", "new", "additive", "metadata", "removed", "stale")
    parts = [f"{counts[name]} {name}" for name in names if counts[name]]
    return ", ".join(parts) if parts else "no changes"
