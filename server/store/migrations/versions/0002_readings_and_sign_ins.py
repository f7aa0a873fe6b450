"""The counts by time, and the tries at the console's password."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "readings",
        sa.Column("shop", sa.String(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False, comment="empty: the shop itself"),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column(
            "not_wanted", sa.BigInteger(), nullable=False, comment="of a shop itself: not taken at the door"
        ),
        sa.Column("dead", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shop", "vendor", "at"),
        comment="The counts as they stood once a minute: what happened between two is their difference",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sign_ins",
        sa.Column("who", sa.String(), nullable=False, comment="a keyed hash of an address; empty: everybody"),
        sa.Column("tries", sa.Integer(), nullable=False, comment="that failed"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="of the last; of everybody's: of the first"),
        sa.PrimaryKeyConstraint("who"),
        comment="Tries at the console's password, so that several web processes count together",
        sqlite_with_rowid=False,
    )
