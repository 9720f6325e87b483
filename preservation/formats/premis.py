"""PREMIS 3.0: what lies in a version, what was done to it, by whom, and by what right, by opaque id alone.

Element order is the schema's (premis-v3-0.xsd); the same facts give the same bytes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from lxml import etree

from preservation.model.fixity import Fixity

NAMESPACE = "http://www.loc.gov/premis/v3"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_EVENT_TYPES = "http://id.loc.gov/vocabulary/preservation/eventType"
_LOCAL = "local"
_LINK = "linkingObjectIdentifier"


@dataclass(frozen=True, slots=True)
class FileObject:
    """A file of the version: its opaque identifier, what its bytes are, and its format (a PRONOM key where one is known)."""

    identifier: str
    fixity: Fixity
    format_name: str
    format_version: str = ""
    pronom: str = ""


@dataclass(frozen=True, slots=True)
class Agent:
    """A program or an organisation."""

    identifier: str
    name: str
    type: str  # "software" or "organization"
    version: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something done. `code` and `label` are those of the Library of Congress's event types; codes have changed meaning, so both."""

    identifier: str
    code: str
    label: str
    at: datetime
    detail: str
    agent: str
    objects: tuple[str, ...]
    outcome: str = "success"  # or "warning", "fail": id.loc.gov/vocabulary/preservation/eventOutcome
    note: str = ""  # on the outcome


@dataclass(frozen=True, slots=True)
class Rights:
    """By what right: a document by id, what it allows us to do, and to what."""

    identifier: str
    document: str
    note: str
    acts: tuple[str, ...]
    subject: str


def premis_xml(files: Iterable[FileObject], events: Iterable[Event], agents: Iterable[Agent], rights: Iterable[Rights]) -> bytes:
    """The whole of `premis_pieces`."""
    return b"".join(premis_pieces(files, events, agents, rights))


def premis_pieces(
    files: Iterable[FileObject], events: Iterable[Event], agents: Iterable[Agent], rights: Iterable[Rights]
) -> Iterator[bytes]:
    """A PREMIS document piece by piece, valid against the schema as long as there is at least one file.

    One entity is a tree at a time: a tree of tens of thousands of files would take a hundred times the room of their names.
    """
    yield _OPENING
    for file in files:
        yield _alone(partial(_file, file=file))
    for event in events:
        yield from _event_pieces(event)
    for agent in agents:
        yield _alone(partial(_agent, agent=agent))
    for right in rights:
        yield _alone(partial(_rights, rights=right))
    yield _CLOSING


def _serialised(add: Callable[[etree._Element], object]) -> bytes:
    root = etree.Element(_name("premis"), nsmap={"premis": NAMESPACE, "xsi": _XSI})
    root.set("version", "3.0")
    add(root)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _alone(add: Callable[[etree._Element], object], before: bytes = b"", after: bytes = b"") -> bytes:
    """The lines that `add` gives the document, as they stand in the whole: without what is around them."""
    text = _serialised(add)
    return text[len(_OPENING) + len(before) : len(text) - len(_CLOSING) - len(after)]


def _event_pieces(event: Event) -> Iterator[bytes]:
    """An event; what it is linked to, perhaps every file, line by line."""
    opened, closed = b"  <premis:event>\n", b"  </premis:event>\n"
    yield _alone(partial(_event, event=event), after=closed)
    for identifier in event.objects:
        yield _alone(partial(_link, identifier=identifier), opened, closed)
    yield closed


def _name(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _add(parent: etree._Element, tag: str, text: str = "") -> etree._Element:
    child = etree.SubElement(parent, _name(tag))
    if text:
        child.text = text
    return child


def _identifier(parent: etree._Element, tag: str, value: str) -> None:
    """`<tag><tagType>local</tagType><tagValue>…</tagValue></tag>`, the shape of all PREMIS identifiers."""
    element = _add(parent, tag)
    _add(element, f"{tag}Type", _LOCAL)
    _add(element, f"{tag}Value", value)


def _file(root: etree._Element, file: FileObject) -> None:
    element = _add(root, "object")
    element.set(f"{{{_XSI}}}type", "premis:file")
    _identifier(element, "objectIdentifier", file.identifier)
    characteristics = _add(element, "objectCharacteristics")
    for algorithm, digest in (("SHA-256", file.fixity.sha256), ("SHA-512", file.fixity.sha512)):
        fixity = _add(characteristics, "fixity")
        _add(fixity, "messageDigestAlgorithm", algorithm)
        _add(fixity, "messageDigest", digest)
    _add(characteristics, "size", str(file.fixity.size))
    form = _add(characteristics, "format")
    designation = _add(form, "formatDesignation")
    _add(designation, "formatName", file.format_name)
    if file.format_version:
        _add(designation, "formatVersion", file.format_version)
    if file.pronom:
        registry = _add(form, "formatRegistry")
        _add(registry, "formatRegistryName", "PRONOM")
        _add(registry, "formatRegistryKey", file.pronom)


def _event(root: etree._Element, event: Event) -> None:
    """All but its links to objects."""
    element = _add(root, "event")
    _identifier(element, "eventIdentifier", event.identifier)
    kind = _add(element, "eventType", event.label)
    kind.set("authority", "eventType")
    kind.set("authorityURI", _EVENT_TYPES)
    kind.set("valueURI", f"{_EVENT_TYPES}/{event.code}")
    _add(element, "eventDateTime", event.at.astimezone(UTC).isoformat())
    _add(_add(element, "eventDetailInformation"), "eventDetail", event.detail)
    outcome = _add(element, "eventOutcomeInformation")
    _add(outcome, "eventOutcome", event.outcome)
    if event.note:
        _add(_add(outcome, "eventOutcomeDetail"), "eventOutcomeDetailNote", event.note)
    _identifier(element, "linkingAgentIdentifier", event.agent)


def _link(root: etree._Element, identifier: str) -> None:
    _identifier(_add(root, "event"), _LINK, identifier)


def _agent(root: etree._Element, agent: Agent) -> None:
    element = _add(root, "agent")
    _identifier(element, "agentIdentifier", agent.identifier)
    _add(element, "agentName", agent.name)
    _add(element, "agentType", agent.type)
    if agent.version:
        _add(element, "agentVersion", agent.version)


def _rights(root: etree._Element, rights: Rights) -> None:
    statement = _add(_add(root, "rights"), "rightsStatement")
    _identifier(statement, "rightsStatementIdentifier", rights.identifier)
    _add(statement, "rightsBasis", "other")
    other = _add(statement, "otherRightsInformation")
    _identifier(other, "otherRightsDocumentationIdentifier", rights.document)
    _add(other, "otherRightsBasis", "consent of the creator")
    _add(other, "otherRightsNote", rights.note)
    for act in rights.acts:
        _add(_add(statement, "rightsGranted"), "act", act)
    _identifier(statement, _LINK, rights.subject)


_OPENING, _CLOSING = _serialised(lambda root: _add(root, "x")).split(b"  <premis:x/>\n")
