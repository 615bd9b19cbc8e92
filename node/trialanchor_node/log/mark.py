"""The high-water mark: size and root of the newest anchored checkpoint, kept outside the database.

A database restored from an older backup would let the node sign a second history over sizes it has signed before. The
mark lies beside the settings, so a node whose database is behind it, or holds another log up to it, does not start.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

from trialanchor.encoding import digest_text, json_encode
from trialanchor.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from trialanchor_node.log.store import LogStore

MARK_FILE = "anchored.json"


class HighWaterMark:
    """Reads and raises the mark of one node."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / MARK_FILE

    def check(self, store: LogStore) -> None:
        """Check that the log still holds what was anchored.

        Raises:
            ConfigError: It does not, or the mark cannot be read.
        """
        try:
            mark = json.loads(self._path.read_bytes())
            size, root = int(mark["size"]), str(mark["root"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{self._path} cannot be read; it holds size and root of the last anchor") from error
        if size > store.current.size:
            raise ConfigError(
                f"the database holds {store.current.size} entries, but {size} were anchored: it is an older copy. "
                "Put the newest one back; going on with this one would fork the log"
            )
        try:
            found = digest_text(store.tiles.edge(size).root)
        except StoreError as error:
            raise ConfigError(str(error)) from error
        if found != root:
            raise ConfigError(f"the database holds another log than the one that was anchored at size {size}")

    def raise_to(self, size: int, root: bytes) -> None:
        """Set the mark; a mark that cannot be written is left where it is, which only makes it weaker."""
        unfinished = self._path.with_suffix(".new")
        try:
            with unfinished.open("wb") as stream:
                stream.write(json_encode({"size": size, "root": digest_text(root)}))
                stream.flush()
                os.fsync(stream.fileno())  # or a power cut could leave an empty mark, which stops the start
            unfinished.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink(missing_ok=True)
