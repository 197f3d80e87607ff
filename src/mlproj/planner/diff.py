"""Manifest × state → what changed, node by node, and whom it touches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mlproj.compiler.manifest import Manifest
from mlproj.planner.freshness import Freshness
from mlproj.planner.columns import told
from mlproj.planner.group_rules import compare_groups
from mlproj.planner.impact import Dependants, impact
from mlproj.planner.model_rules import compare_models, compare_signatures
from mlproj.planner.plan import Change, ChangeKind, Reason
from mlproj.planner.training_data import digest_read, inputs_of, wanted_columns, why_remake
from mlproj.planner.view_rules import compare_views
from mlproj.state import GroupNode, ModelNode, Node, Published, TargetState, ViewNode

_WORST: tuple[ChangeKind, ...] = ("breaking", "new", "additive", "stale", "metadata", "removed")


def diff(
    manifest: Manifest,
    state: TargetState,
    source_versions: Mapping[str, str],
    *,
    as_of_date: str,
    resumed: Sequence[str] = (),
) -> tuple[Change, ...]:
    """Changes in dependency order, then removals. `resumed` names the groups that are to be held no longer."""
    fresh = Freshness(manifest, state, source_versions, frozenset(resumed))
    differ = _Differ(manifest, state, fresh, as_of_date)
    found = [change for node_id in manifest.order if (change := differ.change(manifest.nodes[node_id]))]
    return (*found, *differ.removals())


class _Differ:
    def __init__(
        self,
        manifest: Manifest,
        state: TargetState,
        fresh: Freshness,
        as_of_date: str,
    ) -> None:
        self._manifest, self._state, self._fresh = manifest, state, fresh
        self._today = as_of_date
        self._broken: set[str] = set()  # nodes with a breaking change, and what stands below them
        # Whom a change touches is decided by what was published: that is what is in use.
        published = {n: p.node for n, p in state.published.items() if n in manifest.nodes}
        self._dependants = Dependants({**manifest.nodes, **published}, manifest.order, state)

    def change(self, node: Node) -> Change | None:
        published = self._state.published.get(node.id)
        if self._broken.intersection(node.depends_on):
            self._broken.add(node.id)
        match node:
            case GroupNode():
                reasons = self._group(node, published)
            case ViewNode():
                reasons = self._view(node, published)
            case ModelNode():
                reasons = self._model(node, published)
            case _:
                return None
        return self._judge(node.id, reasons) if reasons else None

    def _judge(self, node_id: str, reasons: list[Reason]) -> Change:
        worst = min((r.change for r in reasons), key=_WORST.index)
        affected, unaffected = impact(node_id, reasons, self._dependants) if worst == "breaking" else ((), ())
        needs_bump = worst == "breaking"
        if needs_bump:
            self._broken.add(node_id)
        return Change(
            node=node_id,
            change=worst,
            reasons=tuple(reasons),
            needs_bump=needs_bump,
            bump_to=self._next_version(node_id) if needs_bump else None,
            elsewhere=needs_bump and self._is_untouched(node_id),
            affected=affected,
            unaffected=unaffected,
        )

    def _is_untouched(self, node_id: str) -> bool:
        node, published = self._manifest.nodes.get(node_id), self._state.published.get(node_id)
        return bool(node and published and node.source_text and node.source_text == published.node.source_text)

    def _next_version(self, node_id: str) -> int:
        """The highest version of this name, declared or published, plus one."""
        stem = node_id.rpartition("@")[0] + "@"
        known = [n for n in (*self._manifest.nodes, *self._state.published) if n.startswith(stem)]
        return max(int(n.rpartition("@")[2]) for n in known) + 1

    def _group(self, node: GroupNode, published: Published | None) -> list[Reason]:
        if published is None:
            return [_reason(node, "new", "new", f"{node.relation} is new")]
        reasons = compare_groups(node, published)
        if self._fresh.stays(node, published):
            reasons = [r for r in reasons if r.rule != "increment_changed"]
        stale = self._fresh.reason(node, published)
        if stale:
            reasons.append(stale)
        elif published.node.fingerprints.deep != node.fingerprints.deep and not any(
            r.change != "metadata" for r in reasons
        ):
            if published.node.fingerprints.local != node.fingerprints.local:
                reasons.append(_reason(node, "definition_changed", "stale", "its definition changed"))
            else:
                reasons.append(_reason(node, "upstream_changed", "stale", self._upstream(node)))
        return reasons

    def _upstream(self, node: GroupNode) -> str:
        used = {*node.shape.uses, *(symbol for feature in node.features for symbol in feature.uses)}
        moved = told(used, self._state.published, self._manifest)
        return f"it uses {moved}, defined otherwise now" if moved else "a group that it reads is defined otherwise"

    def _view(self, node: ViewNode, published: Published | None) -> list[Reason]:
        if published is None or not isinstance(published.node, ViewNode):
            return [_reason(node, "new", "new", f"view {node.relation} is new")]
        reasons = compare_views(published.node, node)
        why = self._why_remake(node, wanted_columns(node, self._manifest, self._state))
        if why and all(r.change in ("metadata", "additive") for r in reasons):
            reasons.append(_reason(node, why[0], "stale", why[1]))
        return reasons

    def _why_remake(self, view: ViewNode, wanted: Collection[str]) -> tuple[str, str] | None:
        dataset = self._state.training_datasets.get(view.id)
        return why_remake(view, dataset, self._state, self._manifest, self._fresh.moved, wanted)

    def _model(self, node: ModelNode, published: Published | None) -> list[Reason]:
        version = self._state.model_versions.get(node.id)
        if version is None or published is None:
            return [_reason(node, "new", "new", f"model {node.relation} is new")]
        reasons = compare_models(version.manifest.model, node)
        if published.node.fingerprints.metadata != node.fingerprints.metadata and not any(
            r.rule == "metadata" for r in reasons
        ):
            reasons.append(_reason(node, "metadata", "metadata", "its description, metrics or tests changed"))
        if isinstance(published.node, ModelNode) and published.node.fingerprints.metadata == node.fingerprints.metadata:
            reasons = [r for r in reasons if r.rule != "metadata"]
        view = self._manifest.view(node.feature_view)
        if view.id not in self._broken:  # what is breaking above is said there, and let through there
            reasons += compare_signatures(node, view, self._state)
        inputs = inputs_of(node, view, self._state)
        dataset = self._state.training_datasets.get(view.id)
        why = self._why_remake(view, inputs)
        if why:
            said = f"its training dataset is made anew: {why[1]}"
            reasons.append(_reason(node, "training_data_changed", "stale", said))
        elif dataset and digest_read(dataset, inputs) != version.manifest.training_digest:
            reasons.append(
                _reason(node, "training_data_changed", "stale", f"{dataset.name} is newer than what it was trained on")
            )
        if version.status == "failed" and not reasons:
            reasons.append(_reason(node, "tests_failed", "stale", f"the tests of {version.id} failed"))
        return reasons

    def removals(self) -> list[Change]:
        found: list[Change] = []
        for node_id, published in sorted(self._state.published.items()):
            if node_id in self._manifest.nodes:
                continue
            node = published.node
            deadline = getattr(node, "deprecated_after", None)
            if isinstance(node, ModelNode) or (deadline and deadline < self._today):
                said = (
                    f"{_relation(node_id)} was deprecated after {deadline}; this is as of {self._today}"
                    if deadline
                    else f"{_relation(node_id)} is no longer declared"
                )
                reason = Reason(rule="removed", change="removed", message=said, span=node.span)
            else:
                until = f"; it may go after {deadline}, and this is as of {self._today}" if deadline else ""
                reason = Reason(
                    rule="removed",
                    change="breaking",
                    message=f"{_relation(node_id)} was published and is gone{until}",
                    span=node.span,
                )
            found.append(self._judge(node_id, [reason]))
        return found


def _relation(node_id: str) -> str:
    return node_id.partition(":")[2]


def _reason(node: Node, rule: str, change: ChangeKind, message: str) -> Reason:
    return Reason(rule=rule, change=change, message=message, span=node.span)
