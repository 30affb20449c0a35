"""Storage and Verification SCU: asks peers for a sign of life, and sends them objects.

A file goes out as it is stored, byte for byte, in its own transfer syntax; only where a peer takes
no more than another uncompressed syntax is an uncompressed data set re-encoded, without loss.
Everything that can go wrong becomes a `PeerError` that names the peer and says what to do.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import Association, _config, build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification

from node import status
from node.association import no_answer, opened
from node.errors import ForaminaError, PeerError
from node.peer import Interrupt, Peer

__all__ = ["Interrupt", "Peer", "Result", "describe", "echo", "is_stored", "send_folder", "store"]

# A file given by its path is then sent undecoded, as it is stored.
_config.STORE_SEND_CHUNKED_DATASET = True

Result = int | str
"""What became of one file: the status of its C-STORE response, or why there was none."""

_MAXIMUM_CONTEXTS: Final = 128  # PS3.8 section 9.3.2.2: odd IDs from 1 to 255
_SLOWEST_BYTES_PER_S: Final = 1e6
_CONVERTIBLE: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_UNCOMPRESSED: Final = (*_CONVERTIBLE, DeflatedExplicitVRLittleEndian)


def echo(peer: Peer) -> None:
    """Ask a peer for a sign of life (C-ECHO, PS3.4 annex A).

    Raises:
        PeerError: it gave none, or none that means success.
    """
    with opened(peer, [build_context(Verification)]) as association:
        started = time.monotonic()
        response = association.send_c_echo()
        if "Status" not in response:
            raise no_answer(peer, "C-ECHO", started, peer.timeout_s)
    if response.Status != status.SUCCESS.code:
        code = int(response.Status)
        raise PeerError(f"{peer} answered C-ECHO with {status.describe(code)}", status=code)


def store(peer: Peer, path: Path, interrupt: Interrupt | None = None) -> int:
    """Send one file (C-STORE, PS3.4 annex B) and give the status of a response that means stored.

    Raises:
        PeerError: it is not stored; carries the status if there was one, and whether sending it
            again later can help.
        ForaminaError: the file is no DICOM file.
        OSError: the file cannot be read.
    """
    item = _Object.of(path)
    with opened(peer, item.contexts, interrupt) as association:
        result = _send(association, peer, item, message_id=1)
    if isinstance(result, str):
        raise PeerError(f"{peer}: {result}", retry=False)
    row = status.classify(result)
    if row.outcome is not status.Outcome.STORED:
        raise PeerError(
            f"{peer} answered with {status.describe(result)}",
            status=result,
            retry=row.outcome is status.Outcome.RETRY_LATER,
        )
    return result


def send_folder(
    peer: Peer, paths: Iterable[Path], progress: Callable[[Path], object] | None = None
) -> dict[Path, Result]:
    """Send many files, over as few associations as their presentation contexts allow.

    Args:
        peer: who receives them.
        paths: files, or folders whose every file is sent.
        progress: told of each file that is done, stored or not.

    Returns:
        What became of each file; see `is_stored` and `describe`.

    Raises:
        PeerError: no association could be opened, so that no file was sent.
    """
    results: dict[Path, Result] = {}

    def done(path: Path, result: Result) -> None:
        results[path] = result
        if progress is not None:
            progress(path)

    items = []
    for path in _files(paths):
        try:
            items.append(_Object.of(path))
        except (OSError, ForaminaError) as error:
            done(path, f"not sent: {error}")
    for group in _groups(items):
        _send_group(peer, group, done)
    if items and not any(isinstance(results[item.path], int) for item in items):
        reasons = {results[item.path] for item in items}
        if len(reasons) == 1:
            raise PeerError(str(reasons.pop()))
    return results


def is_stored(result: Result) -> bool:
    """Tell whether the peer keeps the file."""
    return isinstance(result, int) and status.classify(result).outcome is status.Outcome.STORED


def describe(result: Result) -> str:
    """Give what became of a file in one sentence."""
    return status.describe(result) if isinstance(result, int) else result


@dataclass(frozen=True, slots=True)
class _Object:
    """A file to send, and what its association has to offer."""

    path: Path
    sop_class_uid: UID
    transfer_syntax_uid: UID

    @classmethod
    def of(cls, path: Path) -> "_Object":
        """Read the file meta information of a file (PS3.10 section 7.1)."""
        try:
            meta = read_file_meta_info(path)
            return cls(path, meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID)
        except (InvalidDicomError, AttributeError) as error:
            raise ForaminaError(
                f"{path} is no DICOM file: expected a preamble and file meta information with SOP "
                "class and transfer syntax (PS3.10 section 7.1)"
            ) from error

    @property
    def syntaxes(self) -> list[tuple[UID, ...]]:
        """List what to propose, a context each: its own syntax, then those it converts to."""
        own = self.transfer_syntax_uid
        if own not in _UNCOMPRESSED:
            return [(own,)]
        return [(own,), tuple(syntax for syntax in _CONVERTIBLE if syntax != own)]

    @property
    def contexts(self) -> list[PresentationContext]:
        """Make its presentation contexts."""
        return [build_context(self.sop_class_uid, list(syntaxes)) for syntaxes in self.syntaxes]


def _files(paths: Iterable[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        files.update(dict.fromkeys(file for file in found if not file.is_dir()))
    return list(files)


def _groups(items: Sequence[_Object]) -> Iterator[list[_Object]]:
    """Split objects so that each group needs no more contexts than an association may propose."""
    group: list[_Object] = []
    proposed: set[tuple[UID, tuple[UID, ...]]] = set()
    for item in items:
        wanted = {(item.sop_class_uid, syntaxes) for syntaxes in item.syntaxes}
        if group and len(proposed | wanted) > _MAXIMUM_CONTEXTS:
            yield group
            group, proposed = [], set()
        group.append(item)
        proposed |= wanted
    if group:
        yield group


def _send_group(peer: Peer, group: list[_Object], done: Callable[[Path, Result], None]) -> None:
    """Send objects over one association; over another one when that breaks, as long as it helps."""
    pending = deque(group)
    proposed = {(item.sop_class_uid, syntaxes) for item in group for syntaxes in item.syntaxes}
    contexts = [build_context(uid, list(syntaxes)) for uid, syntaxes in sorted(proposed)]
    failures, reason = 0, ""
    while pending and failures < 2:
        try:
            with opened(peer, contexts) as association:
                for message_id in range(1, 1 << 16):
                    if not pending:
                        break
                    result = _send_file(association, peer, pending[0], message_id)
                    done(pending.popleft().path, result)
                    failures = 0
        except PeerError as error:
            failures, reason = failures + 1, str(error)
            if len(pending) == len(group):  # nobody there, or nothing accepted: once is enough
                break
    for item in pending:
        done(item.path, reason)


def _send_file(association: Association, peer: Peer, item: _Object, message_id: int) -> Result:
    try:
        return _send(association, peer, item, message_id)
    except OSError as error:  # the file went away, or its disk fails
        return f"not sent: {error}"


def _send(association: Association, peer: Peer, item: _Object, message_id: int) -> Result:
    """Send one object over an association: its status, or why the peer does not take it.

    Raises:
        PeerError: no answer came; the association is gone.
    """
    accepted = {
        context.transfer_syntax[0]
        for context in association.accepted_contexts
        if context.abstract_syntax == item.sop_class_uid
    }
    taken = [syntax for syntaxes in item.syntaxes for syntax in syntaxes if syntax in accepted]
    if not taken:
        return (
            f"the peer accepts no {item.sop_class_uid.name} in {item.transfer_syntax_uid.name} "
            "(refused presentation context); allow both there, then send again"
        )
    converted = item.transfer_syntax_uid != taken[0]
    # pynetdicom counts from when it begins to send; a large object needs time for that, too.
    limit_s = peer.timeout_s + item.path.stat().st_size / _SLOWEST_BYTES_PER_S
    association.dimse_timeout = limit_s
    started = time.monotonic()
    try:
        response = association.send_c_store(
            dcmread(item.path) if converted else item.path, msg_id=message_id
        )
    except ValueError as error:
        return f"the file cannot be encoded in {taken[0].name}: {error}"
    except RuntimeError as error:  # the peer closed the association since the last response
        raise no_answer(peer, "C-STORE", started, limit_s) from error
    if "Status" not in response:
        raise no_answer(peer, "C-STORE", started, limit_s)
    return int(response.Status)
