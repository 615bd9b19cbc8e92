"""Register evidence with a node: fingerprint and sign here, send, keep the receipt.

    with Client("https://node.example.org", member="2.16.156.3016.44.2001", system=key) as client:
        registered = client.register(record, Claims(kind="gd44.c3.drug_use", subject=subject, study=study))

Only fingerprints leave this computer; the opening of a record stays with its owner.

Make transitions on the node's ledger, signed here with the key of a person or system, or by the node for a token:

    client.drugs.ship(study=study, shipment=oid, waybill="sf1", carrier="sf", occurred_at=now)
"""

from trialanchor.client.asynchronous import AsyncClient
from trialanchor.client.calls import Options
from trialanchor.client.contracts import Accepted, Transition
from trialanchor.client.errors import (
    AnswerError,
    NotRegisteredError,
    OutcomeUnknownError,
    RefusedByNodeError,
    UnreachableError,
)
from trialanchor.client.preparation import Author, Claims, Evidence, Prepared, Registered, media_type
from trialanchor.client.steps import Entry, Outcome, merge_bundle
from trialanchor.client.studies import Wanted
from trialanchor.client.sync import Client

__all__ = [
    "Accepted",
    "AnswerError",
    "AsyncClient",
    "Author",
    "Claims",
    "Client",
    "Entry",
    "Evidence",
    "NotRegisteredError",
    "Options",
    "Outcome",
    "OutcomeUnknownError",
    "Prepared",
    "RefusedByNodeError",
    "Registered",
    "Transition",
    "UnreachableError",
    "Wanted",
    "media_type",
    "merge_bundle",
]
