"""Look at one object: read it to its end, digest it, say what was found. Damage is a finding, never an exception."""

from datetime import datetime

from preservation.errors import StoreUnavailable
from preservation.model.fixity import Depth, Finding, Fixity, Outcome
from preservation.storage.sources import describe, fixity_in
from preservation.storage.store import ObjectMissing, ObjectUnreadable, Reader

_DAMAGED = {Outcome.mismatched, Outcome.unreadable}


def check_fixity(reader: Reader, site: str, package_id: str, key: str, fixity: Fixity, at: datetime) -> Finding:
    """One look at one object, in one streaming pass of both digests and the size.

    What looks damaged is read a second time, because a network can cut or flip too. If the second read is intact, so is the
    object, and the note keeps what the first one saw; otherwise the first finding stands, since some sites quarantine rotten
    bytes after giving them once. `depth` says how far the look went: `read` only if the bytes were read to their end.
    StoreUnavailable becomes `not_looked_at`. SettingsWrong is raised: wrong credentials say nothing about any object.
    """
    first = _look(reader, site, package_id, key, fixity, at)
    if first.outcome not in _DAMAGED:
        return first
    second = _look(reader, site, package_id, key, fixity, at)
    if second.outcome is Outcome.intact:
        return second.model_copy(update={"note": f"first read: {first.outcome}"})
    return first.model_copy(update={"note": f"{first.note}; second read: {second.outcome}".removeprefix("; ")})


def _look(reader: Reader, site: str, package_id: str, key: str, fixity: Fixity, at: datetime) -> Finding:
    def finding(outcome: Outcome, depth: Depth, found: str = "", note: str = "") -> Finding:
        return Finding(
            site=site,
            package_id=package_id,
            key=key,
            outcome=outcome,
            depth=depth,
            at=at,
            expected=describe(fixity),
            found=found,
            note=note,
        )

    try:
        found = fixity_in(reader, key)
    except ObjectMissing as error:
        return finding(Outcome.missing, Depth.listed, note=error.code)
    except ObjectUnreadable as error:
        return finding(Outcome.unreadable, Depth.listed, note=error.code)
    except StoreUnavailable as error:
        return finding(Outcome.not_looked_at, Depth.listed, note=error.code)
    return finding(Outcome.intact if found == fixity else Outcome.mismatched, Depth.read, describe(found))
