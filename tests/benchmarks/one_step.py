"""One step of ours in a process of its own; prints its seconds and its peak memory as JSON."""

import json
import resource
import sys
import time
from pathlib import Path

from preservation.settings import load_settings
from preservation.steps.accession import package_deposit
from preservation.steps.consenting import import_consent
from preservation.steps.receiving import receive
from preservation.wiring import open_archive


def main(what: str, *names: str) -> None:
    """Do it and tell."""
    archive = open_archive(load_settings())
    began = time.perf_counter()
    if what == "consent":
        import_consent(archive, Path(names[0]).read_bytes())
    elif what == "receive":
        receive(archive, names[2], [Path(names[0])], Path(names[1]))
    else:
        (deposit,) = archive.catalogue.deposits.list()
        package_deposit(archive, deposit.deposit_id)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
