"""Ask a node for traces, as generators that yield calls; see `steps`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trialanchor.client.calls import Call
from trialanchor.client.errors import AnswerError
from trialanchor.trace_table import ORIGIN, USE
from trialanchor.traces import VERSION, read_trace

if TYPE_CHECKING:
    from trialanchor.client.steps import Steps

BOTH: Final = "both"
DIRECTIONS: Final = (ORIGIN, USE, BOTH)


@dataclass(frozen=True, slots=True)
class TraceQuestion:
    """What is asked for.

    Attributes:
        of: OID, or code on a container or in the registry.
        direction: `origin`, `use` or `both`.
        study: OID of the study of a code; None for any that the reader may read.
        after: Key after which a truncated branch goes on; empty from the beginning.
    """

    of: str
    direction: str = BOTH
    study: str | None = None
    after: str = ""

    def call(self, **more: str) -> Call:
        """Give the call that asks it."""
        params = {"direction": self.direction, "after": self.after, **more}
        if self.study is not None:
            params["study"] = self.study
        given = {name: value for name, value in params.items() if value}
        return Call("GET", f"/v1/trace/{quote(self.of, safe='')}", given)


def trace(question: TraceQuestion) -> Steps[dict[str, Any]]:
    """Ask for a trace.

    Raises:
        AnswerError: What came is not one.
    """
    value = (yield question.call()).json()
    if value.get("trialanchor_trace") != VERSION or not {"nodes", "edges", "truncated"} <= value.keys():
        raise AnswerError("the node's answer is not a trace")
    return value


def trace_file(question: TraceQuestion) -> Steps[bytes]:
    """Ask for a trace file; its form is checked, and nothing more.

    Raises:
        TrialAnchorError: What came is not one.
    """
    data = (yield question.call(proofs="true")).body
    read_trace(data)
    return data
