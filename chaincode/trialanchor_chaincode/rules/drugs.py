"""The contract `drugs`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType({})
"""Signed transitions of the contract `drugs`."""
