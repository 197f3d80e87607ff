"""Values of environment variables.

Placeholders in everything that is written down, filled in for the engine's eyes only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"__MLPROJ_ENV_(\w+?)__")
# A value as short as this is no secret, and would be found all over a text.
_SECRET_LENGTH = 6


class EnvValue(str):
    """The value of an environment variable, which knows its name so that output can show that instead."""

    __slots__ = ("variable",)
    variable: str


def tagged(name: str, value: str) -> EnvValue:
    found = EnvValue(value)
    found.variable = name
    return found


def shown(value: object) -> object:
    """The placeholder for a value of the environment, everything else as it is: Jinja's `finalize`."""
    return f"__MLPROJ_ENV_{value.variable}__" if isinstance(value, EnvValue) else value


def variable_of(text: object) -> str | None:
    """The variable's name where a text is a placeholder and nothing else."""
    match = _PLACEHOLDER.fullmatch(text) if isinstance(text, str) else None
    return match[1] if match else None


def leaks(value: str, text: str) -> bool:
    """Whether a value that may be a secret stands in a text."""
    return len(value) >= _SECRET_LENGTH and value.lower() in text.lower()


def fill_environment(text: str, environment: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> str:
    """Put values where their placeholders stand.

    Raises KeyError naming a variable that has neither value nor default.
    """
    if "__MLPROJ_ENV_" not in text:
        return text
    return _PLACEHOLDER.sub(lambda match: _value(match[1], environment, defaults or {}), text)


def hide_environment(
    message: str, text: str, environment: Mapping[str, str], defaults: Mapping[str, str] | None = None
) -> str:
    """A message about a filled-in text without the values of the placeholders in `text`; short ones are no secrets."""
    for name in dict.fromkeys(_PLACEHOLDER.findall(text)):
        value = _value(name, environment, defaults or {})
        if leaks(value, message):
            message = re.sub(re.escape(value), f"env_var('{name}')", message, flags=re.IGNORECASE)
    return message


def _value(name: str, environment: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    return environment[name] if name in environment else defaults[name]
