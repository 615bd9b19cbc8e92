"""Sites of a study: planned with a number of subjects, opened, closed.

State: `sites/<study>/<site>`: `study`, `site`, how many `subjects` are planned, `contract`, `status`: `planned`,
`open` or `closed`; and the `record` of its opening or closing.

Rules:

1. A site is a participant in a role of a site. A changed plan comes with its contract; a closed site is planned anew.
2. It is opened with an ethics approval in force. What was closed is not opened again without a new plan.

Source: GD44 6.2; JS4652 7.1.2.1, 7.1.2.3 a); R-016, R-109, R-127.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import ethics_approved
from trialanchor_chaincode.rules.trial_tables import SITE_ROLES

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

PLANNED: Final = "planned"
OPEN: Final = "open"
CLOSED: Final = "closed"


def _key(study: str, site: str) -> str:
    return f"sites/{study}/{site}"


def plan_site(draft: Draft, arguments: dict[str, Any]) -> None:
    """Plan a site, or change its plan (rule 1)."""
    site = arguments["site"]
    draft.participant(site, SITE_ROLES)
    found = draft.read(_key(draft.study, site))
    plan = {"study": draft.study, "site": site, "subjects": arguments["subjects"], "contract": arguments["contract"]}
    status = PLANNED if found is None or found["status"] == CLOSED else found["status"]
    draft.put(_key(draft.study, site), plan | {"status": status})
    draft.event("trial:site:planned", site)


def open_site(draft: Draft, arguments: dict[str, Any]) -> None:
    """Open a site that is planned (rule 2)."""
    if not ethics_approved(draft):
        refuse("approval-missing", study=draft.study)
    draft.participant(arguments["site"], SITE_ROLES)
    _turn(draft, arguments, PLANNED, OPEN, "opened")


def close_site(draft: Draft, arguments: dict[str, Any]) -> None:
    """Close a site that is open."""
    _turn(draft, arguments, OPEN, CLOSED, "closed")


def _turn(draft: Draft, arguments: dict[str, Any], before: str, status: str, name: str) -> None:
    site = arguments["site"]
    found = draft.get(_key(draft.study, site), "site-unknown")
    if found["status"] != before:
        refuse("site-state", site=site, status=found["status"])
    draft.put(_key(draft.study, site), found | {"status": status, "record": arguments["record"]})
    draft.event(f"trial:site:{name}", site)


def require_open_site(draft: Draft, site: str) -> None:
    """Check that a site of the transaction's study is open.

    Raises:
        TransitionRefusedError: `site-unknown` or `site-state`.
    """
    found = draft.get(_key(draft.study, site), "site-unknown")
    if found["status"] != OPEN:
        refuse("site-state", site=site, status=found["status"])
