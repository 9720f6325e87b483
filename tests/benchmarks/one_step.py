"""One step of ours in a process of its own; prints its seconds, those on the processor, and its peak memory as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

from preservation.settings import load_settings
from preservation.steps.accession import package_deposit
from preservation.steps.consenting import import_consent
from preservation.steps.receiving import receive
from preservation.wiring import Archive, open_archive


def main(what: str, *names: str) -> None:
    """Do it and tell. An accession is the whole procedure, with Prefect imported as a worker has it."""
    if what == "accession":
        from flows.accession import AccessionRequest, accession
    archive = open_archive(load_settings())
    began, used = time.perf_counter(), time.process_time()
    if what == "consent":
        import_consent(archive, Path(names[0]).read_bytes())
    elif what == "receive":
        receive(archive, names[2], [Path(names[0])], Path(names[1]))
    elif what == "package":
        package_deposit(archive, _newest(archive))
    else:
        accession.fn(AccessionRequest(deposit=_newest(archive)))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time() - used, "peak_mb": peak}))


def _newest(archive: Archive) -> str:
    return max(archive.catalogue.deposits.list(), key=lambda deposit: deposit.received_at).deposit_id


if __name__ == "__main__":
    main(*sys.argv[1:])
