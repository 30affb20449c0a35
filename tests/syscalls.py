"""What a program asked of the kernel, as strace saw it, in the order of time."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_CALLS: Final = (
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate",
    "fsync", "fdatasync", "sync_file_range", "rename", "renameat", "renameat2", "unlink",
    "sendto", "sendmsg",
)  # fmt: skip
_LINE: Final = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\) += (-?\d+)(?: [^<]*)?(?:<(\d+\.\d+)>)?$")
_PATH: Final = re.compile(r"^\d+<([^>]*)>")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One call to the kernel that returned."""

    begun: float
    ended: float
    name: str
    path: str
    """Of the descriptor; for a rename, where to."""
    source: str
    """For a rename, where from."""
    data: str
    """The first bytes written or sent, escaped as strace escapes."""

    @property
    def writes(self) -> bool:
        """Tell whether it changes a file's content."""
        return "write" in self.name

    @property
    def syncs(self) -> bool:
        """Tell whether what was written before it is on the disk when it returns."""
        return self.name in ("fsync", "fdatasync")

    @property
    def renames(self) -> bool:
        """Tell whether it gives a file another name."""
        return self.name.startswith("rename")

    @property
    def sends(self) -> bool:
        """Tell whether it sends on a socket."""
        return self.name.startswith("send")


def strace() -> str:
    """Find strace, or skip the test with what is missing."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is missing: apt-get install strace")
    probe = [found, "-qq", "-o", "/dev/null", "true"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("strace may not trace here: allow ptrace (docker: --cap-add SYS_PTRACE)")
    return found


def traced(command: Sequence[str], prefix: Path) -> list[str]:
    """Give the command that runs another one traced, each thread into a file of its own."""
    return [
        strace(), "-ff", "-ttt", "-T", "-y", "-qq", "--seccomp-bpf", "-s", "48",
        "-e", f"trace={','.join(_CALLS)}", "-e", "signal=none", "-o", str(prefix), *command,
    ]  # fmt: skip


def read(prefix: Path) -> list[Call]:
    """Read the traces of all threads; calls that failed or were cut off by a kill are left out."""
    calls = [
        call
        for file in prefix.parent.glob(f"{prefix.name}.*")
        for line in file.read_text(errors="replace").splitlines()
        for call in _parse(line)
    ]
    return sorted(calls, key=lambda call: call.ended)


def _parse(line: str) -> Iterator[Call]:
    match = _LINE.match(line)
    if match is None or int(match[4]) < 0:
        return
    begun, name, arguments = float(match[1]), match[2], match[3]
    quoted = _QUOTED.findall(arguments)
    path = _PATH.match(arguments)
    renames = name.startswith("rename")
    yield Call(
        begun,
        begun + float(match[5] or 0),
        name,
        quoted[-1] if renames else path[1] if path else "",
        quoted[0] if renames else "",
        quoted[0] if quoted and not renames else "",
    )
