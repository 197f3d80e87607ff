"""The joins of a view: checked against the groups, and as nouns from which their SQL is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlproj.compiler.point_in_time import Joining, Moment, Way, comparable
from mlproj.compiler.text import identifier
from mlproj.compiler.view_draft import Draft, Joined, Named
from mlproj.compiler.windows import stored_relation
from mlproj.diagnostics import Collector, Span, did_you_mean
from mlproj.specs import Join
from mlproj.specs.duration import microseconds
from mlproj.state import GroupNode, ViewJoin


def way_of(base: GroupNode, join: Join, group: GroupNode) -> Way:
    """How a row of the base finds its row of the group: the one place where this is chosen."""
    if group.event_time is None:
        return "key"
    if group.aggregate is not None:
        return "window"
    if base.event_time is None:
        return "latest"
    return "known_at" if join.known_at else "as_of"


def check_join(draft: Draft, index: int, join: Join, group: GroupNode, collector: Collector) -> Joined:
    """The join, with diagnostics where it does not hold: what it would bring is known all the same."""
    keys = join_key(group)
    joined = Joined(
        join, group, len(draft.joined) + 1, way_of(draft.base, join, group), dict(join.on or {k: k for k in keys})
    )
    _check_key(draft, index, joined, collector)
    if joined.way == "window":
        _check_windows(draft, index, joined, collector)
    elif _times_hold(draft, index, joined, collector):
        _say_what_is_strange(draft, index, joined, collector)
    return joined


def join_key(group: GroupNode) -> tuple[str, ...]:
    """The primary key, without the time, which is not compared but looked up."""
    return tuple(key for key in group.primary_key if key != group.event_time)


def join_features(join: Join, group: GroupNode) -> list[str]:
    """The features that a join brings; `*` stands for all that identify no row."""
    if "*" in join.features:
        told_apart = {*group.row_key, *([group.created_time] if group.event_time else [])}
        return [f.name for f in group.features if f.name not in told_apart]
    return join.features


def _check_key(draft: Draft, index: int, joined: Joined, collector: Collector) -> None:
    """The join has to name the whole key, by columns of its types; what these are is noted."""
    group, where, key = joined.group, draft.view.locate(("joins", index, "on")), join_key(joined.group)
    if not key:
        message = f"{group.relation} has no key but its event_time, so that nothing says which of its rows is whose"
        hint = "give it a column more in its primary_key, be it a constant one"
        collector.error("E308", message, where, hint, draft.node)
    elif set(joined.on.values()) != set(key):
        collector.error(
            "E308",
            f"a join with {group.relation} must name its primary key ({', '.join(key)}), "
            f"not {', '.join(joined.on.values())}",
            where,
            f"on: {{{', '.join(f'<column of the base>: {k}' for k in key)}}}",
            draft.node,
        )
    else:
        for left, right in joined.on.items():
            _check_side(draft, joined, left, right, where, collector)


def _check_side(draft: Draft, joined: Joined, left: str, right: str, where: Span, collector: Collector) -> None:
    found, wanted = _named(draft, left), _type(joined.group, right)
    if not found:
        known = [f.name for f in draft.base.features] + [p for e in draft.joined for p in _brought(e)]
        message = f"unknown column '{left}' of {draft.base.relation} in a join"
        hint = did_you_mean(left, known) or f"say which of its columns it is: on: {{<column>: {right}}}"
        collector.error("E311", message, where, hint, draft.node)
        return
    earlier, named = found[0]
    if len(found) > 1:
        message = f"'{left}' may be {' or '.join(named.origin for _earlier, named in found)}"
        collector.error("E308", message, where, "give one of the earlier joins a `prefix:`", draft.node)
    elif named.type != wanted:
        what = f"'{left}'" if earlier is None else f"{named.origin}"
        message = f"{what} is {named.type}, but '{right}' of {joined.group.relation} is {wanted}"
        hint = "keys are joined by equal types: cast one of them in its group"
        collector.error("E308", message, where, hint, draft.node)
    joined.sides[left] = named
    column = named.origin.rpartition(".")[2]
    if earlier and column not in (*join_features(earlier.join, earlier.group), *earlier.carries):
        earlier.carries.append(column)


def _named(draft: Draft, name: str) -> list[tuple[Joined | None, Named]]:
    """The base's column of that name; else what joins before this one bring under it, features before others."""
    base = draft.base
    own = next((f for f in base.features if f.name == name), None)
    if own:
        return [(None, Named(f"b.{identifier(name)}", own.type, f"{base.relation}.{name}"))]
    found: list[tuple[Joined | None, Named]] = []
    for earlier in draft.joined:
        column = _brought(earlier).get(name)
        if column:
            origin = f"{earlier.group.relation}.{column}"
            sql = f"{earlier.alias}.{identifier(column)}"
            found.append((earlier, Named(sql, _type(earlier.group, column), origin)))
    return [pair for pair in found if draft.names.get(name) == pair[1]] or found


