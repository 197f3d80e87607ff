"""What transformations learnt, in a line each."""

from __future__ import annotations

from typing import Any

_SHOWN = 4
_SAID_ALREADY = ("texts", "folds")


def fitted_rows(statistics: dict[str, Any]) -> list[dict[str, Any]]:
    """A row per step of each chain, of `FittedStatistics` as JSON."""
    return [
        {"feature": feature, "transformation": _step(step), "learnt": _learnt(learnt)}
        for feature, chain in statistics["chains"].items()
        for step, learnt in zip(chain, statistics["values"].get(feature, ()), strict=False)
    ]


def _step(step: dict[str, Any]) -> str:
    args = ", ".join(f"{name}: {_value(value)}" for name, value in step["args"].items())
    return f"{step['name']}({args})" if args else str(step["name"])


def _learnt(values: dict[str, Any]) -> str:
    """Lists and mappings by their first entries, without what says the same in other words."""
    shown = [f"{name} {_value(value)}" for name, value in values.items() if name not in _SAID_ALREADY]
    return ", ".join(shown) or "–"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + _some([f"{key}: {_value(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + _some([_value(item) for item in value]) + "]"
    return f"{value:.6g}" if isinstance(value, float) else "none" if value is None else str(value)


def _some(parts: list[str]) -> str:
    more = [f"… {len(parts) - _SHOWN} more"] if len(parts) > _SHOWN else []
    return ", ".join([*parts[:_SHOWN], *more])
