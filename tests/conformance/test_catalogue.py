"""Every database the catalogue may stand on, held to the same suite."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.catalogue import postgres
from tests.conformance.catalogue import CatalogueSuite
from tests.conformance.catalogue_large import LargeVersionsSuite


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL: pip install 'keepsake[postgres]'")
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed (no `initdb` on PATH or below /usr/lib/postgresql)")
    with postgres.cluster() as url:
        yield url


class TestSQLite(CatalogueSuite, LargeVersionsSuite):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'catalogue.sqlite'}"


@pytest.mark.long
class TestPostgreSQL(CatalogueSuite, LargeVersionsSuite):
    @pytest.fixture
    def url(self, cluster: str) -> str:
        return postgres.create_database(cluster, f"catalogue_{uuid4().hex}")
