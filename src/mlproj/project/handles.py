"""What `Project` hands out: a feature group, a feature view, a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproj.compiler.text import identifier, identifiers, total_order
from mlproj.diagnostics import did_you_mean, fail
from mlproj.executor.publication import consumer_sql
from mlproj.executor.scoring import LoadedModel, load_model, transformed_frame, with_on_demand
from mlproj.planner.masking import said
from mlproj.ports import EngineError
from mlproj.project.as_of import AsOf, dataset_as_of, group_as_of
from mlproj.project.input_files import file_relation, output_format_of
from mlproj.project.model_names import resolve_model
from mlproj.project.preview import hidden_anywhere, hidden_of
from mlproj.state import (
    Column,
    Commit,
    GroupNode,
    ModelVersion,
    Published,
    SourceNode,
    TargetState,
    TrainingDataset,
    ViewNode,
)

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    from mlproj.adapters.duckdb_engine import DuckDBEngine
    from mlproj.planner.rollback import Rollback
    from mlproj.project.aliases import Promotion
    from mlproj.project.historical import Frame
    from mlproj.project.project import Project


def published_node(state: TargetState, kind: str, name: str, version: int | None) -> Published:
    """The published row of a node, the highest version where None. Raises E504 where there is none."""
    rows = {
        p.node.version: p
        for p in state.published.values()
        if p.node.kind == kind and p.node.name == name and not isinstance(p.node, SourceNode)
    }
    wanted = version or max(rows, default=0)
    if wanted in rows:
        return rows[wanted]
    label = kind.replace("_", " ")
    known = sorted({n.partition(":")[2] for n in state.published if n.startswith(f"{kind}:")})
    asked = f"{name}@{version}" if version else name
    raise fail(
        "E504",
        f"{label} '{asked}' is not published in target '{state.target}'",
        hint=did_you_mean(asked, known) or "publish it: mlproj build",
        exit_code=1,
    )


class FeatureGroup:
    """A published feature group.

    `as_of` is a commit of the lake or a time (`2026-01-31`, `'2026-01-31 12:00'`, a datetime; UTC without a zone): rows
    as they stood then. Raises E506 for a commit that is not there, and for one before the first or removed since.
    """

    def __init__(self, project: Project, name: str, version: int | None) -> None:
        self._project = project
        self._row = published_node(project.state(), "feature_group", name, version)
        assert isinstance(self._row.node, GroupNode)
        self.node: GroupNode = self._row.node

    def query(self, as_of: AsOf | None = None) -> str:
        """SQL that reads the contract's columns as published, or all that the group had then."""
        if as_of is not None:
            return group_as_of(self._project, self.node, as_of)
        self._project.session.lake.relation(self._row.table or "")
        if self._row.table is None:  # what was published of a view is the view itself, which pins what it reads
            view = f"{identifier(self._project.target_name)}.{identifier(f'{self.node.name}_v{self.node.version}')}"
            return f"select {identifiers(f.name for f in self.node.features)} from lake.{view}"
        return consumer_sql(self.node, self._row, {})

    def stored(self, as_of: AsOf | None = None) -> str:
        """SQL that reads all that is stored of its rows, the events of windows included."""
        if as_of is not None:
            return group_as_of(self._project, self.node, as_of, stored=True)
        if self._row.table is None or self.node.aggregate is None:
            return self.query()
        return f"select * from {self._project.session.lake.relation(self._row.table, self._row.commit)}"

    def history(self) -> list[Commit]:
        """Its data commits, oldest first."""
        return self._project.session.reader.history(self.node.id, self._project.target_name)

    def rollback(self, to: str | int, *, because: str | None = None, dry_run: bool = False) -> Rollback:
        """Make its rows those of a commit, a build or a time again, in a new commit; it is held from then on."""
        return self._project.rollback(self.node.id, to=str(to), because=because, dry_run=dry_run)

    def read(self, as_of: AsOf | None = None) -> pd.DataFrame:
        """Rows × features as a pandas DataFrame."""
        frame: pd.DataFrame = self.arrow(as_of).to_pandas()
        return frame

    def arrow(self, as_of: AsOf | None = None) -> pa.Table:
        """Rows × features as an Arrow table."""
        return self._project.session.engine.arrow(self.query(as_of))

    def relation(self, as_of: AsOf | None = None) -> duckdb.DuckDBPyRelation:
        """A lazy DuckDB relation, usable until the project is closed."""
        return self._project.session.engine.cursor().sql(self.query(as_of))


