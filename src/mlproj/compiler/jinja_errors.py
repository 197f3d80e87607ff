"""What Jinja says of a user's template, told with a hint."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlproj.diagnostics import did_you_mean

SEE = "in SQL there is ref, source, var, env_var, is_incremental, this and the macros of macros/*.sql"

_UNDEFINED = re.compile(r"'(\w+)' is undefined$")
_NO_FILTER = re.compile(r"No (?:filter|test) named '(\w+)'")
_ARGUMENTS = re.compile(r"SqlRenderer\._(\w+)\(\) ")
_USAGE = {"var": "{{ var('name', default) }}", "env_var": "{{ env_var('NAME', 'default') }}"}


def jinja_problem(error: Exception, text: str, names: Iterable[str]) -> tuple[str, str, str]:
    """Message, hint and the word of the template that is meant; `text` is the error's own, without secrets."""
    undefined, no_filter, arguments = _UNDEFINED.search(text), _NO_FILTER.search(text), _ARGUMENTS.match(text)
    if undefined:
        return text, did_you_mean(undefined[1], names) or SEE, undefined[1]
    if no_filter:
        return text.rstrip("."), "filters are Jinja's own", no_filter[1]
    if arguments and arguments[1] in _USAGE:
        return f"{arguments[1]}() has other arguments", f"write {_USAGE[arguments[1]]}", arguments[1]
    if "no loader" in text:
        return "include, import and extends are not there", "macros of macros/*.sql are known everywhere", ""
    return text or type(error).__name__, SEE, ""
