"""The tables of the state database. A change here needs a revision in `migrations/versions`, and a test says so.

Nouns are kept as JSON text, beside the columns that are searched or constrained. Times are ISO text in UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)  # fmt: skip

# A constraint without a name cannot be altered by a later revision.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

published = Table(
    "published",
    metadata,
    Column("target", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("build_id", Text, nullable=False),
    Column("table", Text),
    Column("commit", Integer),
    Column("published_json", Text, nullable=False),
)

commits = Table(
    "commits",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("target", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("commit", Integer, nullable=False),
    Column("table", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("build_id", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("added", Integer),
    Column("changed", Integer),
    Column("deleted", Integer),
    Column("kind", Text, nullable=False, server_default="build"),
    Column("expired", Boolean, nullable=False, server_default=false()),
    # A rollback publishes a commit again.
    UniqueConstraint("target", "node", "commit", "build_id"),
)

training_datasets = Table(
    "training_datasets",
    metadata,
    Column("target", Text, primary_key=True),
    Column("view", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("commit", Integer, nullable=False),
    Column("table", Text, nullable=False),
    Column("dataset_json", Text, nullable=False),
    UniqueConstraint("target", "view", "fingerprint", "commit"),
)

# The key spans targets: `name@version.run` means one model version, wherever it was trained.
model_versions = Table(
    "model_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("run", Integer, primary_key=True),
    Column("target", Text, nullable=False),
    Column("manifest_hash", Text, nullable=False),
    Column("manifest_json", Text, nullable=False),
    Column("build_id", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Index(None, "target"),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("evaluation_json", Text, nullable=False),
    ForeignKeyConstraint(
        ["name", "version", "run"], ["model_versions.name", "model_versions.version", "model_versions.run"]
    ),
    Index(None, "name", "version", "run"),
)

aliases = Table(
    "aliases",
    metadata,
    Column("target", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("alias", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    ForeignKeyConstraint(
        ["name", "version", "run"], ["model_versions.name", "model_versions.version", "model_versions.run"]
    ),
)

# Only what a rollback made current in place of the newest: a training dataset's number, or a model's run; 0 for none.
pointers = Table(
    "pointers",
    metadata,
    Column("target", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("number", Integer, nullable=False),
)

builds = Table(
    "builds",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("target", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Index(None, "target"),
)

steps = Table(
    "steps",
    metadata,
    Column("build_id", Text, ForeignKey("builds.id"), primary_key=True),
    Column("node", Text, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("step_json", Text, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("target", Text, nullable=False),
    Column("build_id", Text, nullable=False),
    Column("commit", Integer, nullable=False),
    Column("record", Text, nullable=False),
    UniqueConstraint("target", "build_id"),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("target", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "target"),
)
