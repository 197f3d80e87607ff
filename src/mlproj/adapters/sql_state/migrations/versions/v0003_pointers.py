"""What is current where it is not the newest, and commits that are published again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pointers",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("target", "node", name="pk_pointers"),
    )
    with op.batch_alter_table("commits") as commits:
        commits.drop_constraint("uq_commits_target_node_commit", type_="unique")
        commits.create_unique_constraint(
            "uq_commits_target_node_commit_build_id", ["target", "node", "commit", "build_id"]
        )
