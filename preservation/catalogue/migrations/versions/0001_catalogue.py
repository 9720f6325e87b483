"""The catalogue as first designed, and a ledger that the database itself refuses to change."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UNFINISHED = "state IN ('planned', 'staged')"
REFUSAL = "the ledger is append-only"
NO_REPLACE = """
    CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
    WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq OR previous = NEW.previous OR digest = NEW.digest)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
"""


def upgrade() -> None:
    """Create every table, and the triggers that hold the ledger."""
    _tables()
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _postgresql(connection)
    else:
        _sqlite(connection)


def _sqlite(connection: sa.Connection) -> None:
    for act in ("UPDATE", "DELETE"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER ledger_no_{act.lower()} BEFORE {act} ON ledger BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )
    # INSERT OR REPLACE removes rows without asking the trigger above.
    connection.exec_driver_sql(NO_REPLACE)


def _postgresql(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        f"CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    connection.exec_driver_sql(
        "CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
    )


def _tables() -> None:
    op.create_table(
        "consents",
        sa.Column("record_id", sa.String(length=26), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=True),
        sa.CheckConstraint("(revision = 1) = (previous_sha256 IS NULL)", name=op.f("ck_consents_chain")),
        sa.PrimaryKeyConstraint("record_id", "revision", name=op.f("pk_consents")),
    )
    op.create_table(
        "findings",
        sa.Column("finding_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=False),
        sa.Column("site", sa.String(length=31), nullable=False),
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("depth", sa.String(length=20), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_run_id"), "findings", ["run_id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
        sa.UniqueConstraint("digest", name=op.f("uq_ledger_digest")),
        sa.UniqueConstraint("previous", name=op.f("uq_ledger_previous")),
    )
    op.create_index(op.f("ix_ledger_subject"), "ledger", ["subject"], unique=False)
    op.create_table(
        "packages",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("account_ref", sa.String(length=26), nullable=False),
        sa.Column("record_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.CheckConstraint("state IN ('held', 'withdrawn', 'erased')", name=op.f("ck_packages_state")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_packages")),
        sa.UniqueConstraint("account_ref", name=op.f("uq_packages_account_ref")),
    )
    op.create_index(op.f("ix_packages_record_id"), "packages", ["record_id"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("site", sa.String(length=31), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("package_id", "site", "key", name=op.f("pk_receipts")),
    )
    op.create_table(
        "tombstones",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("record_id", sa.String(length=26), nullable=False),
        sa.Column("accession_month", sa.String(length=7), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=32), nullable=False),
        sa.Column("erased_at", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("sites", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_tombstones")),
    )
    op.create_table(
        "deposits",
        sa.Column("deposit_id", sa.String(length=26), nullable=False),
        sa.Column("record_id", sa.String(length=26), nullable=False),
        sa.Column("account_ref", sa.String(length=26), nullable=False),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("package_id", sa.String(length=26), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("bytes_received", sa.BigInteger(), nullable=False),
        sa.Column("files_received", sa.Integer(), nullable=False),
        sa.Column("recognised_by", sa.String(length=64), nullable=False),
        sa.Column("refusal", sa.String(length=60), server_default="", nullable=False),
        sa.CheckConstraint("state IN ('received', 'accessioned', 'refused', 'withdrawn')", name=op.f("ck_deposits_state")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.package_id"], name=op.f("fk_deposits_package_id")),
        sa.PrimaryKeyConstraint("deposit_id", name=op.f("pk_deposits")),
    )
    op.create_index(op.f("ix_deposits_recognised_by"), "deposits", ["recognised_by"], unique=False)
    op.create_index(op.f("ix_deposits_record_id"), "deposits", ["record_id"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("site", sa.String(length=31), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.Column("done_at", sa.String(length=32), nullable=True),
        sa.Column("objects", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("state IN ('open', 'done')", name=op.f("ck_erasures_state")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.package_id"], name=op.f("fk_erasures_package_id")),
        sa.PrimaryKeyConstraint("package_id", "site", name=op.f("pk_erasures")),
    )
    op.create_table(
        "heads",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("site", sa.String(length=31), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.package_id"], name=op.f("fk_heads_package_id")),
        sa.PrimaryKeyConstraint("package_id", "site", name=op.f("pk_heads")),
    )
    op.create_table(
        "items",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("item_id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(length=40), nullable=False),
        sa.Column("visibility", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("scope_revision", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["packages.package_id"], name=op.f("fk_items_package_id")),
        sa.PrimaryKeyConstraint("package_id", "item_id", name=op.f("pk_items")),
    )
    op.create_table(
        "versions",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("deposit_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("inventory_sha512", sa.String(length=128), nullable=True),
        sa.Column("left_out", sa.Text(), server_default="{}", nullable=False),
        sa.CheckConstraint("state <> 'committed' OR inventory_sha512 IS NOT NULL", name=op.f("ck_versions_committed")),
        sa.CheckConstraint("state IN ('planned', 'staged', 'committed', 'erased')", name=op.f("ck_versions_state")),
        sa.CheckConstraint("number >= 1", name=op.f("ck_versions_number")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposits.deposit_id"], name=op.f("fk_versions_deposit_id")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.package_id"], name=op.f("fk_versions_package_id")),
        sa.PrimaryKeyConstraint("package_id", "number", name=op.f("pk_versions")),
        sa.UniqueConstraint("deposit_id", name=op.f("uq_versions_deposit_id")),
    )
    op.create_index(
        "uq_versions_unfinished",
        "versions",
        ["package_id"],
        unique=True,
        sqlite_where=sa.text(UNFINISHED),
        postgresql_where=sa.text(UNFINISHED),
    )
    op.create_table(
        "files",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit_id", sa.String(length=26), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sha512", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id", "version"], ["versions.package_id", "versions.number"], name=op.f("fk_files_package_id")
        ),
        sa.PrimaryKeyConstraint("package_id", "path", name=op.f("pk_files")),
    )
    op.create_table(
        "units",
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.CheckConstraint("kind IN ('item', 'bundle', 'description')", name=op.f("ck_units_kind")),
        sa.ForeignKeyConstraint(
            ["package_id", "version"], ["versions.package_id", "versions.number"], name=op.f("fk_units_package_id")
        ),
        sa.PrimaryKeyConstraint("unit_id", name=op.f("pk_units")),
    )
    op.create_table(
        "placements",
        sa.Column("package_id", sa.String(length=26), nullable=False),
        sa.Column("path", sa.String(length=200), nullable=False),
        sa.Column("site", sa.String(length=31), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("last_read_at", sa.String(length=32), nullable=True),
        sa.CheckConstraint("state IN ('expected', 'held', 'damaged')", name=op.f("ck_placements_state")),
        sa.ForeignKeyConstraint(
            ["package_id", "path"], ["files.package_id", "files.path"], name=op.f("fk_placements_package_id")
        ),
        sa.PrimaryKeyConstraint("package_id", "path", "site", name=op.f("pk_placements")),
    )
    op.create_table(
        "unit_items",
        sa.Column("unit_id", sa.String(length=26), nullable=False),
        sa.Column("item_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["units.unit_id"], name=op.f("fk_unit_items_unit_id")),
        sa.PrimaryKeyConstraint("unit_id", "item_id", name=op.f("pk_unit_items")),
    )
