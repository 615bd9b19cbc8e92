"""Local copies of parts of the tree that need no name server: a tree in memory, or a master file.

Source: X.672 7.6 and annex H (copies independent of the local DNS).
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import dns.exception
import dns.message

from trialanchor_oid.ors.answers import Answerer
from trialanchor_oid.ors.client import LocalCopy, Upstream
from trialanchor_oid.ors.errors import OrsAnswerError
from trialanchor_oid.ors.zone import read_zone

if TYPE_CHECKING:
    from dns.message import Message

    from trialanchor_oid.ors.tree import OrsTree
    from trialanchor_oid.ors.zone import ZoneSettings


class TreeExchange:
    """Answers from a tree, as the name server of its zone would; an `Exchange`.

    Args:
        tree: The tree.
        settings: Its zone.
    """

    def __init__(self, tree: OrsTree, settings: ZoneSettings) -> None:
        self._answerer = Answerer(tree, settings)
        self._lock = Lock()

    def exchange(self, question: Message) -> Message:
        """Give the answer.

        Raises:
            OrsAnswerError: The tree could not answer.
        """
        with self._lock:
            wire = self._answerer.answer(question.to_wire(), tcp=True)
        if wire is None:
            raise OrsAnswerError("the local copy gave no answer")
        try:
            return dns.message.from_wire(wire)
        except dns.exception.DNSException as error:
            raise OrsAnswerError("the local copy gave a malformed answer") from error


def copy_of_tree(prefix: tuple[int, ...], tree: OrsTree, settings: ZoneSettings) -> LocalCopy:
    """Make a local copy of a tree in memory."""
    return LocalCopy(prefix, Upstream(TreeExchange(tree, settings), settings.apex))


def copy_of_zone(prefix: tuple[int, ...], text: str, apex: str) -> LocalCopy:
    """Make a local copy of a master file.

    Raises:
        ConfigError: The apex is no domain.
        ZoneFileError: The file is malformed, or holds what an ORS server does not serve.
    """
    settings, tree = read_zone(text, apex, allow_public_apex=True)
    return copy_of_tree(prefix, tree, settings)
