"""The first tables: what is published, what was trained, builds and the log.

A revision never changes once it is released, so it repeats the tables instead of importing them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_RUN = ["name", "version", "run"]
_REGISTERED = ["model_versions.name", "model_versions.version", "model_versions.run"]


def upgrade() -> None:
    _data()
    _models()
    _builds()


def _data() -> None:
    _table("meta", _text("key"), _text("value"), sa.PrimaryKeyConstraint("key", name="pk_meta"))
    _table(
        "published",
        *_texts("target", "node", "build_id"),
        _text("table", nullable=True),
        _number("commit", nullable=True),
        _text("published_json"),
        sa.PrimaryKeyConstraint("target", "node", name="pk_published"),
    )
    _table(
        "commits",
        _number("seq"),
        *_texts("target", "node"),
        _number("commit"),
        _text("table"),
        _number("rows"),
        *_texts("build_id", "author", "message", "at"),
        sa.PrimaryKeyConstraint("seq", name="pk_commits"),
        sa.UniqueConstraint("target", "node", "commit", name="uq_commits_target_node_commit"),
    )
    _table(
        "training_datasets",
        *_texts("target", "view"),
        _number("number"),
        _text("fingerprint"),
        _number("commit"),
        *_texts("table", "dataset_json"),
        sa.PrimaryKeyConstraint("target", "view", "number", name="pk_training_datasets"),
        sa.UniqueConstraint(
            "target", "view", "fingerprint", "commit", name="uq_training_datasets_target_view_fingerprint_commit"
        ),
    )


def _models() -> None:
    _table(
        "model_versions",
        _text("name"),
        *_numbers("version", "run"),
        *_texts("target", "manifest_hash", "manifest_json", "build_id", "created_at"),
        sa.PrimaryKeyConstraint(*_RUN, name="pk_model_versions"),
    )
    op.create_index("ix_model_versions_target", "model_versions", ["target"])
    _table(
        "evaluations",
        _number("seq"),
        _text("name"),
        *_numbers("version", "run"),
        *_texts("status", "evaluation_json"),
        sa.ForeignKeyConstraint(_RUN, _REGISTERED, name="fk_evaluations_name_version_run"),
        sa.PrimaryKeyConstraint("seq", name="pk_evaluations"),
    )
    op.create_index("ix_evaluations_name_version_run", "evaluations", _RUN)
    _table(
        "aliases",
        *_texts("target", "name", "alias"),
        *_numbers("version", "run"),
        sa.ForeignKeyConstraint(_RUN, _REGISTERED, name="fk_aliases_name_version_run"),
        sa.PrimaryKeyConstraint("target", "name", "alias", name="pk_aliases"),
    )


def _builds() -> None:
    _table(
        "builds",
        _number("seq"),
        *_texts("id", "target", "status", "author", "started_at"),
        _text("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_builds"),
        sa.UniqueConstraint("id", name="uq_builds_id"),
    )
    op.create_index("ix_builds_target", "builds", ["target"])
    _table(
        "steps",
        *_texts("build_id", "node", "action"),
        _number("position"),
        *_texts("status", "step_json"),
        sa.ForeignKeyConstraint(["build_id"], ["builds.id"], name="fk_steps_build_id"),
        sa.PrimaryKeyConstraint("build_id", "node", "action", name="pk_steps"),
    )
    _table(
        "publications",
        _number("seq"),
        *_texts("target", "build_id"),
        _number("commit"),
        _text("record"),
        sa.PrimaryKeyConstraint("seq", name="pk_publications"),
        sa.UniqueConstraint("target", "build_id", name="uq_publications_target_build_id"),
    )
    _table(
        "events",
        _number("seq"),
        *_texts("target", "at", "who", "what", "subject", "detail"),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
    )
    op.create_index("ix_events_target", "events", ["target"])


def _table(name: str, *items: sa.Column[str] | sa.Column[int] | sa.Constraint) -> None:
    op.create_table(name, *items)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [_text(name) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [_number(name) for name in names]
