"""The journal: what has arrived, durable with one write and one sync, until it is filed.

A receiving process appends bytes and record to a segment file of its own (`Writer`), and only then
answers its sender. The node's filer reads the segments of all processes (`Reader`), makes files
and rows of the entries, and hands emptied segments back for the next writer. After a crash the
journal is simply read again: filing an entry twice changes nothing.

Nothing here knows DICOM: an entry has a kind, fields (JSON), and a body.
"""

from storage.journal.aside import LATER, REFUSED, Aside
from storage.journal.erasure import discard_free, erase
from storage.journal.layout import Kind
from storage.journal.reader import Entry, Reader
from storage.journal.spool import Spool
from storage.journal.writer import JournalFullError, Writer

__all__ = [
    "LATER",
    "REFUSED",
    "Aside",
    "Entry",
    "JournalFullError",
    "Kind",
    "Reader",
    "Spool",
    "Writer",
    "discard_free",
    "erase",
]