class FeatureView:
    """A published feature view and its current training dataset; `as_of` as in `FeatureGroup`: that of then."""

    def __init__(self, project: Project, name: str, version: int | None, *, as_of: AsOf | None = None) -> None:
        self.project = project
        state = project.state()
        row = published_node(state, "feature_view", name, version)
        assert isinstance(row.node, ViewNode)
        self.node: ViewNode = row.node
        newest = state.training_datasets.get(self.node.id)
        if newest is None:
            raise fail("E504", f"{self.node.relation} has no training dataset yet", hint="mlproj build", exit_code=1)
        dataset = newest if as_of is None else dataset_as_of(project, self.node, as_of)
        self.dataset: TrainingDataset = dataset

    @property
    def engine(self) -> DuckDBEngine:
        return self.project.session.engine

    def query(self, split: str | None = None) -> str:
        """SQL of the training dataset's rows in key order.

        Keys, features as transformed, label, passenger, and `split` where all are asked for.
        """
        dataset = self.dataset
        relation = self.project.session.lake.relation(dataset.table, dataset.commit)
        rest = [c.name for c in dataset.columns if c.name not in (*dataset.keys, "split")]
        where = f" where split = '{split}'" if split else ""
        names = [*dataset.keys, *rest] if split else [*dataset.keys, *rest, "split"]
        return f"select {identifiers(names)} from {relation}{where} order by {total_order(dataset.keys, rest)}"

    def read(self) -> pd.DataFrame:
        """The whole training dataset, with its `split` column."""
        frame: pd.DataFrame = self.engine.arrow(self.query()).to_pandas()
        return frame

    def train_test_split(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series[Any], pd.Series[Any]]:
        """X_train, X_test, y_train, y_test: features as transformed, and the label.

        Raises E504 where there is no label.
        """
        label = self.dataset.label
        if label is None:
            raise fail("E504", f"{self.node.relation} has no label", hint="give the view a `label:`")
        frame = self.read()
        features = list(self.dataset.features)
        training, test = frame[frame["split"] == "training"], frame[frame["split"] == "test"]
        return training[features], test[features], training[label], test[label]

    def export(self, folder: Path, file_format: str) -> dict[Path, int]:
        """One file per split that has rows, `training.parquet` and so on; returns rows by file."""
        written: dict[Path, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for split, rows in self.dataset.rows.items():
            if rows:
                path = folder / f"{split}.{file_format}"
                written[path] = self.engine.copy_to(self.query(split), path, file_format)
        return written

    def historical(self, entities: Frame, *, as_of: AsOf | None = None, transform: bool = False) -> Frame:
        """Your own observations, in their order, with the joined features as of the time of each beside them.

        `entities` is a pandas DataFrame or an Arrow table with the keys of the view's joins and, where its base has an
        event_time, a column of that name. No row goes, whatever the joins, the filter or the split say. Groups are read
        as published, or as they stood `as_of` then. With `transform` the features of the base are needed too, and all
        features come out as the newest training dataset has them. Raises E630 where the observations do not fit.
        """
        from mlproj.project.historical import historical

        found: Frame = historical(self, entities, as_of, transform=transform)
        return found

    def joined(self, relation: str) -> FeatureGroup:
        """A published group that it joins, by `name@version`."""
        name, _, version = relation.partition("@")
        return FeatureGroup(self.project, name, int(version))


class Model:
    """A registered model version.

    `name@version.run` and `name@alias` are what they say; `name@version` is the newest run of it that passed its tests;
    `name` the champion, else the newest that passed. Loading checks every artifact and replays the golden rows.
    """

    def __init__(self, project: Project, reference: str) -> None:
        self._project = project
        self.version: ModelVersion = resolve_model(project, reference)
        self._loaded: LoadedModel | None = None

    def promote(self, alias: str, *, because: str = "", force: bool = False) -> Promotion:
        """Let `name@alias` mean this version. Raises E535 where its tests failed, unless forced with a reason."""
        from mlproj.project.aliases import promote

        return promote(self._project, self.version.id, alias, because=because, force=force)

    def load(self) -> LoadedModel:
        if self._loaded is None:
            from mlproj.adapters.trainers import trainer_for

            manifest = self.version.manifest
            self._loaded = load_model(
                manifest,
                self._project.session.artifacts,
                trainer_for(manifest.model.estimator, self._project.root),
                self.version.id,
                hidden_of(self._project, manifest.view),
            )
        return self._loaded

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Predictions for raw features, one row each: `prediction`, and for classifiers `probability_<class>`."""
        import pyarrow as pa

        frame = self._score(self._relation_of(pa.Table.from_pandas(features, preserve_index=False)))
        frame.index = features.index
        return frame

    def predict_file(self, source: Path, target: Path | None) -> tuple[pd.DataFrame, int]:
        """Score a csv or parquet file; the rows with their predictions go to `target`, whole or not at all."""
        relation = file_relation(self._project, source)
        engine = self._project.session.engine
        try:
            engine.create_table("scoring", f"select * from {relation}")
        except EngineError as error:
            raise fail(
                "E610",
                f"cannot read {source.name}: {said(error, hidden_anywhere(self._project))}",
                hint="a csv file with a header, or a parquet file",
            ) from error
        frame = self._score(identifier("scoring"))
        rows: pd.DataFrame = engine.arrow(f"select * from {identifier('scoring')}").to_pandas()
        for name in frame.columns:
            rows[name] = frame[name].to_numpy()
        if target is not None:
            import pyarrow as pa

            relation = self._relation_of(pa.Table.from_pandas(rows, preserve_index=False))
            engine.copy_to(f"select * from {relation}", target, output_format_of(target))
        return rows, len(rows)

    def _relation_of(self, table: pa.Table) -> str:
        """The table under a name that the engine reads."""
        self._project.session.engine.cursor().register("mlproj_input", table)
        return identifier("mlproj_input")

    def _score(self, relation: str) -> pd.DataFrame:
        import pandas as pd

        manifest, engine = self.version.manifest, self._project.session.engine
        present = {c.name for c in engine.describe(f"select * from {relation}")}
        asked = {f.name: manifest.on_demand.get(f.name) for f in manifest.inputs if f.name not in present}
        wanted = dict.fromkeys(i for name, feature in asked.items() for i in (feature.inputs if feature else (name,)))
        missing = [name for name in wanted if name not in present]
        relation = with_on_demand(relation, present, manifest.on_demand)
        if missing:
            near = did_you_mean(missing[0], present)
            raise fail(
                "E610",
                f"the input has no column {', '.join(repr(m) for m in missing)}",
                hint=near or f"{self.version.id} reads {', '.join(f.name for f in manifest.inputs)}",
            )
        casts = ", ".join(f"{identifier(f.name)}::{f.type} as {identifier(f.name)}" for f in manifest.inputs)
        self._refuse_nulls(relation)
        inputs = [Column(name=f.name, type=f.type) for f in manifest.inputs]
        self._project.session.own_functions.provide(manifest.statistics.chains)
        try:
            features = transformed_frame(engine, f"(select {casts} from {relation}) as t", inputs, manifest.statistics)
        except EngineError as error:
            raise fail(
                "E610",
                f"the input does not fit {self.version.id}: {said(error, hidden_anywhere(self._project))}",
                hint=f"it reads {', '.join(f'{f.name} {f.type}' for f in manifest.inputs)}",
            ) from error
        predictions = self.load().predict(features)
        columns: dict[str, Any] = {"prediction": predictions.labels}
        if predictions.probabilities is not None and predictions.classes is not None:
            for index, value in enumerate(predictions.classes):
                columns[f"probability_{value}"] = predictions.probabilities[:, index]
        return pd.DataFrame(columns)

    def _refuse_nulls(self, relation: str) -> None:
        """Raises E610 for nulls in what the signature says is never null: the model has not learnt what they mean."""
        never = [f.name for f in self.version.manifest.inputs if not f.nullable]
        if not never:
            return
        counts = ", ".join(f"count(*) - count({identifier(name)})" for name in never)
        row = self._project.session.engine.rows(f"select {counts} from {relation}")[0]
        found = [f"{name} ({count} rows)" for name, count in zip(never, row, strict=True) if count]
        if found:
            hint = f"{self.version.id} was trained without nulls there: fill them, or leave these rows out"
            raise fail("E610", f"the input has nulls in {', '.join(found)}", hint=hint)
