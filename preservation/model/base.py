"""The one configuration all words share."""

from pydantic import BaseModel, ConfigDict


class Word(BaseModel):
    """Frozen, and closed: a field nobody has named is an error, so that nothing slips into a record unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True)
