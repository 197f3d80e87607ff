"""What a commit changed, what made it, and whether its rows are still there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("added", "changed", "deleted"):
        op.add_column("commits", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("commits", sa.Column("kind", sa.Text(), nullable=False, server_default="build"))
    op.add_column("commits", sa.Column("expired", sa.Boolean(), nullable=False, server_default=sa.false()))
