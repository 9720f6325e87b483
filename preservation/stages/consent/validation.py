"""Faults of consent records and documents as refusals that name fields and never quote what stands in them."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from preservation.errors import Refused

T = TypeVar("T")
_TO_CREATOR = "Something in your consent form cannot be used as it stands. Nothing was taken in; we will come back to you."


def checked(code: str, make: Callable[[], T]) -> T:
    """What `make` returns; Refused(code) naming every wrong field if it raises ValidationError.

    Raised outside the handler, so that the validation error, which holds the values, is no part of any traceback.
    """
    try:
        return make()
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors(include_url=False, include_input=False)]
    raise refusal(code, "; ".join(faults))


def refusal(code: str, what: str) -> Refused:
    """A refusal for a document or a change that cannot be used."""
    return Refused(code, what, remedy="correct the fields named and try again", for_creator=_TO_CREATOR)


def _fault(fault: Any) -> str:
    """`field.path: reason`. An unknown field is not named: its name was typed too, and may be a handle."""
    unknown = fault["type"] == "extra_forbidden"
    path = fault["loc"][:-1] if unknown else fault["loc"]
    where = ".".join(str(step) for step in path) or "the record"
    ours = fault["type"] == "value_error"  # our own guards speak in codes
    return f"{where}: {'a field nobody knows' if unknown else fault['ctx']['error'] if ours else fault['type'].replace('_', '-')}"
