"""Read files within limits, and write them so that a crash leaves the old file or the new one, never a part.

Writing many files: all are written under a temporary name, all are brought to the disk, all are renamed, and then
their folders are brought to the disk. A temporary name is `.<name>.tmp`; one left by a crash is written over.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trialanchor.cli.errors import UnreadableError
from trialanchor.errors import InputError

try:
    import fcntl
except ImportError:  # not a POSIX system: the folder is then not locked
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644
"""Modes of files: openings and journals are for their owner only."""

_AT_ONCE = 16
"""Files brought to the disk at the same time: file systems gather such requests into one write."""

_FEW = 4


def read_file(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` octets; of a longer one, one octet more, so that its reader refuses it.

    Raises:
        UnreadableError: It is not there, is no regular file, or cannot be read.
    """
    try:
        if not path.is_file():
            raise UnreadableError(f"{path} is not there")
        with path.open("rb") as stream:
            return stream.read(min(limit, os.fstat(stream.fileno()).st_size) + 1)
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error


def write_new(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Write a file that must not exist yet.

    Raises:
        InputError: It exists, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise InputError(f"{path} exists; it is not written over") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def write_files(contents: Mapping[Path, bytes], mode: int = PUBLIC) -> None:
    """Write files durably, each as a whole or not at all; an existing file is replaced.

    Raises:
        InputError: A file cannot be written.
    """
    if not contents:
        return
    try:
        folders = {path.parent for path in contents}
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        _write_temporary(contents, mode)
        for path in contents:
            os.replace(_temporary(path), path)  # noqa: PTH105 - many files: no needless Path objects
        for folder in folders:
            _sync_folder(folder)
    except OSError as error:
        raise InputError(f"{error.filename or 'a file'} cannot be written: {error.strerror}") from error


def _write_temporary(contents: Mapping[Path, bytes], mode: int) -> None:
    if len(contents) < _FEW:
        for path, data in contents.items():
            _write_synced(path, data, mode)
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(_write_synced, path, data, mode) for path, data in contents.items()]:
            done.result()


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(_temporary(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary(path: Path) -> str:
    return f"{path.parent}{os.sep}.{path.name}.tmp"


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where a folder can be opened for that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold a folder for one process; the lock ends with the process, however it ends.

    Raises:
        InputError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"another process is at work in {folder}") from error
