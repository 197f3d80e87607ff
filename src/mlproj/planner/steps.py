"""Changes → steps, in the order in which they are done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlproj.compiler.manifest import Manifest
from mlproj.diagnostics import Diagnostic
from mlproj.planner.backfills import said
from mlproj.planner.increments import row_action
from mlproj.planner.plan import Change, HeldNode, Plan, PlanStep, Scope
from mlproj.state import GroupNode, ModelNode, TargetState, ViewNode
from mlproj.state.runs import ROW_ACTIONS

FULL_REFRESH = "full refresh"


@dataclass(frozen=True)
class Options:
    """What the user asked of a plan; `selected` None means all nodes."""

    target: str
    as_of_date: str
    selected: frozenset[str] | None = None
    full_refresh: bool = False
    basis: Mapping[str, str] | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    held: tuple[HeldNode, ...] = ()
    backfill: Scope | None = None
    backfilled: frozenset[str] = frozenset()


def make_plan(changes: Sequence[Change], manifest: Manifest, state: TargetState, options: Options) -> Plan:
    """The plan. What is breaking, or hangs on it, gets no steps."""
    selected = options.selected
    chosen = [c for c in changes if selected is None or c.node in selected or _breaks_one_of(c, selected)]
    blocked = {c.node for c in chosen if c.needs_bump}
    blocked |= {affected.node for c in chosen if c.needs_bump for affected in c.affected}
    steps = tuple(_Steps(manifest, state, options, {c.node: c for c in chosen}, blocked).all())
    return _plan(chosen, steps, manifest, options)


def review_plan(changes: Sequence[Change], manifest: Manifest, options: Options, against: str) -> Plan:
    """What differs from another definition of the project: a plan that nobody can build, and so without steps."""
    selected = options.selected
    chosen = [c for c in changes if selected is None or c.node in selected or _breaks_one_of(c, selected)]
    return _plan(chosen, (), manifest, options).model_copy(update={"against": against})


def _plan(changes: Sequence[Change], steps: tuple[PlanStep, ...], manifest: Manifest, options: Options) -> Plan:
    counts: Counter[str] = Counter(c.change for c in changes)
    names = ("new", "breaking", "additive", "metadata", "removed", "stale")
    summary = {name: counts.get(name, 0) for name in names} | {"steps": len(steps)}
    return Plan(
        project=manifest.project, target=options.target, changes=tuple(changes), steps=steps, summary=summary,
        held=tuple(h for h in options.held if options.selected is None or h.node in options.selected),
        diagnostics=(*manifest.warnings, *options.diagnostics), as_of_date=options.as_of_date,
        full_refresh=options.full_refresh, basis=dict(options.basis or {}),
    )  # fmt: skip


def _breaks_one_of(change: Change, selected: frozenset[str]) -> bool:
    """A breaking change stands in the way of what is selected below it, though it was not selected itself."""
    return change.needs_bump and any(affected.node in selected for affected in change.affected)


class _Steps:
    def __init__(
        self, manifest: Manifest, state: TargetState, options: Options, changes: dict[str, Change], blocked: set[str]
    ) -> None:
        self._manifest, self._state, self._options = manifest, state, options
        self._changes, self._blocked = changes, blocked

    def all(self) -> Iterator[PlanStep]:
        wanted = [n for n in self._manifest.order if n not in self._blocked and self._wanted(n)]
        groups = [n for n in wanted if isinstance(self._manifest.nodes[n], GroupNode)]
        steps = [step for node_id in groups for step in self._group(node_id)]
        yield from steps
        yield from self._relationships(steps)
        for node_id in wanted:
            if isinstance(self._manifest.nodes[node_id], ViewNode) and self._makes_dataset(node_id):
                yield PlanStep(action="train_data", node=node_id, reason=self._reason(node_id))
        for node_id in wanted:
            if not isinstance(self._manifest.nodes[node_id], ModelNode):
                yield PlanStep(action="publish", node=node_id, reason=self._reason(node_id))
        for change in self._changes.values():
            if change.node not in self._manifest.nodes and not change.needs_bump:
                yield PlanStep(action="drop", node=change.node, reason=change.reasons[0].message)
        for node_id in wanted:
            if isinstance(self._manifest.nodes[node_id], ModelNode):
                action = "train" if self._trains(node_id) else "test"
                yield PlanStep(action=action, node=node_id, reason=self._reason(node_id))  # type: ignore[arg-type]

    def _wanted(self, node_id: str) -> bool:
        if node_id in self._changes:
            return True
        if node_id in {h.node for h in self._options.held}:
            return False
        if node_id in self._options.backfilled:
            return True
        if not self._options.full_refresh or not isinstance(self._manifest.nodes[node_id], GroupNode):
            return False
        return self._options.selected is None or node_id in self._options.selected

    def _group(self, node_id: str) -> Iterator[PlanStep]:
        node = self._manifest.group(node_id)
        change = self._changes.get(node_id)
        rules = {r.rule for r in change.reasons} if change else set()
        rows_stand = change is not None and change.change == "metadata" and not self._options.full_refresh
        rows_stand = rows_stand and node_id not in self._options.backfilled
        if not rows_stand:
            action = row_action(node, self._state.published.get(node_id), full_refresh=self._options.full_refresh)
            action = "merge" if node_id in self._options.backfilled else action
            yield PlanStep(action=action, node=node_id, reason=self._reason(node_id))
        if (node.tests or node.unique_key) and (not rows_stand or rules & {"metadata", "nullability_tightened"}):
            yield PlanStep(action="test", node=node_id, reason=self._reason(node_id))

    def _relationships(self, steps: Sequence[PlanStep]) -> Iterator[PlanStep]:
        """Tests of groups that stand as they are, because they speak of groups that are built anew."""
        built = {step.node for step in steps if step.action in ROW_ACTIONS}
        known = self._blocked | {step.node for step in steps} | {h.node for h in self._options.held}
        selected = self._options.selected
        for node_id in self._manifest.order if built else ():
            node = self._manifest.nodes[node_id]
            if not isinstance(node, GroupNode) or node_id in known or node_id not in self._state.published:
                continue
            moved = [g for test in node.tests for g in test.reads if g in built]
            if moved and (selected is None or node_id in selected):
                yield PlanStep(action="test", node=node_id, reason=f"{moved[0].partition(':')[2]} is built anew")

    def _makes_dataset(self, node_id: str) -> bool:
        change = self._changes[node_id]
        if node_id not in self._state.training_datasets:
            return True
        return any(r.change in ("new", "breaking", "stale") for r in change.reasons)

    def _trains(self, node_id: str) -> bool:
        rules = {r.rule for r in self._changes[node_id].reasons}
        return bool(rules - {"metadata", "tests_failed"})

    def _reason(self, node_id: str) -> str:
        change = self._changes.get(node_id)
        if self._options.backfill and node_id in self._options.backfilled:
            return said(self._options.backfill)
        if change is None:
            return FULL_REFRESH
        worst = next(r for r in change.reasons if r.change == change.change)
        return worst.rule if change.change != "new" else "new"
