"""Which plan computes windows: chosen by the query itself, when it runs, by how much it has to read.

The choice stands in the query as a table of one row. The plans that are not chosen read nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlproj.compiler.windows.plans import PLANS, Plan, Windows, possible

# What a plan costs, in what it costs to sort one row; measured by benchmarks/windows.py.
_PAIR = 1 / 16  # to look at an event beside an observation of its key
_FRAME = 0.5  # to move a frame by one row, for each window
_BOUND = 1.5  # to look up what had come until then


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
        costs = {
            "join": f"observed + events + pairs * {_PAIR * max(1, windows / 2)}",
            "range": f"(events + observed) * {1 + _FRAME * windows}",
            "sums": f"events * 2 + observed * {ends * _BOUND}",
        }
        listed = ", ".join(f"{{'cost': {costs[plan]}, 'plan': '{plan}'}}" for plan in plans)
        keys = ", ".join(self.asked.keys)
        each = [
            f"(select {keys}, count(*) as n from {table} group by {keys})" for table in (self.events, self.observed)
        ]
        return (
            f"select list_sort([{listed}])[1].plan as plan\nfrom (\nselect "
            f"(select count(*) from {self.events})::DOUBLE as events, "
            f"(select count(*) from {self.observed})::DOUBLE as observed, "
            f"(select coalesce(sum(e.n::DOUBLE * o.n), 0) from {each[0]} as e join {each[1]} as o "
            f"on {self.asked.same_keys('e', 'o')}) as pairs\n) as c"
        )
