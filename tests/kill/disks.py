"""Disks that tests may fill and break: memory, and a file with ext4. Only root may have them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_BLOCK: Final = 1 << 20


@contextmanager
def small(folder: Path, size_bytes: int) -> Iterator[Path]:
    """Mount memory of so many bytes on a folder, which is made; skip where that is not allowed."""
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _unmount(folder)


def fill(folder: Path, bytes_: int | None = None) -> Path:
    """Take space on a disk, None: all that there is; give the file to delete for it."""
    ballast = folder / "ballast"
    with ballast.open("ab") as file:
        position, block = 0, _BLOCK
        while block and (bytes_ is None or position < bytes_):
            try:
                os.posix_fallocate(file.fileno(), position, block)
                position += block
            except OSError:
                block //= 2
    return ballast


class Fragile:
    """An ext4 file system in a file, that stops taking writes as after an error of the disk."""

    def __init__(self, image: Path, folder: Path, size_bytes: int) -> None:
        """Make and mount it; skip where that is not possible."""
        if shutil.which("mkfs.ext4", path="/usr/sbin:/sbin") is None:
            pytest.skip("mkfs.ext4 is missing: apt-get install e2fsprogs")
        self._image, self._folder = image, folder
        with image.open("wb") as file:
            file.truncate(size_bytes)
        subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(image)], check=True)
        folder.mkdir()
        self.mount()

    def mount(self) -> None:
        """Mount it for writing."""
        _mount("-o", "loop", str(self._image), str(self._folder))

    def unmount(self) -> None:
        """Unmount it; nobody may use it any more."""
        _unmount(self._folder)

    def break_(self) -> None:
        """Have the kernel give up writing, as it does where the disk returns errors."""
        _mount("-o", "remount,abort", str(self._folder))

    def repair(self) -> None:
        """Unmount it, check it, and mount it for writing again."""
        self.unmount()
        done = subprocess.run(
            ["/sbin/fsck.ext4", "-p", str(self._image)], capture_output=True, check=False
        )
        assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: errors were mended
        self.mount()


def _mount(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk that can be filled or broken")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no disk to fill or break: {done.stderr.strip()}")


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)
    if os.path.ismount(folder):  # something still holds it: it goes when that ends
        subprocess.run(["umount", "-l", str(folder)], check=False)
