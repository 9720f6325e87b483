"""The catalogue's tables. A rule a database can hold, it holds: what occurs once is unique, what must exist is a foreign key."""

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

UNFINISHED = "state IN ('planned', 'staged')"  # one at a time per package

Id = sa.String(26)
Moment = sa.String(32)  # ISO 8601 UTC with microseconds: sorts as text, the same on every database


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("event", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(80), nullable=False, index=True),
    sa.Column("detail", sa.Text, nullable=False),  # canonical JSON
    sa.Column("previous", sa.String(64), nullable=False, unique=True),  # no two entries follow the same one
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("signature", sa.Text, nullable=False),
)

consents = sa.Table(
    "consents",
    metadata,
    sa.Column("record_id", Id, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("previous_sha256", sa.String(64)),
    sa.CheckConstraint("(revision = 1) = (previous_sha256 IS NULL)", name="chain"),
)

packages = sa.Table(
    "packages",
    metadata,
    sa.Column("package_id", Id, primary_key=True),
    sa.Column("account_ref", Id, nullable=False, unique=True),
    sa.Column("record_id", Id, nullable=False, index=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("opened_at", Moment, nullable=False),
    _one_of("state", "held", "withdrawn", "erased"),
)

deposits = sa.Table(
    "deposits",
    metadata,
    sa.Column("deposit_id", Id, primary_key=True),
    sa.Column("record_id", Id, nullable=False, index=True),
    sa.Column("account_ref", Id, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("package_id", Id, sa.ForeignKey("packages.package_id")),
    sa.Column("version", sa.Integer),
    sa.Column("bytes_received", sa.BigInteger, nullable=False),
    sa.Column("files_received", sa.Integer, nullable=False),
    sa.Column("recognised_by", sa.String(64), nullable=False, index=True),  # keyed digest: the same hand-in twice is one deposit
    sa.Column("refusal", sa.String(60), nullable=False, server_default=""),
    _one_of("state", "received", "accessioned", "refused", "withdrawn"),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("package_id", Id, sa.ForeignKey("packages.package_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("deposit_id", Id, sa.ForeignKey("deposits.deposit_id"), nullable=False, unique=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("inventory_sha512", sa.String(128)),
    sa.Column("left_out", sa.Text, nullable=False, server_default="{}"),  # items consent kept out, by reason (JSON)
    sa.CheckConstraint("number >= 1", name="number"),
    sa.CheckConstraint("state <> 'committed' OR inventory_sha512 IS NOT NULL", name="committed"),
    _one_of("state", "planned", "staged", "committed", "erased"),
    sa.Index(
        "uq_versions_unfinished",
        "package_id",
        unique=True,
        sqlite_where=sa.text(UNFINISHED),
        postgresql_where=sa.text(UNFINISHED),
    ),
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("package_id", Id, sa.ForeignKey("packages.package_id"), primary_key=True),
    sa.Column("item_id", Id, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # the version that brought it, or last changed it
    sa.Column("section", sa.String(40), nullable=False),
    sa.Column("visibility", sa.String(20), nullable=False),
    sa.Column("origin", sa.String(20), nullable=False),
    sa.Column("scope_revision", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
)

units = sa.Table(
    "units",
    metadata,
    sa.Column("unit_id", Id, primary_key=True),
    sa.Column("package_id", Id, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("path", sa.String(200), nullable=False),
    sa.ForeignKeyConstraint(["package_id", "version"], ["versions.package_id", "versions.number"]),
    _one_of("kind", "item", "bundle", "description"),
)

unit_items = sa.Table(
    "unit_items",
    metadata,
    sa.Column("unit_id", Id, sa.ForeignKey("units.unit_id"), primary_key=True),
    sa.Column("item_id", Id, primary_key=True),
)

files = sa.Table(
    "files",
    metadata,
    sa.Column("package_id", Id, primary_key=True),
    sa.Column("path", sa.String(200), primary_key=True),  # below the package's root, e.g. v1/content/bagit.txt
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("unit_id", Id),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("sha512", sa.String(128), nullable=False),
    sa.ForeignKeyConstraint(["package_id", "version"], ["versions.package_id", "versions.number"]),
)

placements = sa.Table(  # a row for every file x site before the first put: what is missing is a query
    "placements",
    metadata,
    sa.Column("package_id", Id, primary_key=True),
    sa.Column("path", sa.String(200), primary_key=True),
    sa.Column("site", sa.String(31), primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("last_read_at", Moment),  # moved only by a look of depth `read` that found it intact
    sa.ForeignKeyConstraint(["package_id", "path"], ["files.package_id", "files.path"]),
    _one_of("state", "expected", "held", "damaged"),
)

heads = sa.Table(  # the version each site's root inventory stands at
    "heads",
    metadata,
    sa.Column("package_id", Id, sa.ForeignKey("packages.package_id"), primary_key=True),
    sa.Column("site", sa.String(31), primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)

findings = sa.Table(
    "findings",
    metadata,
    sa.Column("finding_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", Id, nullable=False, index=True),
    sa.Column("site", sa.String(31), nullable=False),
    sa.Column("package_id", sa.String(26), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("depth", sa.String(20), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("expected", sa.Text, nullable=False),
    sa.Column("found", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)

erasures = sa.Table(  # a row for every package x site before the first erasure: a site that is down stays open until done
    "erasures",
    metadata,
    sa.Column("package_id", Id, sa.ForeignKey("packages.package_id"), primary_key=True),
    sa.Column("site", sa.String(31), primary_key=True),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("opened_at", Moment, nullable=False),
    sa.Column("done_at", Moment),
    sa.Column("objects", sa.Integer, nullable=False, server_default="0"),
    _one_of("state", "open", "done"),
)

receipts = sa.Table(  # a row for every object before the first erasure; `at` once it was read back as absent
    "receipts",
    metadata,
    sa.Column("package_id", Id, primary_key=True),
    sa.Column("site", sa.String(31), primary_key=True),
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("removed", sa.Integer, nullable=False),
    sa.Column("at", Moment),
)

tombstones = sa.Table(
    "tombstones",
    metadata,
    sa.Column("package_id", Id, primary_key=True),
    sa.Column("record_id", Id, nullable=False),
    sa.Column("accession_month", sa.String(7), nullable=False),
    sa.Column("withdrawn_at", Moment, nullable=False),
    sa.Column("erased_at", Moment, nullable=False),
    sa.Column("reason", sa.String(40), nullable=False),
    sa.Column("objects", sa.Integer, nullable=False),
    sa.Column("sites", sa.Text, nullable=False),
)