def _brought(joined: Joined) -> dict[str, str]:
    """Columns of a joined group, by the names that they have in the view; its key is that of its reader already."""
    told_apart = {*joined.on.values(), *([joined.group.event_time] if joined.way == "window" else [])}
    return {joined.join.prefix + f.name: f.name for f in joined.group.features if f.name not in told_apart}


def _times_hold(draft: Draft, index: int, joined: Joined, collector: Collector) -> bool:
    """Whether max_age and known_at have something to say."""
    join, group, said = joined.join, joined.group, len(collector)
    missing = next((g for g in (group, draft.base) if g.event_time is None), None)
    for key in ("max_age", "known_at"):
        if missing and getattr(join, key) is not None:
            message = f"{key} compares times, and {missing.relation} has no event_time"
            hint = f"give {missing.relation} an `event_time:`, or leave {key} out"
            collector.error("E313", message, draft.view.locate(("joins", index, key)), hint, draft.node)
    if join.known_at and not missing and join.known_at != group.created_time:
        place, created = draft.view.locate(("joins", index, "known_at")), group.created_time
        message = f"known_at names the created_time of {group.relation}, which is " + (
            f"'{created}', not '{join.known_at}'" if created else "not declared"
        )
        hint = f"known_at: {created}" if created else f"created_time: {join.known_at} in {group.relation}"
        collector.error("E313", message, place, hint, draft.node)
    return len(collector) == said


def _check_windows(draft: Draft, index: int, joined: Joined, collector: Collector) -> None:
    """A window is computed at a time; what says which of several values counts has nothing to say of it."""
    join, group, aggregate = joined.join, joined.group, joined.group.aggregate
    if draft.base.event_time is None:
        message = f"{group.relation} computes windows as of a time, and {draft.base.relation} has no event_time"
        hint = f"give {draft.base.relation} an `event_time:`"
        collector.error("E313", message, draft.view.locate(("joins", index, "group")), hint, draft.node)
    hints = {
        "max_age": "leave it out: how old an event may be is what the `window:` of a feature says",
        "known_at": "leave it out; what was recorded late is left out by a `where:` of the feature, or in SQL before",
    }
    for key, hint in hints.items():
        if getattr(join, key) is not None:
            message = f"{key} chooses among rows, and {group.relation} computes windows at the time of each observation"
            collector.error("E313", message, draft.view.locate(("joins", index, key)), hint, draft.node)
    computed = {window.name for window in aggregate.windows} if aggregate else set()
    for number, name in enumerate(join.features):
        if name in group.row_key and name not in computed:
            message = f"'{name}' of {group.relation} is no window: it would be the observation's own"
            place = draft.view.locate(("joins", index, "features", number))
            collector.error("E312", message, place, "leave it out", draft.node)
    if draft.base.event_time is not None:
        _say_what_is_strange(draft, index, joined, collector)


def _say_what_is_strange(draft: Draft, index: int, joined: Joined, collector: Collector) -> None:
    base, group, place = draft.base, joined.group, draft.view.locate(("joins", index, "group"))
    if joined.way == "latest":
        message = f"{base.relation} has no event_time: each of its rows gets the latest row of {group.relation}"
        hint = "what is latest changes from day to day, and may be later than the label: give the base an event_time"
        collector.warn("W302", message, place, hint, draft.node)
    if joined.way not in ("as_of", "known_at", "window"):
        return
    times = [(base, base.event_time), (group, group.event_time)]
    kinds = [_type(g, name or "") for g, name in times]
    if kinds[0] != kinds[1] and ("DATE" in kinds or any("ZONE" in k for k in kinds)):
        said = [f"{g.relation}.{name} is {kind}" for (g, name), kind in zip(times, kinds, strict=True)]
        hint = "times without a zone are taken as UTC: convert them in the group's SQL where they are not"
        if "DATE" in kinds:
            hint = "a day begins at 00:00 UTC, and what happened during it is joined from then on"
        collector.warn("W303", f"times of two kinds are compared: {' and '.join(said)}", place, hint, draft.node)
    if joined.way != "window" and group.id == base.id and set(joined.on.items()) == {(k, k) for k in join_key(group)}:
        message = f"{base.relation} is joined with itself by its own key, so that each row finds itself"
        hint = "what was before a row is computed in SQL: lag(x) over (partition by … order by …)"
        collector.warn("W304", message, place, hint, draft.node)


