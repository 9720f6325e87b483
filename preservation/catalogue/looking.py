"""Findings of audits and repairs. Looking writes here and nowhere else."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from preservation.catalogue.database import Database
from preservation.catalogue.ledger import Ledger
from preservation.catalogue.tables import findings
from preservation.model.events import Event
from preservation.model.fixity import Finding, Outcome


class Looking:
    """Writes down what a run of an audit or a repair found."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    def record_looks(self, run_id: str, site: str, package_id: str, found: Iterable[Finding], at: datetime) -> dict[str, int]:
        """One package at one site was looked at: a row for each finding that is not `intact`, all counted in the ledger.

        Looking again within a run is another event, and its findings take the place of the earlier ones.
        """
        looks = list(found)
        counts = dict(sorted(Counter(look.outcome.value for look in looks).items()))
        rows = [_row(run_id, look) for look in looks if look.outcome is not Outcome.intact]
        with self._database.writing() as connection:
            _forget_earlier(connection, run_id, site, {look.key for look in looks})
            if rows:
                connection.execute(findings.insert(), rows)
            depths = dict(sorted(Counter(look.depth.value for look in looks).items()))
            detail = {"run": run_id, "site": site, "depths": depths, "outcomes": counts}
            if looks:
                self._ledger.append(connection, at, Event.fixity_check, package_id, **detail)
        return counts

    def record_mended(self, run_id: str, finding: Finding, source: str, at: datetime) -> None:
        """A damaged copy was replaced by one proved intact at `source`, and read back."""
        with self._database.writing() as connection:
            self._ledger.append(
                connection,
                at,
                Event.replication,
                finding.package_id,
                run=run_id,
                site=finding.site,
                key=finding.key,
                was=finding.outcome.value,
                source=source,
            )

    def of_run(self, run_id: str) -> list[Finding]:
        """The findings of one run, in the order they were made."""
        with self._database.reading() as connection:
            query = sa.select(findings).where(findings.c.run_id == run_id).order_by(findings.c.finding_id)
            return [Finding(**{name: row._mapping[name] for name in Finding.model_fields}) for row in connection.execute(query)]


def _forget_earlier(connection: sa.Connection, run_id: str, site: str, keys: set[str]) -> None:
    query = sa.select(findings.c.finding_id, findings.c.key).where(findings.c.run_id == run_id, findings.c.site == site)
    for finding_id, key in connection.execute(query).all():
        if key in keys:
            connection.execute(findings.delete().where(findings.c.finding_id == finding_id))


def _row(run_id: str, look: Finding) -> dict[str, Any]:
    return look.model_dump() | {"run_id": run_id, "at": look.at.isoformat()}
