"""Which plan computes windows: chosen by the query itself, when it runs, by how much it has to read.

The choice stands in the query as a table of one row. The plans that are not chosen read nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlproj.compiler.windows.plans import PLANS, Plan, Windows, possible

# What a plan costs, in microseconds of the processor; where that comes from is said in docs/benchmarks.md.
_READ = 0.5  # to put an event or an observation into a join
_PAIR, _SEEN = 0.013, 0.002  # to look at an event beside an observation of its key; for each window, to aggregate it
_VALUE = 0.4  # to give out a value of a join
_SORT, _FRAME = 0.2, 0.4  # to sort a row; for each window, to move its frame by one row
_DEEP = 30_000  # events of a key that make that a microsecond more: longer frames are deeper trees
_SUM, _BOUND = 1.7, 1.3  # to sum up an event; to look up what had come until then


@dataclass(frozen=True)
class Evaluation:
    """`asked` windows over the tables `events` and `observed`; `name` tells the tables of one query apart."""

    asked: Windows
    events: str
    observed: str
    name: str
    plan: Plan | None = None

    @property
    def result(self) -> str:
        return f'"windows {self.name}"'

    def tables(self) -> list[str]:
        """The common tables that end in `result`: keys, `TIME` and the windows of every observed row."""
        plans = possible(self.asked.windows)
        if self.plan is not None:
            return [f"{self.result} as (\n{PLANS[self.plan](self.asked, self.events, self.observed)}\n)"]
        chosen = f'"plan {self.name}"'
        parts = []
        for plan in plans:
            asks = f"where (select plan from {chosen}) = '{plan}'"
            events, observed = (f"(select * from {table} {asks})" for table in (self.events, self.observed))
            parts.append(PLANS[plan](self.asked, events, observed))
        either = "\nunion all\n".join(f"(\n{part}\n)" for part in parts)
        return [f"{chosen} as materialized (\n{self._choice(plans)}\n)", f"{self.result} as (\n{either}\n)"]

    def _choice(self, plans: tuple[Plan, ...]) -> str:
        """The plan of the least cost, by counts of events, observations and pairs of them."""
        windows, ends = len(self.asked.windows), len(self.asked.lengths) + 1
        pair, values, bounds = (f"{cost:g}" for cost in (_PAIR + _SEEN * windows, _VALUE * windows, ends * _BOUND))
        costs = {
            "join": f"(events + observed) * {_READ} + pairs * {pair} + observed * {values}",
            "range": f"(events + observed) * ({_SORT} + {windows} * ({_FRAME} + events / greatest(keys, 1) / {_DEEP}))",
            "sums": f"events * {_SUM} + observed * {bounds}",
        }
        listed = ", ".join(f"{{'cost': {costs[plan]}, 'plan': '{plan}'}}" for plan in plans)
        keys, same = ", ".join(self.asked.keys), self.asked.same_keys("e", "o")
        events, observed = (
            f"(select {keys}, count(*)::DOUBLE as n from {table} group by {keys})"
            for table in (self.events, self.observed)
        )
        return (
            f"select list_sort([{listed}])[1].plan as plan\nfrom (\n"
            f"select coalesce(sum(e.n), 0) as events, count(e.n) as keys, coalesce(sum(o.n), 0) as observed, "
            f"coalesce(sum(e.n * o.n), 0) as pairs\nfrom {events} as e full join {observed} as o on {same}\n) as c"
        )
