"""The content tree of a DICOM SR document (PS3.3 section C.17.3), as far as points need it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom import Dataset

from model.annotation.wording import (
    SILENT,
    Contradiction,
    Wording,
    joined,
    normal,
    of_code,
    of_text,
)
from model.archive import text

COORDINATES: Final = frozenset({"SCOORD", "SCOORD3D"})
_MAX_DEPTH: Final = 64
_CONTEXT: Final = frozenset({
    "121005", "121006", "121007", "121008", "121009", "121010", "121011", "121012", "121013",
    "121014", "121015", "121016", "121017", "121049", "121058", "111000", "111001", "111003",
})  # fmt: skip
"""Observers, language, procedure and algorithm (TID 1001, 1204, 4019): they name no place."""


@dataclass(eq=False, slots=True)
class Item:
    """One content item; built whole by `tree`, not changed afterwards.

    Attributes:
        dataset: its attributes.
        parent: the item above; None for the root.
        children: the items below, by value.
        referrers: items that name this one as theirs by reference (PS3.3 section C.17.3.2.5).
        referred: items that this one names so.
    """

    dataset: Dataset
    parent: "Item | None" = None
    children: "list[Item]" = field(default_factory=list)
    referrers: "list[Item]" = field(default_factory=list)
    referred: "list[Item]" = field(default_factory=list)

    @property
    def value_type(self) -> str:
        """Give ValueType, such as SCOORD."""
        return text(self.dataset, "ValueType")

    @property
    def name(self) -> tuple[str, str, str]:
        """Give value, scheme and meaning of the concept name, each may be empty."""
        return _code(self.dataset, "ConceptNameCodeSequence")

    @property
    def value(self) -> tuple[str, str, str]:
        """Give value, scheme and meaning of a CODE item, each may be empty."""
        return _code(self.dataset, "ConceptCodeSequence")

    @property
    def texts(self) -> tuple[str, ...]:
        """Give what a person reads of the item and its modifiers: names, texts, code meanings."""
        if self.name[0] in _CONTEXT:
            return ()
        found = (self.name[2], text(self.dataset, "TextValue"), self.value[2])
        more = (one for child in self.children if child.modifies for one in child.texts)
        return (*(one for one in found if one), *more)

    @property
    def wording(self) -> Wording:
        """Tell what the item says of a foramen, together with its modifiers.

        Raises:
            Contradiction: it names several levels or both sides.
        """
        if self.name[0] in _CONTEXT:
            return SILENT
        return joined([
            *(_said(code) for code in (self.name, self.value)),
            of_text(text(self.dataset, "TextValue")),
            *(child.wording for child in self.children if child.modifies),
        ])  # fmt: skip

    @property
    def modifies(self) -> bool:
        """Tell whether the item says more of the one above it."""
        return text(self.dataset, "RelationshipType") == "HAS CONCEPT MOD"

    def walk(self) -> "Iterator[Item]":
        """Yield the item and everything below it, depth first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def find(self, code: str) -> "Item | None":
        """Find the first item below whose concept name has a code value."""
        return next((item for item in self.walk() if item.name[0] == code), None)


def tree(document: Dataset) -> Item:
    """Build the tree of a document and tie its references by number.

    Raises:
        ValueError: it is nested deeper than any report is.
    """
    root = Item(document)
    _grow(root, 0)
    for item in list(root.walk()):
        for target in _referred(item, root):
            target.referrers.append(item)
            item.referred.append(target)
    return root


def _grow(item: Item, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(f"its content is nested deeper than {_MAX_DEPTH} levels")
    for below in item.dataset.get("ContentSequence") or ():
        child = Item(below, item)
        item.children.append(child)
        if "ReferencedContentItemIdentifier" not in below:
            _grow(child, depth + 1)


def _referred(item: Item, root: Item) -> Iterator[Item]:
    """Follow the references of an item: its children that hold a position instead of a value."""
    for child in item.children:
        numbers: Any = child.dataset.get("ReferencedContentItemIdentifier")
        if numbers is None:
            continue
        target: Item | None = root
        for number in list(numbers)[1:] if isinstance(numbers, list | tuple) else []:
            inside = target is not None and 1 <= int(number) <= len(target.children)
            target = target.children[int(number) - 1] if target and inside else None
        if target is not None and target is not root:
            yield target


def _code(dataset: Dataset, keyword: str) -> tuple[str, str, str]:
    sequence = dataset.get(keyword)
    if not sequence:
        return "", "", ""
    code = sequence[0]
    value = text(code, "CodeValue") or text(code, "LongCodeValue")
    return value, text(code, "CodingSchemeDesignator"), text(code, "CodeMeaning")


def _said(code: tuple[str, str, str]) -> Wording:
    """Tell what a code says: by its value when that is a standard one, else by its meaning."""
    by_value = of_code(code[0], code[1])
    return by_value if by_value != SILENT else of_text(code[2])


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says of one point.

    Attributes:
        label: the foramen; None when it is not told.
        words: the text that told it, or the first one near the point, for people.
    """

    label: str | None
    words: str


def said_of(item: Item, known: dict[str, str | None]) -> Said:
    """Tell which foramen a point is, from the texts nearest to it outward.

    A group's own words, those of its items without points and the codes of both are read together;
    what lies further out only fills in what is missing. The root's are not read: they are about
    the whole report.

    Args:
        item: an SCOORD or SCOORD3D.
        known: normal form of a text to its label, asked first; None: no foramen.

    Raises:
        Contradiction: the nearest texts name several foramina.
    """
    wording = SILENT
    told: list[str] = []
    nearest: list[str] = []
    for ring in _rings(item):
        texts = [one for near in ring for one in near.texts]
        for one in texts:
            if normal(one) in known:
                return Said(known[normal(one)], one)
        nearest = nearest or _worth_showing(texts)
        here = _joined(ring, texts)
        told += [] if here == SILENT else _speaking(texts)
        wording = Wording(wording.level or here.level, wording.side or here.side)
        if wording.label:
            return Said(wording.label, told[0] if told else wording.label)
    return Said(None, (told or nearest or ["no text"])[0])


def _joined(ring: Sequence[Item], texts: Sequence[str]) -> Wording:
    try:
        return joined(near.wording for near in ring)
    except Contradiction as error:
        said = ", ".join(repr(one) for one in texts if of_text(one) != SILENT)
        raise Contradiction(f"what is said of a point ({said}) {error}") from error


def _rings(item: Item) -> Iterator[list[Item]]:
    """Yield the items that speak of a point: itself and what is below it, then each group out."""
    yield list(item.walk())
    for inner in (item, *item.referrers):
        above = inner.parent if inner is item else inner
        while above is not None and above.parent is not None:
            yield [above, *(child for child in above.children if not _holds_points(child))]
            above = above.parent


def _holds_points(item: Item) -> bool:
    return any(
        below.value_type in COORDINATES or below.referred or _refers(below) for below in item.walk()
    )


def _refers(item: Item) -> bool:
    return "ReferencedContentItemIdentifier" in item.dataset


def _speaking(texts: Sequence[str]) -> list[str]:
    """Give the texts that say something, those that say level and side first."""
    return sorted(
        (one for one in texts if of_text(one) != SILENT), key=lambda one: not of_text(one).label
    )


def _worth_showing(texts: list[str]) -> list[str]:
    return [one for one in texts if normal(one) not in _GENERIC]


_GENERIC: Final = frozenset({
    "image region", "tracking identifier", "tracking unique identifier", "finding", "comment",
    "finding site", "finding category", "laterality", "measurement group", "source image",
})  # fmt: skip
