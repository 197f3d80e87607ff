"""A project's own function as one of the functions that chains are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlproj.compiler.text import identifier, literal, without_comments
from mlproj.compiler.transformations.function import Function, single
from mlproj.compiler.types import is_float, is_numeric
from mlproj.state import OnDemand, OwnFunction

_SUBQUERY = re.compile(r"\(\s*(?:select|from|with|values|table|pivot|unpivot|describe|show|summarize)\b", re.IGNORECASE)
_TOKEN = re.compile(
    r"""[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$|(?:\.\s*)?"(?:[^"]|"")*"|\d[\w.]*|(?:\.\s*)?[^\W\d]\w*""",
    re.DOTALL,
)


def substituted(sql: str, values: Mapping[str, str]) -> str:
    """SQL with expressions for names, whatever their capitals; not for functions, texts, or what follows a point."""
    known = {name.casefold(): value for name, value in values.items()}
    sql = without_comments(sql)

    def replace(match: re.Match[str]) -> str:
        token = match[0]
        if token[0] in ".'$" or sql[match.end() :].lstrip().startswith("("):
            return token
        name = token[1:-1].replace('""', '"') if token[0] == '"' else token
        return known.get(name.casefold(), token)

    return _TOKEN.sub(replace, sql)


def out_of_place(sql: str) -> str | None:
    """What SQL of one value may not read, if it does."""
    if "__MLPROJ_ENV_" in sql:
        return "reads the environment, whose values are kept nowhere"
    return "reads a query" if reads_a_query(sql) else None


def reads_a_query(sql: str) -> bool:
    """Whether a subquery stands in it."""
    return (
        _SUBQUERY.search(_TOKEN.sub(lambda m: m[0] if m[0][0] not in "'$\"" else "''", without_comments(sql)))
        is not None
    )


def on_demand_sql(feature: OnDemand, inputs: Mapping[str, str]) -> str:
    """The feature as SQL; `inputs` are SQL for its inputs, whose values are cast to their types."""
    return f"({substituted(feature.sql, {n: f'(({sql})::{feature.inputs[n]})' for n, sql in inputs.items()})})"


def typed(value: Any, type_name: str) -> str:
    """A literal of a type, of a value as JSON has it."""
    return f"cast({literal(value)} as {type_name})"


def without_infinite(x: str, type_name: str) -> str:
    """What statistics see of a value."""
    return f"case when isfinite({x}) then {x} end" if is_float(type_name) else x


def without_nan(x: str, type_name: str) -> str:
    """NaN counts as null."""
    return f"case when not isnan({x}) then {x} end" if is_float(type_name) else x


def own_function(name: str, own: OwnFunction) -> Function:
    """The function; `evaluate` it has none, since what it computes is SQL or a file's."""

    def apply(x: str, _args: Mapping[str, Any], statistics: Mapping[str, Any]) -> list[tuple[str | None, str]]:
        learnt = {n: typed(statistics[n], own.types[n]) for n in own.statistics}
        if own.kind == "sql":
            made = f"({substituted(own.sql, {'x': f'({x})', **learnt})})"
        else:
            made = f"{identifier(python_name(own))}({', '.join([f'({x})::{own.takes}', *learnt.values()])})"
        return single(without_nan(made, own.returns))

    def statistics(x: str, _args: Mapping[str, Any]) -> dict[str, str]:
        seen = f"({without_infinite(f'({x})::{own.takes}' if own.kind == 'python' else x, own.takes)})"
        return {n: substituted(sql, {"x": seen}) for n, sql in own.statistics.items()}

    return Function(
        name=name,
        accepts=lambda _type: True,
        wants=own.takes,
        output=lambda _type, _args: own.returns,
        apply=apply,
        evaluate=None,
        statistics=statistics,
    )


def python_name(own: OwnFunction) -> str:
    """What the engine calls a function in Python."""
    return f"mlproj_{own.function}_{own.fingerprint.rpartition(':')[2]}"


def is_storable(type_name: str) -> bool:
    """Whether a statistic of this type is kept in JSON as it is."""
    element = type_name.removesuffix("[]")
    return is_numeric(element) or element in ("VARCHAR", "BOOLEAN", "DATE", "TIME", "TIMESTAMP")
