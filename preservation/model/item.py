"""What the consent gate needs to know of an item. No words, handles, dates or plain digests once it is in the catalogue."""

from datetime import date
from enum import StrEnum

from pydantic.dataclasses import dataclass

from preservation.model.export import Visibility
from preservation.model.identifiers import AccountRef, ItemId
from preservation.model.sections import Section


class Origin(StrEnum):
    """How the archive came by an item."""

    creator_export = "creator_export"  # the platform's export, handed in by the creator
    creator_upload = "creator_upload"  # a file the creator handed in beside it
    portability_api = "portability_api"
    export_link = "export_link"  # fetched from a link that stands in the creator's own export
    scraped = "scraped"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """The facts a decision about one item is made from.

    `posted_on` is known only in quarantine, where scopes by date are resolved. Facts that come back from the catalogue carry
    `scope_revision` instead: the revision of the consent record under which this item was found to be in scope.
    """

    item_id: ItemId
    account_ref: AccountRef
    section: Section
    visibility: Visibility = Visibility.unknown
    origin: Origin = Origin.unknown
    posted_on: date | None = None
    scope_revision: int | None = None
