"""The ports in memory: what the passes are tested with. Each passes the contract suite of its port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from mlproj.state import (
    BuildRecord,
    Commit,
    Evaluation,
    Event,
    JournalStep,
    Made,
    ModelManifest,
    ModelNode,
    ModelVersion,
    Publication,
    Published,
    RowChanges,
    StepResult,
    TargetState,
    TrainingDataset,
)
from mlproj.state.published import KnownNodes


class MemoryState:
    """`ports.StateReader` and `ports.StateStore` over lists; `aliases` maps a target to its `name@alias` → version."""

    def __init__(self) -> None:
        self.aliases: dict[str, dict[str, str]] = defaultdict(dict)
        self._published: dict[str, dict[str, Published]] = defaultdict(dict)
        self._datasets: dict[str, list[TrainingDataset]] = defaultdict(list)
        self._commits: dict[str, list[Commit]] = defaultdict(list)
        self._versions: list[ModelVersion] = []
        self._builds: dict[str, BuildRecord] = {}
        self._applied: dict[str, list[str]] = defaultdict(list)
        self._events: list[Event] = []
        self._publications: list[Publication] = []
        self._pointers: dict[tuple[str, str], int] = {}

    def load(self, target: str, known: KnownNodes | None = None) -> TargetState:
        foreign = {
            table
            for other in {*self._published, *self._datasets} - {target}
            for table in [p.table for p in self._published[other].values() if (p.owner or other) != target]
            + [d.table for d in self._datasets[other]]
            if table is not None
        }
        return TargetState(
            target=target,
            published=dict(self._published[target]),
            training_datasets=self._newest_datasets(target),
            model_versions={
                f"model:{v.name}@{v.version}": v
                for v in self.model_versions(target)
                if self._pointers.get((target, f"model:{v.name}@{v.version}"), v.run) == v.run
            },
            trained=tuple(v.trained for v in self.model_versions(target)),
            aliases=dict(self.aliases[target]),
            foreign_tables=tuple(sorted(foreign)),
            last_publication=self._applied[target][-1] if self._applied[target] else None,
            kept=self._kept(target),
            neighbours=tuple(
                self._neighbour(target, other)
                for other in sorted(self._published)
                if other != target and self._published[other]
            ),
        )

    def _newest_datasets(self, target: str) -> dict[str, TrainingDataset]:
        return {
            d.view: d
            for d in sorted(self._datasets[target], key=lambda d: d.number)
            if self._pointers.get((target, d.view), d.number) == d.number
        }

    def _neighbour(self, target: str, other: str) -> TargetState:
        own, datasets = self._published[target], self._newest_datasets(target)
        return TargetState(
            target=other,
            published={
                n: row
                for n, row in sorted(self._published[other].items())
                if row.node.kind == "model"
                or (row.node.kind == "feature_group" and (row.table is None or not _same_rows(own.get(n), row)))
            },
            training_datasets={v: d for v, d in self._newest_datasets(other).items() if datasets.get(v) != d},
            model_versions={
                f"model:{v.name}@{v.version}": v
                for v in self._versions
                if v.target == other and v not in self.model_versions(target)
            },
        )

    def _kept(self, target: str) -> dict[str, Made]:
        order = list(self._builds)
        return {
            step.node: step.made
            for build in self._builds.values()
            for step in build.steps
            if step.made and build.target == target and build.status != "ok"
            if (row := self._published[target].get(step.node)) is None
            or order.index(build.id) > (order.index(row.build_id) if row.build_id in order else -1)
        }

    def history(self, node: str, target: str) -> list[Commit]:
        return [c for c in self._commits[target] if c.node == node]

    def model_versions(self, target: str, name: str | None = None) -> list[ModelVersion]:
        adopted = {e.subject for e in self.events(target) if e.what == "model_adopted"}
        found = [v for v in self._versions if (v.target == target or v.id in adopted) and name in {None, v.name}]
        return sorted(found, key=lambda v: (v.name, v.version, v.run))

    def training_datasets(self, target: str, view: str) -> list[TrainingDataset]:
        return sorted((d for d in self._datasets[target] if d.view == view), key=lambda d: d.number)

    def builds(self, target: str, limit: int = 20) -> list[BuildRecord]:
        return [b for b in reversed(self._builds.values()) if b.target == target][:limit]

    def events(self, target: str) -> list[Event]:
        return [e for e in self._events if e.target == target]

    def publications(self, target: str) -> list[Publication]:
        return [p for p in self._publications if p.target == target]

    def move_alias(self, alias: str, event: Event) -> None:
        detail = {**event.detail, "from": self.aliases[event.target].get(alias)}
        self._point(event.target, alias, detail.get("to"))
        self._log(event.target, event.at, event.who, event.what, alias, detail)

    def _point(self, target: str, alias: str, to: object) -> None:
        self.aliases[target].pop(alias, None)
        if to:
            self.aliases[target][alias] = str(to)

    def begin_build(self, build: BuildRecord) -> None:
        for other in list(self._builds.values()):
            if other.target == build.target and other.status == "running":
                self._builds[other.id] = other.model_copy(update={"status": "killed"})
        self._builds[build.id] = build

    def record_steps(self, build_id: str, results: Sequence[StepResult]) -> None:
        build = self._builds[build_id]
        journal = [s if isinstance(s, JournalStep) else JournalStep(**s.model_dump()) for s in results]
        steps = {(s.node, s.action): s for s in (*build.steps, *journal)}
        self._builds[build_id] = build.model_copy(update={"steps": tuple(steps.values())})

    def end_build(self, build_id: str, status: str, at: str) -> None:
        self._builds[build_id] = self._builds[build_id].model_copy(update={"status": status, "ended_at": at})

    def apply_publication(self, publication: Publication, commit: int) -> None:
        target, build_id = publication.target, publication.build_id
        if build_id in self._applied[target]:
            return
        self._applied[target].append(build_id)
        self._publications.append(publication)
        for id_, row in publication.published.items():
            self._published[target][id_] = Published.model_validate(row)
            self._append_commit(publication, id_)
        for row in publication.training_datasets.values():
            dataset = TrainingDataset.model_validate(row)
            if dataset.number not in {d.number for d in self.training_datasets(target, dataset.view)}:
                self._datasets[target].append(dataset)
            self._pointers.pop((target, dataset.view), None)
        for id_ in publication.removed:
            self._published[target].pop(id_, None)
        detail = {
            "commit": commit,
            "published": sorted(publication.published),
            "training_datasets": sorted(publication.training_datasets),
            "removed": sorted(publication.removed),
        }
        self._log(target, publication.at, publication.author, "published", f"build {build_id}", detail)
        self._pointers |= {(target, node): number for node, number in publication.current.items()}
        for alias, to in publication.aliases.items():
            moved = {"from": self.aliases[target].get(alias), "to": to, "because": publication.message}
            self._point(target, alias, to)
            at, who = publication.at, publication.author
            self._log(target, at, who, "alias_moved", alias, {**moved, "how": "rollback"})

    def register_model(
        self, target: str, manifest: ModelManifest, manifest_hash: str, evaluation: Evaluation, at: str
    ) -> ModelVersion:
        node, build_id = manifest.model, evaluation.build_id
        runs = [v.run for v in self._versions if (v.name, v.version) == (node.name, node.version)]
        version = ModelVersion(
            name=node.name,
            version=node.version,
            run=max(runs, default=0) + 1,
            target=target,
            manifest_hash=manifest_hash,
            manifest=manifest,
            evaluation=evaluation,
            build_id=build_id,
            created_at=at,
        )
        self._versions.append(version)
        self._pointers.pop((target, node.id), None)
        self._published[target][node.id] = Published(node=node, build_id=build_id, published_at=at)
        detail = {"build_id": build_id, "manifest_hash": manifest_hash, "status": evaluation.status}
        detail["definition"] = node.model_dump(mode="json")
        self._log(target, at, self._author(build_id), "model_registered", version.id, detail)
        return version

    def add_evaluation(self, target: str, version: ModelVersion, node: ModelNode, evaluation: Evaluation) -> None:
        place = next(i for i, known in enumerate(self._versions) if known.id == version.id)
        self._versions[place] = self._versions[place].model_copy(update={"evaluation": evaluation})
        at, build_id = evaluation.at, evaluation.build_id
        self._published[target][node.id] = Published(node=node, build_id=build_id, published_at=at)
        detail = {"build_id": build_id, "status": evaluation.status, "definition": node.model_dump(mode="json")}
        if version.target != target and version.id not in {v.id for v in self.model_versions(target)}:
            self._pointers[target, node.id] = version.run
            detail["from"] = version.target
            self._log(target, at, self._author(build_id), "model_adopted", version.id, detail)
        else:
            self._log(target, at, self._author(build_id), "model_evaluated", version.id, detail)

    def _append_commit(self, publication: Publication, id_: str) -> None:
        entry = self._published[publication.target][id_]
        last = [c.commit for c in self.history(id_, publication.target)][-1:]
        if entry.node.kind != "feature_group" or entry.commit is None or entry.table is None or [entry.commit] == last:
            return
        commit = Commit(
            node=id_,
            commit=entry.commit,
            table=entry.table,
            rows=entry.rows or 0,
            build_id=publication.build_id,
            author=publication.author,
            message=publication.message or f"build {publication.build_id}",
            at=publication.at,
            **publication.changes.get(id_, RowChanges()).model_dump(),
            kind=publication.kind,
        )
        self._commits[publication.target].append(commit)

    def _author(self, build_id: str) -> str:
        return self._builds[build_id].author if build_id in self._builds else build_id

    def _log(self, target: str, at: str, who: str, what: str, subject: str, detail: dict[str, object]) -> None:
        event = {"at": at, "target": target, "who": who, "what": what, "subject": subject, "detail": detail}
        self._events.append(Event.model_validate(event))


def _same_rows(one: Published | None, other: Published) -> bool:
    return one is not None and (one.table, one.commit) == (other.table, other.commit)
