"""The words around the tables of a FROM clause: kinds of joins, aliases, and what is not known here."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.expressions import Expr

from mlproj.compiler.semantics import wording
from mlproj.compiler.semantics.parse import name_of, position_of
from mlproj.compiler.semantics.value import digest, ATOM, NotUnderstood, Value

# A condition on what stands left of these joins holds for the whole.
KEEPS_LEFT = ("INNER", "CROSS", "LEFT", "SEMI", "ANTI", "ASOF", "ASOF LEFT")


def kind_of(join: Expr) -> str:
    """INNER, CROSS, LEFT, RIGHT, FULL, SEMI, ANTI, POSITIONAL, and ASOF with INNER or LEFT."""
    method, side, kind = (str(join.args.get(name) or "").upper() for name in ("method", "side", "kind"))
    if unknown := sorted(
        k for k, v in join.args.items() if v and k not in ("this", "method", "side", "kind", "on", "using")
    ):
        raise NotUnderstood(f"JOIN with {unknown[0]}", position_of(join))
    kind = "" if kind in ("OUTER", "INNER") else kind
    method = "" if method == "NATURAL" else method
    lone = not join.args.get("on") and not join.args.get("using") and join.args.get("method") != "NATURAL"
    name = " ".join(word for word in (method, side, kind) if word) or ("CROSS" if lone else "INNER")
    if name == "ASOF INNER":
        name = "ASOF"
    if name not in (*KEEPS_LEFT, "RIGHT", "FULL", "POSITIONAL"):
        raise NotUnderstood(f"{name} JOIN", position_of(join))
    return name


def stripped(node: Expr) -> tuple[Expr, Expr | None, list[Expr]]:
    """An item without what is done to its rows: sample and pivots."""
    sample, pivots = node.args.get("sample"), list(node.args.get("pivots") or [])
    if sample is None and not pivots:
        return node, None, []
    node = node.copy()
    node.set("sample", None)
    node.set("pivots", None)
    return node, sample, pivots


def extra(node: Expr, *known: str) -> list[str]:
    return sorted(k for k, v in node.args.items() if v and k not in known)


def only(node: Expr, *known: str) -> None:
    if more := extra(node, *known):
        raise NotUnderstood(f"{type(node).__name__.lower()} with {more[0].strip('_')}", position_of(node))


def alias_of(node: Expr) -> tuple[str | None, tuple[str, ...]]:
    alias = node.args.get("alias")
    if alias is None:
        return None, ()
    if not isinstance(alias, exp.TableAlias):
        return name_of(alias), ()
    return (name_of(alias.this) if alias.this else None), tuple(name_of(c) for c in alias.args.get("columns") or [])


def coalesced(a: Value, b: Value) -> Value:
    key = digest("call", "coalesce", None, [a.typed, b.typed])
    return Value(key, wording.call("coalesce", [a.text, b.text]), a.uses | b.uses, None, rank=ATOM)


def by_comma(joins: list[Expr]) -> list[Expr]:
    """Joins as the engine groups them: what follows a comma belongs together, before the comma joins it to the rest."""
    found: list[Expr] = []
    for join in joins:
        comma = not any(value for name, value in join.args.items() if name != "this")
        if comma or not any(not any(v for k, v in j.args.items() if k != "this") for j in found):
            found.append(join)
            continue
        last = found[-1].copy()
        last.this.append("joins", join.copy())
        found[-1] = last
    return found