def _type(group: GroupNode, column: str) -> str:
    return next(f.type for f in group.features if f.name == column)


def view_joins(draft: Draft, filtered: Sequence[str] = ()) -> tuple[ViewJoin, ...]:
    """The joins as nouns; `filtered` are the columns that the filter reads."""
    deciding: set[int] = set()
    for joined in reversed(draft.joined):
        if joined.join.type == "inner" or any(c.rpartition(".")[0] == joined.group.relation for c in filtered):
            deciding.add(joined.number)
        if joined.number in deciding:  # and so do those that say which of its rows is meant
            aliases = {named.sql.partition(".")[0] for named in joined.sides.values()}
            deciding |= {earlier.number for earlier in draft.joined if earlier.alias in aliases}
    return tuple(_view_join(draft, joined, decides=joined.number in deciding) for joined in draft.joined)


def _view_join(draft: Draft, joined: Joined, *, decides: bool) -> ViewJoin:
    join, group, base = joined.join, joined.group, draft.base
    timed = joined.way in ("as_of", "known_at", "window")
    features = tuple(join_features(join, group))
    unique = any(test.unique and set(test.unique) <= set(group.row_key) for test in group.tests)
    told_apart = joined.way not in ("key", "window") and not unique
    return ViewJoin(
        group=group.id,
        on=joined.on,
        features=features,
        prefix=join.prefix,
        type=join.type,
        way=joined.way,
        through={left: named.origin for left, named in joined.sides.items() if not named.sql.startswith("b.")},
        base_time=base.event_time if timed else None,
        event_time=group.event_time if joined.way != "key" else None,
        created_time=group.created_time if told_apart or joined.way == "known_at" else None,
        max_age=None if join.max_age is None else microseconds(join.max_age),
        ties=_ties(group, {*features, *joined.carries}) if told_apart else (),
        carries=tuple(joined.carries),
        decides_rows=decides,
    )


def _ties(group: GroupNode, read: set[str]) -> tuple[str, ...]:
    """The columns in declared order, up to the last that is read: those after it decide nothing.

    Never none: of rows that are equal in all that is read one is left too.
    """
    names = [f.name for f in group.features]
    last = max((names.index(name) for name in read), default=-1)
    found = tuple(n for n in names[: last + 1] if n not in {*group.row_key, group.created_time})
    return found or (group.event_time or "",)


def joinings(
    joins: Sequence[ViewJoin], groups: Mapping[str, GroupNode], base_types: Mapping[str, str]
) -> tuple[Joining, ...]:
    """What the SQL of joins is made from; `base_types` are those of the base's columns."""
    return tuple(_joining(joins, number, groups[join.group], base_types) for number, join in enumerate(joins, 1))


def _joining(joins: Sequence[ViewJoin], number: int, group: GroupNode, base_types: Mapping[str, str]) -> Joining:
    join = joins[number - 1]
    own = {name: Moment(identifier(name), _type(group, name)) for name in (join.event_time, join.created_time) if name}
    times = {"time": own[join.event_time]} if join.event_time else {}
    if join.base_time:
        times["at"] = Moment(f"b.{identifier(join.base_time)}", base_types[join.base_time])
    if join.created_time and join.way == "known_at":
        times["created"] = own[join.created_time]
    moments = times if join.way == "window" else dict(zip(times, comparable(*times.values()), strict=True))
    if join.created_time:
        moments.setdefault("created", own[join.created_time])
    return Joining(
        number=number,
        relation=stored_relation(group) if join.way == "window" else join.relation,
        way=join.way,
        kind=join.type,
        keys=tuple((_left(joins[: number - 1], join, left), right) for left, right in join.on.items()),
        columns=tuple(dict.fromkeys((*join.features, *join.carries))),
        max_age=join.max_age,
        ties=join.ties,
        windows=group.aggregate,
        at=moments.get("at"),
        time=moments.get("time"),
        created=moments.get("created"),
    )


def _left(earlier: Sequence[ViewJoin], join: ViewJoin, left: str) -> str:
    origin = join.through.get(left)
    if origin is None:
        return f"b.{identifier(left)}"
    relation, _, column = origin.rpartition(".")
    found = (n for n, e in enumerate(earlier, 1) if e.relation == relation and e.prefix + column == left)
    return f"j{next(found)}.{identifier(column)}"
