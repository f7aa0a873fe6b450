"""Which pages loaded a shop's tag, and which sent events and may not."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column(
            "kind", sa.String(), nullable=False, comment="tag: loaded it; refused: sent events and may not"
        ),
        sa.Column("origin", sa.String(), nullable=False, comment="of the page; empty: it did not tell"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="to the day"),
        sa.PrimaryKeyConstraint("shop", "kind", "origin"),
        comment="Which pages browsers were on, as far as it shows whether the tag is built in well",
        sqlite_with_rowid=False,
    )
