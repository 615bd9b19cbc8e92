"""The contracts of the ledger, a method for each transition; written by `scripts/write_contracts.py`.

Longer than other modules: it holds the whole table of transitions, so that editors complete it and mypy checks calls.
The methods of a `Client` give `Accepted`, those of an `AsyncClient` the same to be awaited.
"""

# fmt: off
# ruff: noqa: A002, PLR0913 - names and number of the arguments are those of the table

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from trialanchor.client.contracts import Contract, R_co

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialanchor.client.contracts import (
        Code,
        Codes,
        Count,
        Date,
        Digest,
        Digests,
        List,
        Map,
        Oid,
        Oids,
        Seed,
        Time,
        Transition,
        Truth,
    )


class Consent(Contract[R_co]):
    """Transitions of the contract `consent`, see `docs/contracts/consent.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "consent"

    def publish(
        self, *, study: Oid, form: Oid, version: Count, document: Digest, effective: Time, reconsent: Truth,
        reason: Code | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Publish a version of the consent form.

        By sponsor, study_unit, study_centre, institution, investigator; a person as data_manager,
        principal_investigator, quality, sponsor_representative.

        Source: R-122; JS4652 7.2.3 b), BE 2.5.
        """
        return self._ask(
            "publish", study, request, form=form, version=version, document=document, effective=effective,
            reconsent=reconsent, reason=reason, evidence=evidence
        )

    def sign(
        self, *, study: Oid, subject: Oid, version: Count, signers: Codes, signed: Digest, process: Digest,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Record that a subject consented, first or again.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator. A
        person must sign.

        Source: R-122; JS4652 7.3.2.2; BE 7.2.1.
        """
        return self._ask(
            "sign", study, request, subject=subject, version=version, signers=signers, signed=signed, process=process,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def screen(
        self, *, study: Oid, subject: Oid, result: Code, criteria: Codes, assessment: Digest, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Record whether a subject meets the criteria.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator. A
        person must sign.

        Source: R-113, R-126; GD44 6.2.
        """
        return self._ask(
            "screen", study, request, subject=subject, result=result, criteria=criteria, assessment=assessment,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def enrol(
        self, *, study: Oid, subject: Oid, occurred_at: Time, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Enrol a subject.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator,
        study_nurse, crc. A person must sign.

        Source: R-114, R-126; GD44 6.2; BE 2.6.
        """
        return self._ask(
            "enrol", study, request, subject=subject, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def complete(
        self, *, study: Oid, subject: Oid, occurred_at: Time, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Record that a subject completed the study.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator,
        study_nurse, crc. A person must sign.

        Source: R-124, R-125; BE 2.6.
        """
        return self._ask(
            "complete", study, request, subject=subject, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def discontinue(
        self, *, study: Oid, subject: Oid, outcome: Code, reason: Code, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Record that a subject was lost or taken out of the study.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator. A
        person must sign.

        Source: R-124, R-125; BE 2.6.
        """
        return self._ask(
            "discontinue", study, request, subject=subject, outcome=outcome, reason=reason, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def withdraw(
        self, *, study: Oid, subject: Oid, reason: Code, use: Code, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Record that a subject withdrew the consent.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator,
        study_nurse, crc. A person must sign.

        Source: R-122, R-124; JS4652 7.3.2.2.
        """
        return self._ask(
            "withdraw", study, request, subject=subject, reason=reason, use=use, occurred_at=occurred_at,
            evidence=evidence, late=late
        )


class Corrections(Contract[R_co]):
    """Transitions of the contract `corrections`, see `docs/contracts/corrections.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "corrections"

    def correct(
        self, *, study: Oid, object: Oid, kind: Code, replaces: Digest, changes: Map, reason: Code,
        part: Code | None = None, note: Digest | None = None, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Correct what was recorded wrongly.

        By any member; a person as analyst, crc, data_manager, drug_custodian, pharmacist, principal_investigator,
        quality, sample_custodian, sponsor_representative, statistician, study_nurse, sub_investigator. A person must
        sign.

        Source: R-058, R-155; JS4652 7.4.1, 7.12; BE 4.1.4.
        """
        return self._ask(
            "correct", study, request, object=object, kind=kind, part=part, replaces=replaces, changes=changes,
            reason=reason, note=note, evidence=evidence
        )

    def annotate(
        self, *, study: Oid, object: Oid, kind: Code, transaction: Digest, note: Digest, reason: Code,
        part: Code | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Explain a late entry or a correction.

        By any member; a person as analyst, auditor, cra, crc, data_manager, drug_custodian, ethics_secretary,
        pharmacist, principal_investigator, quality, regulator, sample_custodian, sponsor_representative, statistician,
        study_nurse, sub_investigator. A person must sign.

        Source: R-058; JS4652 7.12.
        """
        return self._ask(
            "annotate", study, request, object=object, kind=kind, part=part, transaction=transaction, note=note,
            reason=reason, evidence=evidence
        )

    def lock(
        self, *, study: Oid, data: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Lock the data of a study.

        By sponsor; a person as data_manager. A person must sign.

        Source: R-127; JS4652 7.8.2.
        """
        return self._ask(
            "lock", study, request, study=study, data=data, evidence=evidence
        )

    def unlock(
        self, *, study: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Unlock the data of a study.

        By sponsor; a person as data_manager. A person must sign.

        Source: R-127; JS4652 7.8.2.
        """
        return self._ask(
            "unlock", study, request, study=study, reason=reason, evidence=evidence
        )


class Drugs(Contract[R_co]):
    """Transitions of the contract `drugs`, see `docs/contracts/drugs.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "drugs"

    def register_product(
        self, *, study: Oid, drug: Oid, kind: Code, unit: Code, range: List, cold_chain: Truth, hazardous: Truth,
        information: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Register a trial drug, its information sealed.

        By institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as drug_custodian,
        pharmacist, quality, sponsor_representative.

        Source: R-025, R-032, R-070; GD44 7.1.1, 7.3.1.
        """
        return self._ask(
            "register_product", study, request, drug=drug, kind=kind, unit=unit, range=range, cold_chain=cold_chain,
            hazardous=hazardous, information=information, evidence=evidence
        )

    def make(
        self, *, study: Oid, lot: Oid, drug: Oid, quantity: Count, unit: Code, expiry: Date, stub: Digest,
        container: Oid | None = None, occurred_at: Time | None = None, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Record a finished batch with all its units.

        By institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as drug_custodian,
        pharmacist, quality, sponsor_representative.

        Source: R-078; GD44 6.1, 7.3.1.
        """
        return self._ask(
            "make", study, request, lot=lot, drug=drug, quantity=quantity, unit=unit, expiry=expiry, stub=stub,
            container=container, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def split(
        self, *, study: Oid, package: Oid, parts: List, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Split parts off a package.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-041; GD44 7.3.3; BE 2.5.1.
        """
        return self._ask(
            "split", study, request, package=package, parts=parts, evidence=evidence
        )

    def merge(
        self, *, study: Oid, package: Oid, parents: Oids, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Merge packages of one lot into a new one.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-041; GD44 7.3.3; BE 2.5.1.
        """
        return self._ask(
            "merge", study, request, package=package, parents=parents, evidence=evidence
        )

    def pack(
        self, *, study: Oid, lot: Oid, inputs: List, kits: List, unit: Code, commitment: Digest | None = None,
        occurred_at: Time | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Pack units of batches into kits.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-079; GD44 6.1, 7.3.2.
        """
        return self._ask(
            "pack", study, request, lot=lot, inputs=inputs, kits=kits, unit=unit, commitment=commitment,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def label(
        self, *, study: Oid, lot: Oid, labels: List, occurred_at: Time | None = None, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Give packages their random codes.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-079, R-096, R-145; GD44 6.1.
        """
        return self._ask(
            "label", study, request, lot=lot, labels=labels, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def store(
        self, *, study: Oid, lot: Oid, packages: Oids, place: Code, before: Digest, hazard: Digest | None = None,
        occurred_at: Time | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Put packages into a controlled place.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-080; GD44 6.1, 7.3.3.
        """
        return self._ask(
            "store", study, request, lot=lot, packages=packages, place=place, before=before, hazard=hazard,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def offer(
        self, *, study: Oid, shipment: Oid, receiver: Oid, packages: Oids, seal: Code, range: List,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Offer packages to a receiver.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist, quality, sponsor_representative.

        Source: R-083, R-084, R-206; GD44 7.3.4; JS4652 8.5; BE 2.6.
        """
        return self._ask(
            "offer", study, request, shipment=shipment, receiver=receiver, packages=packages, seal=seal, range=range,
            evidence=evidence
        )

    def withdraw_offer(
        self, *, study: Oid, shipment: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Withdraw an offer that was not sent.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist, quality, sponsor_representative.

        Source: R-206; JS4652 8.5.
        """
        return self._ask(
            "withdraw_offer", study, request, shipment=shipment, reason=reason, evidence=evidence
        )

    def ship(
        self, *, study: Oid, shipment: Oid, waybill: Code, carrier: Code, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Send a shipment: stock-out.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist, quality, sponsor_representative.

        Source: R-081, R-082, R-093; GD44 6.1; JS4652 7.6.2.
        """
        return self._ask(
            "ship", study, request, shipment=shipment, waybill=waybill, carrier=carrier, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def accept(
        self, *, study: Oid, shipment: Oid, counted: List, seal: Code, condition: Code, before: Digest,
        occurred_at: Time, log: Digest | None = None, measured: List | None = None, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Accept a shipment with a count: stock-in.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-081 to R-083, R-206, R-208; GD44 6.1; JS4652 8.5; BE 2.6.
        """
        return self._ask(
            "accept", study, request, shipment=shipment, counted=counted, seal=seal, condition=condition, before=before,
            occurred_at=occurred_at, log=log, measured=measured, evidence=evidence, late=late
        )

    def refuse_delivery(
        self, *, study: Oid, shipment: Oid, reason: Code, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Refuse a shipment as its receiver.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-206; JS4652 8.5.
        """
        return self._ask(
            "refuse_delivery", study, request, shipment=shipment, reason=reason, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def take_back(
        self, *, study: Oid, shipment: Oid, counted: List, seal: Code, condition: Code, before: Digest,
        occurred_at: Time, log: Digest | None = None, measured: List | None = None, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Take back what was refused or undelivered, with a count.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-081, R-206; GD44 6.1; JS4652 8.5.
        """
        return self._ask(
            "take_back", study, request, shipment=shipment, counted=counted, seal=seal, condition=condition,
            before=before, occurred_at=occurred_at, log=log, measured=measured, evidence=evidence, late=late
        )

    def quarantine(
        self, *, study: Oid, lot: Oid, packages: Oids, reason: Code, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Put packages in quarantine.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist, quality, sponsor_representative.

        Source: R-082, R-087; GD44 6.1.
        """
        return self._ask(
            "quarantine", study, request, lot=lot, packages=packages, reason=reason, evidence=evidence
        )

    def order_quarantine(
        self, *, study: Oid, lot: Oid, packages: Oids, reason: Code, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Put packages in quarantine as a regulator.

        By administrative_department; a person as regulator.

        Source: R-087; GD44 6.1; JS4652 7.10.
        """
        return self._ask(
            "order_quarantine", study, request, lot=lot, packages=packages, reason=reason, evidence=evidence
        )

    def lift_quarantine(
        self, *, study: Oid, package: Oid, decision: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Lift a quarantine that a regulator has ordered.

        By administrative_department; a person as regulator. A person must sign.

        Source: R-087; GD44 6.1; JS4652 7.10.
        """
        return self._ask(
            "lift_quarantine", study, request, package=package, decision=decision, evidence=evidence
        )

    def release(
        self, *, study: Oid, package: Oid, decision: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Release a package from quarantine.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-082; GD44 6.1.
        """
        return self._ask(
            "release", study, request, package=package, decision=decision, evidence=evidence
        )

    def excursion(
        self, *, study: Oid, lot: Oid, packages: Oids, measured: List, log: Digest, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report a temperature excursion in storage.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as
        drug_custodian, pharmacist.

        Source: R-080, R-082; GD44 6.1, 7.3.3.
        """
        return self._ask(
            "excursion", study, request, lot=lot, packages=packages, measured=measured, log=log,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def recall(
        self, *, study: Oid, lot: Oid, level: Count, notice: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Order the recall of a lot.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-087; GD44 6.1, 7.3.5.
        """
        return self._ask(
            "recall", study, request, lot=lot, level=level, notice=notice, evidence=evidence
        )

    def end_recall(
        self, *, study: Oid, lot: Oid, decision: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """End the recall of a lot.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-087; GD44 6.1, 7.3.5.
        """
        return self._ask(
            "end_recall", study, request, lot=lot, decision=decision, evidence=evidence
        )

    def retain(
        self, *, study: Oid, lot: Oid, packages: Oids, condition: Code, valid_until: Date, before: Digest,
        occurred_at: Time | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Retain packages of a lot before dosing.

        By institution, investigator, study_centre, study_unit; a person as crc, drug_custodian, pharmacist,
        principal_investigator, study_nurse, sub_investigator.

        Source: R-147 to R-150; GD44 6.1, 7.3.6; BE 2.5.1.
        """
        return self._ask(
            "retain", study, request, lot=lot, packages=packages, condition=condition, valid_until=valid_until,
            before=before, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def dispense(
        self, *, study: Oid, package: Oid, subject: Oid, before: Digest, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Dispense a package to a subject.

        By institution, investigator, study_centre, study_unit; a person as drug_custodian, pharmacist,
        principal_investigator, study_nurse, sub_investigator. A person must sign.

        Source: R-085, R-094; GD44 6.1; JS4652 7.6.1.
        """
        return self._ask(
            "dispense", study, request, package=package, subject=subject, before=before, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def administer(
        self, *, study: Oid, package: Oid, quantity: Count, unit: Code, period: Count, order: Digest, operator: Oid,
        before: Digest, occurred_at: Time, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Record a dose.

        By institution, investigator, study_centre, study_unit; a person as crc, drug_custodian, pharmacist,
        principal_investigator, study_nurse, sub_investigator.

        Source: R-086; GD44 6.1; JS4652 7.6.3.
        """
        return self._ask(
            "administer", study, request, package=package, quantity=quantity, unit=unit, period=period, order=order,
            operator=operator, before=before, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def return_unused(
        self, *, study: Oid, package: Oid, counted: Count, unit: Code, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Take back from a subject what was not used.

        By institution, investigator, study_centre, study_unit; a person as crc, drug_custodian, pharmacist,
        principal_investigator, study_nurse, sub_investigator.

        Source: R-088, R-094; GD44 7.3.5; JS4652 7.6.1.
        """
        return self._ask(
            "return_unused", study, request, package=package, counted=counted, unit=unit, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def recover(
        self, *, study: Oid, lot: Oid, counted: List, reason: Code, before: Digest, occurred_at: Time,
        level: Count | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Take packages of a lot out of use.

        By drug_depot, institution, investigator, sponsor, study_centre, study_unit; a person as drug_custodian,
        pharmacist.

        Source: R-087, R-088; GD44 6.1, 7.3.5.
        """
        return self._ask(
            "recover", study, request, lot=lot, counted=counted, reason=reason, level=level, before=before,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def approve_destruction(
        self, *, study: Oid, lot: Oid, packages: Oids, date: Date, plan: Digest, method: Code,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Approve the destruction of packages.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-088, R-089; GD44 7.3.5.
        """
        return self._ask(
            "approve_destruction", study, request, lot=lot, packages=packages, date=date, plan=plan, method=method,
            evidence=evidence
        )

    def destroy(
        self, *, study: Oid, package: Oid, quantity: Count, unit: Code, method: Code, witness: Oid, before: Digest,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Destroy a package before a witness.

        By drug_depot, institution, investigator, sponsor, study_centre, study_unit; a person as drug_custodian,
        pharmacist. A person must sign.

        Source: R-088, R-089; GD44 6.1, 7.3.5.
        """
        return self._ask(
            "destroy", study, request, package=package, quantity=quantity, unit=unit, method=method, witness=witness,
            before=before, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def lose(
        self, *, study: Oid, package: Oid, quantity: Count, unit: Code, reason: Code, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report units as lost.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as crc,
        drug_custodian, pharmacist, principal_investigator, study_nurse, sub_investigator.

        Source: R-088, R-090, X-20; GD44 7.3.5.
        """
        return self._ask(
            "lose", study, request, package=package, quantity=quantity, unit=unit, reason=reason,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def find(
        self, *, study: Oid, package: Oid, number: Count, into: Oid, quantity: Count, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Report missing units as found.

        By drug_depot, institution, investigator, laboratory, sponsor, study_centre, study_unit; a person as crc,
        drug_custodian, pharmacist, principal_investigator, study_nurse, sub_investigator.

        Source: R-090, R-206; GD44 7.3.5.
        """
        return self._ask(
            "find", study, request, package=package, number=number, into=into, quantity=quantity, evidence=evidence
        )

    def close_case(
        self, *, study: Oid, package: Oid, number: Count, outcome: Code, reason: Code, decision: Digest,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Close a discrepancy case.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-088, R-090, X-20; GD44 7.3.5.
        """
        return self._ask(
            "close_case", study, request, package=package, number=number, outcome=outcome, reason=reason,
            decision=decision, evidence=evidence
        )


class Grants(Contract[R_co]):
    """Transitions of the contract `grants`, see `docs/contracts/grants.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "grants"

    def grant(
        self, *, object: Oid, grantee: Oid, rights: Codes, until: Time, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Grant rights for an object.

        By any member; a person as administrator, data_manager, principal_investigator, quality, regulator,
        sponsor_representative.

        Source: R-011, R-072, R-199; JS4652 8.3, 8.4.
        """
        return self._ask(
            "grant", None, request, object=object, grantee=grantee, rights=rights, until=until, evidence=evidence
        )

    def revoke(
        self, *, object: Oid, grantee: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Revoke a grant.

        By any member; a person as administrator, data_manager, principal_investigator, quality, regulator,
        sponsor_representative.

        Source: R-011, R-072; JS4652 7.12.3.
        """
        return self._ask(
            "revoke", None, request, object=object, grantee=grantee, reason=reason, evidence=evidence
        )

    def offer_transfer(
        self, *, object: Oid, receiver: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Offer the authorisation over an object to a member.

        By any member; a person as administrator, data_manager, principal_investigator, quality, regulator,
        sponsor_representative.

        Source: R-206, R-208; JS4652 8.5.
        """
        return self._ask(
            "offer_transfer", None, request, object=object, receiver=receiver, evidence=evidence
        )

    def withdraw_transfer(
        self, *, object: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Withdraw an offer of authorisation.

        By any member; a person as administrator, data_manager, principal_investigator, quality, regulator,
        sponsor_representative.

        Source: R-206; JS4652 8.5.
        """
        return self._ask(
            "withdraw_transfer", None, request, object=object, evidence=evidence
        )

    def accept_transfer(
        self, *, object: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Accept the authorisation over an object.

        By any member; a person as administrator, data_manager, principal_investigator, quality, regulator,
        sponsor_representative.

        Source: R-206 to R-208; JS4652 8.5.
        """
        return self._ask(
            "accept_transfer", None, request, object=object, evidence=evidence
        )

    def subscribe(
        self, *, study: Oid, classes: Codes, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Subscribe to events of a study.

        By any member.

        Source: R-072, R-199; JS4652 8.3.
        """
        return self._ask(
            "subscribe", None, request, study=study, classes=classes, evidence=evidence
        )

    def unsubscribe(
        self, *, study: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """End a subscription.

        By any member.

        Source: R-072, R-199; JS4652 8.3.
        """
        return self._ask(
            "unsubscribe", None, request, study=study, evidence=evidence
        )


class Members(Contract[R_co]):
    """Transitions of the contract `members`, see `docs/contracts/members.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "members"

    def found(
        self, *, consortium: Oid, regulators: Oids, threshold: Count, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Found the consortium with its regulators.

        By any member; a person as administrator, regulator.

        Source: R-001, R-190; JS4652 8.3.
        """
        return self._ask(
            "found", None, request, consortium=consortium, regulators=regulators, threshold=threshold, evidence=evidence
        )

    def propose(
        self, *, motion: Code, subject: Oid, digest: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Put a motion to the regulators.

        By any member; a person as administrator, regulator.

        Source: R-202, R-203; JS4652 8.4.
        """
        return self._ask(
            "propose", None, request, motion=motion, subject=subject, digest=digest, evidence=evidence
        )

    def confirm(
        self, *, motion: Code, subject: Oid, digest: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Confirm a motion as a regulator.

        By administrative_department; a person as regulator.

        Source: R-190, R-203; JS4652 8.3, 8.4.
        """
        return self._ask(
            "confirm", None, request, motion=motion, subject=subject, digest=digest, evidence=evidence
        )

    def appoint(
        self, *, person: Oid, functions: Codes, since: Time, until: Time, training: Digest, studies: Oids | None = None,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Appoint a person for functions and a time.

        By any member; a person as administrator.

        Source: R-009 to R-014; JS4652 7.1.2.3.
        """
        return self._ask(
            "appoint", None, request, person=person, functions=functions, since=since, until=until, training=training,
            studies=studies, evidence=evidence
        )

    def dismiss(
        self, *, person: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """End the appointment of a person.

        By any member; a person as administrator.

        Source: R-009, R-011.
        """
        return self._ask(
            "dismiss", None, request, person=person, reason=reason, evidence=evidence
        )

    def revoke(
        self, *, member: Oid, certificate: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Revoke a certificate of one's own.

        By any member; a person as administrator.

        Source: R-005, R-009; JS4652 6f, 8.5.
        """
        return self._ask(
            "revoke", None, request, member=member, certificate=certificate, evidence=evidence
        )


class Randomisation(Contract[R_co]):
    """Transitions of the contract `randomisation`, see `docs/contracts/randomisation.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "randomisation"

    def commit(
        self, *, study: Oid, list: Code, scheme: Digest, commitment: Digest, strata: Map,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Commit to the scheme and the seed of a randomisation list.

        By sponsor, third_party; a person as statistician. A person must sign.

        Source: R-144 to R-146; GD44 7.1.3; JS4652 7.4.2 b).
        """
        return self._ask(
            "commit", study, request, study=study, list=list, scheme=scheme, commitment=commitment, strata=strata,
            evidence=evidence
        )

    def fix_beacon(
        self, *, study: Oid, list: Code, committed: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Fix the beacon of a list, as another member than its holder.

        By sponsor, third_party, study_unit, study_centre, institution, investigator; a person as statistician,
        sponsor_representative, principal_investigator, sub_investigator, quality.

        Source: R-144, R-146.
        """
        return self._ask(
            "fix_beacon", study, request, study=study, list=list, committed=committed, evidence=evidence
        )

    def assign(
        self, *, study: Oid, subject: Oid, list: Code, stratum: Code, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Give a subject the next randomisation number of its stratum.

        By sponsor, third_party, study_unit, study_centre, institution, investigator; a person as statistician,
        principal_investigator, sub_investigator, study_nurse, crc.

        Source: R-126, R-144, R-146; JS4652 7.4.2 b); BE 2.6.
        """
        return self._ask(
            "assign", study, request, subject=subject, list=list, stratum=stratum, evidence=evidence
        )

    def allocate(
        self, *, study: Oid, subject: Oid, kits: Oids, period: Count, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Allocate kits to a subject for a period.

        By sponsor, third_party; a person as statistician.

        Source: R-091, R-145; GD44 6.1, 7.3.2.
        """
        return self._ask(
            "allocate", study, request, subject=subject, kits=kits, period=period, evidence=evidence
        )

    def close_list(
        self, *, study: Oid, list: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Give no more numbers of a list.

        By sponsor, third_party; a person as statistician. A person must sign.

        Source: R-146; GD44 7.1.3.
        """
        return self._ask(
            "close_list", study, request, study=study, list=list, evidence=evidence
        )

    def reveal(
        self, *, study: Oid, list: Code, seed: Seed, scheme: Map, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Reveal seed and scheme of a closed list.

        By sponsor, third_party; a person as statistician. A person must sign.

        Source: R-144, R-146; GD44 7.1.3.
        """
        return self._ask(
            "reveal", study, request, study=study, list=list, seed=seed, scheme=scheme, evidence=evidence
        )

    def commit_draw(
        self, *, study: Oid, lot: Oid, units: Oids, count: Count, commitment: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Commit to a seed and the units that retention samples are drawn from.

        By third_party, study_unit, study_centre, institution, investigator; a person as drug_custodian, pharmacist,
        principal_investigator, sub_investigator, study_nurse, statistician.

        Source: R-147, R-149; BE 2.5.1.
        """
        return self._ask(
            "commit_draw", study, request, lot=lot, units=units, count=count, commitment=commitment, evidence=evidence
        )

    def fix_draw_beacon(
        self, *, study: Oid, lot: Oid, holder: Oid, committed: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Fix the beacon of a draw, as another member than its holder.

        By sponsor, drug_depot, study_unit, study_centre, institution, investigator; a person as statistician,
        sponsor_representative, drug_custodian, pharmacist, principal_investigator, sub_investigator, quality.

        Source: R-149, R-150; BE 2.5.1.
        """
        return self._ask(
            "fix_draw_beacon", study, request, lot=lot, holder=holder, committed=committed, evidence=evidence
        )

    def reveal_draw(
        self, *, study: Oid, lot: Oid, seed: Seed, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Reveal the seed and draw the retention samples.

        By third_party, study_unit, study_centre, institution, investigator; a person as drug_custodian, pharmacist,
        principal_investigator, sub_investigator, study_nurse, statistician.

        Source: R-149, R-150; BE 2.5.1.
        """
        return self._ask(
            "reveal_draw", study, request, lot=lot, seed=seed, evidence=evidence
        )


class Reviews(Contract[R_co]):
    """Transitions of the contract `reviews`, see `docs/contracts/reviews.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "reviews"

    def appoint_organ(
        self, *, study: Oid, organ: Code, member: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Appoint a participant as a review organ.

        By sponsor; a person as principal_investigator, quality, sponsor_representative.

        Source: R-133; GD44 8.1.
        """
        return self._ask(
            "appoint_organ", study, request, organ=organ, member=member, evidence=evidence
        )

    def constitute(
        self, *, study: Oid, seats: Count, outside: Count, roster: Digest, training: Digest, organ: Code,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Say how a review organ is composed.

        By institution, investigator, study_centre, study_unit, third_party; a person as quality, reviewer.

        Source: R-133; GD44 8.1.
        """
        return self._ask(
            "constitute", study, request, study=study, seats=seats, outside=outside, roster=roster, training=training,
            organ=organ, evidence=evidence
        )

    def constitute_ethics(
        self, *, study: Oid, seats: Count, outside: Count, roster: Digest, training: Digest,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Say how the ethics committee is composed.

        By ethics_committee; a person as ethics_member, ethics_secretary.

        Source: R-139, R-142; GD44 8.1 b); JS4652 7.2.3 e).
        """
        return self._ask(
            "constitute_ethics", study, request, study=study, seats=seats, outside=outside, roster=roster,
            training=training, evidence=evidence
        )

    def submit(
        self, *, study: Oid, review: Oid, organ: Code, stage: Code, form: Code, sort: Code, documents: List,
        record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Submit documents to a review organ.

        By sponsor, institution, investigator, study_centre, study_unit; a person as crc, data_manager,
        pharmacovigilance, principal_investigator, quality, sponsor_representative, sub_investigator.

        Source: R-135, R-141; GD44 8.1, Table 2; JS4652 7.2.2.1.
        """
        return self._ask(
            "submit", study, request, review=review, organ=organ, stage=stage, form=form, sort=sort,
            documents=documents, record=record, evidence=evidence
        )

    def raise_motion(
        self, *, study: Oid, review: Oid, organ: Code, stage: Code, form: Code, cause: Code, record: Digest,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Open a review as its organ.

        By ethics_committee, institution, investigator, study_centre, study_unit, third_party; a person as data_manager,
        ethics_member, ethics_secretary, pharmacovigilance, quality, reviewer, statistician.

        Source: R-135 to R-137, R-140; GD44 8.1.
        """
        return self._ask(
            "raise_motion", study, request, review=review, organ=organ, stage=stage, form=form, cause=cause,
            record=record, evidence=evidence
        )

    def decide_academic(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest | None = None, until: Time | None = None, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Decide on a review as the academic organ.

        By institution, investigator, study_centre, study_unit; a person as reviewer. A person must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 1.
        """
        return self._ask(
            "decide_academic", study, request, review=review, verdict=verdict, minutes=minutes, present=present,
            outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def decide_ethics(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest | None = None, until: Time | None = None, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Decide on a review as the ethics committee.

        By ethics_committee; a person as ethics_member, ethics_secretary. A person must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 2; JS4652 7.2.2.2.
        """
        return self._ask(
            "decide_ethics", study, request, review=review, verdict=verdict, minutes=minutes, present=present,
            outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def decide_quality(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest, until: Time | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Decide on a review as the quality organ.

        By institution, investigator, study_centre, study_unit, third_party; a person as quality, reviewer. A person
        must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 3.
        """
        return self._ask(
            "decide_quality", study, request, review=review, verdict=verdict, minutes=minutes, present=present,
            outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def decide_data_statistics(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest, until: Time | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Decide on a review as the organ of data management and statistics.

        By institution, investigator, study_centre, study_unit, third_party; a person as data_manager, reviewer,
        statistician. A person must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 4.
        """
        return self._ask(
            "decide_data_statistics", study, request, review=review, verdict=verdict, minutes=minutes, present=present,
            outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def decide_clinical_medicine(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest, until: Time | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Decide on a review as the organ of clinical medicine.

        By institution, investigator, study_centre, study_unit; a person as reviewer. A person must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 5.
        """
        return self._ask(
            "decide_clinical_medicine", study, request, review=review, verdict=verdict, minutes=minutes,
            present=present, outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def decide_research_management(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest, until: Time | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Decide on a review as the organ of research management.

        By institution, investigator, study_centre, study_unit; a person as reviewer. A person must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 6.
        """
        return self._ask(
            "decide_research_management", study, request, review=review, verdict=verdict, minutes=minutes,
            present=present, outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def decide_safety(
        self, *, study: Oid, review: Oid, verdict: Code, minutes: Digest, present: Count, outside: Count,
        opinion: Digest, until: Time | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Decide on a review as the safety organ.

        By institution, investigator, study_centre, study_unit, third_party; a person as pharmacovigilance, reviewer. A
        person must sign.

        Source: R-133 to R-138; GD44 8.1, Table 2 no. 7.
        """
        return self._ask(
            "decide_safety", study, request, review=review, verdict=verdict, minutes=minutes, present=present,
            outside=outside, opinion=opinion, until=until, evidence=evidence
        )

    def respond(
        self, *, study: Oid, review: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Answer conditions or what is to be rectified.

        By sponsor, institution, investigator, study_centre, study_unit; a person as crc, data_manager,
        pharmacovigilance, principal_investigator, quality, sponsor_representative, sub_investigator.

        Source: R-138; GD44 8.1; JS4652 7.11.2 d).
        """
        return self._ask(
            "respond", study, request, review=review, record=record, evidence=evidence
        )

    def suspend_approval(
        self, *, study: Oid, reason: Code, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Suspend the ethics approval.

        By ethics_committee; a person as ethics_member, ethics_secretary. A person must sign.

        Source: R-114, R-141; JS4652 7.2.1, 7.2.2.1 n).
        """
        return self._ask(
            "suspend_approval", study, request, study=study, reason=reason, record=record, evidence=evidence
        )

    def withdraw_approval(
        self, *, study: Oid, reason: Code, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Withdraw the ethics approval.

        By ethics_committee; a person as ethics_member, ethics_secretary. A person must sign.

        Source: R-114, R-141; JS4652 7.2.1, 7.2.2.1 n).
        """
        return self._ask(
            "withdraw_approval", study, request, study=study, reason=reason, record=record, evidence=evidence
        )


class Samples(Contract[R_co]):
    """Transitions of the contract `samples`, see `docs/contracts/samples.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "samples"

    def collect(
        self, *, study: Oid, sample: Oid, subject: Oid, type: Code, period: Code, planned_at: Time, occurred_at: Time,
        volume: Count, method: Code, position: Code, collector: Oid, circumstances: Digest | None = None,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Collect a sample from a subject.

        By institution, investigator, study_centre, study_unit; a person as crc, principal_investigator,
        sample_custodian, study_nurse, sub_investigator.

        Source: R-100, R-101; BE 2.6, 7.2.3; JS4652 7.7.1.
        """
        return self._ask(
            "collect", study, request, sample=sample, subject=subject, type=type, period=period, planned_at=planned_at,
            occurred_at=occurred_at, volume=volume, method=method, position=position, collector=collector,
            circumstances=circumstances, evidence=evidence, late=late
        )

    def label(
        self, *, study: Oid, sample: Oid, parent: Oid, code: Code, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Put a sample into a container with a blinded code.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-074, R-075, R-098, R-099; BE 2.5.2; JS4652 7.7.1.
        """
        return self._ask(
            "label", study, request, sample=sample, parent=parent, code=code, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def process(
        self, *, study: Oid, sample: Oid, step: Code, device: Code, conditions: Digest, operator: Oid, reviewer: Oid,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Process a sample, such as by centrifuging.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-100, R-101; BE 7.2.3.
        """
        return self._ask(
            "process", study, request, sample=sample, step=step, device=device, conditions=conditions,
            operator=operator, reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def aliquot(
        self, *, study: Oid, sample: Oid, aliquots: List, remainder: Count, device: Code, operator: Oid, reviewer: Oid,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Put parts of a sample into coded containers.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-099, R-100; BE 2.5.2, 7.2.3.
        """
        return self._ask(
            "aliquot", study, request, sample=sample, aliquots=aliquots, remainder=remainder, device=device,
            operator=operator, reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def store(
        self, *, study: Oid, sample: Oid, place: Code, range: List, operator: Oid, reviewer: Oid, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Store a sample in a controlled place.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101, R-102; BE 7.2.3; JS4652 7.7.2, 7.7.3.
        """
        return self._ask(
            "store", study, request, sample=sample, place=place, range=range, operator=operator, reviewer=reviewer,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def report_deviation(
        self, *, study: Oid, sample: Oid, cause: Code, occurred_at: Time, measured: List | None = None,
        record: Digest | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Report that something went wrong with a sample.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101; BE 2.6; JS4652 7.7.1.
        """
        return self._ask(
            "report_deviation", study, request, sample=sample, cause=cause, measured=measured, record=record,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def assess_deviation(
        self, *, study: Oid, sample: Oid, outcome: Code, assessment: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Assess the deviation of a sample.

        By institution, investigator, laboratory, study_centre, study_unit; a person as principal_investigator, quality.
        A person must sign.

        Source: R-101; BE 2.6; JS4652 7.7.1.
        """
        return self._ask(
            "assess_deviation", study, request, sample=sample, outcome=outcome, assessment=assessment, evidence=evidence
        )

    def offer(
        self, *, study: Oid, shipment: Oid, receiver: Oid, samples: Oids, seal: Code, range: List,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Offer samples to a receiver.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-083, R-206; BE 2.6; JS4652 8.5.
        """
        return self._ask(
            "offer", study, request, shipment=shipment, receiver=receiver, samples=samples, seal=seal, range=range,
            evidence=evidence
        )

    def withdraw_offer(
        self, *, study: Oid, shipment: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Withdraw an offer of samples that was not sent.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-206; JS4652 8.5.
        """
        return self._ask(
            "withdraw_offer", study, request, shipment=shipment, reason=reason, evidence=evidence
        )

    def ship(
        self, *, study: Oid, shipment: Oid, waybill: Code, carrier: Code, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Send a shipment of samples.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-083, R-101; BE 2.6; JS4652 7.7.2.
        """
        return self._ask(
            "ship", study, request, shipment=shipment, waybill=waybill, carrier=carrier, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def accept(
        self, *, study: Oid, shipment: Oid, count: Count, seal: Code, condition: Code, log: Digest, measured: List,
        place: Code, deliverer: Code, operator: Oid, reviewer: Oid, occurred_at: Time, missing: Oids | None = None,
        damaged: Oids | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Accept a shipment of samples.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-083, R-100, R-206 to R-208; BE 2.6, 7.2.5; JS4652 8.5.
        """
        return self._ask(
            "accept", study, request, shipment=shipment, count=count, seal=seal, condition=condition, log=log,
            measured=measured, place=place, deliverer=deliverer, missing=missing, damaged=damaged, operator=operator,
            reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def refuse_delivery(
        self, *, study: Oid, shipment: Oid, reason: Code, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Refuse a shipment of samples.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-206; JS4652 8.5.
        """
        return self._ask(
            "refuse_delivery", study, request, shipment=shipment, reason=reason, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def take_back(
        self, *, study: Oid, shipment: Oid, count: Count, seal: Code, condition: Code, log: Digest, measured: List,
        place: Code, deliverer: Code, operator: Oid, reviewer: Oid, occurred_at: Time, missing: Oids | None = None,
        damaged: Oids | None = None, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Take back samples that were refused or not delivered.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101, R-206; BE 2.6; JS4652 8.5.
        """
        return self._ask(
            "take_back", study, request, shipment=shipment, count=count, seal=seal, condition=condition, log=log,
            measured=measured, place=place, deliverer=deliverer, missing=missing, damaged=damaged, operator=operator,
            reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def lose(
        self, *, study: Oid, sample: Oid, reason: Code, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report a sample as missing.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101; JS4652 7.7.1.
        """
        return self._ask(
            "lose", study, request, sample=sample, reason=reason, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def find(
        self, *, study: Oid, sample: Oid, place: Code, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report a missing sample as found.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101; JS4652 7.7.1.
        """
        return self._ask(
            "find", study, request, sample=sample, place=place, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def close_case(
        self, *, study: Oid, case: Oid, outcome: Code, reason: Code, decision: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Close a discrepancy case of samples.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-101, R-206; JS4652 7.7.1, 8.5.
        """
        return self._ask(
            "close_case", study, request, case=case, outcome=outcome, reason=reason, decision=decision,
            evidence=evidence
        )

    def issue(
        self, *, study: Oid, sample: Oid, recipient: Oid, purpose: Code, process: Code, operator: Oid, reviewer: Oid,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Issue a sample from the store.

        By laboratory; a person as analyst, crc, principal_investigator, quality, sample_custodian, study_nurse,
        sub_investigator.

        Source: R-100; BE 7.2.5.
        """
        return self._ask(
            "issue", study, request, sample=sample, recipient=recipient, purpose=purpose, process=process,
            operator=operator, reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def assay(
        self, *, study: Oid, sample: Oid, batch: Code, process: Code, device: Code, conditions: Digest, operator: Oid,
        reviewer: Oid, occurred_at: Time, evidence: Digests | None = None, late: Code | None = None,
        request: str | None = None
    ) -> R_co:
        """Process a sample for its assay in a batch.

        By laboratory; a person as analyst, crc, principal_investigator, quality, sample_custodian, study_nurse,
        sub_investigator.

        Source: R-100, R-103; BE 7.2.5.
        """
        return self._ask(
            "assay", study, request, sample=sample, batch=batch, process=process, device=device, conditions=conditions,
            operator=operator, reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def result(
        self, *, study: Oid, result: Oid, sample: Oid, batch: Code, record: Digest, purpose: Code, analyst: Oid,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Record the result of a sample by its digest.

        By laboratory; a person as analyst, crc, principal_investigator, quality, sample_custodian, study_nurse,
        sub_investigator.

        Source: R-067, R-103, R-104; BE 4.1.3, 7.2.5.
        """
        return self._ask(
            "result", study, request, result=result, sample=sample, batch=batch, record=record, purpose=purpose,
            analyst=analyst, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def retest(
        self, *, study: Oid, result: Oid, reason: Code, review: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Allow the re-test of a result after its review.

        By laboratory; a person as analyst, quality. A person must sign.

        Source: R-102; JS4652 7.7.2.2, 7.7.3.
        """
        return self._ask(
            "retest", study, request, result=result, reason=reason, review=review, evidence=evidence
        )

    def confirm_result(
        self, *, study: Oid, result: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Confirm a result.

        By laboratory; a person as analyst, quality. A person must sign.

        Source: R-102; JS4652 7.7.2.2.
        """
        return self._ask(
            "confirm_result", study, request, result=result, evidence=evidence
        )

    def return_sample(
        self, *, study: Oid, sample: Oid, recipient: Oid, place: Code, operator: Oid, reviewer: Oid, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Return an issued sample to the store.

        By laboratory; a person as analyst, crc, principal_investigator, quality, sample_custodian, study_nurse,
        sub_investigator.

        Source: R-100; BE 7.2.5.
        """
        return self._ask(
            "return_sample", study, request, sample=sample, recipient=recipient, place=place, operator=operator,
            reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def retain(
        self, *, study: Oid, sample: Oid, place: Code, range: List, until: Time, operator: Oid, reviewer: Oid,
        occurred_at: Time, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Keep a sample until a date.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101, R-104; BE 4.1.3; JS4652 7.7.3.
        """
        return self._ask(
            "retain", study, request, sample=sample, place=place, range=range, until=until, operator=operator,
            reviewer=reviewer, occurred_at=occurred_at, evidence=evidence, late=late
        )

    def approve_destruction(
        self, *, study: Oid, sample: Oid, method: Code, plan: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Approve the destruction of a sample.

        By sponsor; a person as quality, sponsor_representative. A person must sign.

        Source: R-101, R-104; JS4652 7.7.1.
        """
        return self._ask(
            "approve_destruction", study, request, sample=sample, method=method, plan=plan, evidence=evidence
        )

    def destroy(
        self, *, study: Oid, sample: Oid, method: Code, operator: Oid, reviewer: Oid, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Destroy a sample; its records stay.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator. A person must sign.

        Source: R-101, R-104; BE 4.1.3; JS4652 7.7.1.
        """
        return self._ask(
            "destroy", study, request, sample=sample, method=method, operator=operator, reviewer=reviewer,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def discard(
        self, *, study: Oid, sample: Oid, reason: Code, operator: Oid, reviewer: Oid, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Discard a sample that cannot be used.

        By institution, investigator, laboratory, study_centre, study_unit; a person as analyst, crc,
        principal_investigator, quality, sample_custodian, study_nurse, sub_investigator.

        Source: R-101; BE 7.2.3.
        """
        return self._ask(
            "discard", study, request, sample=sample, reason=reason, operator=operator, reviewer=reviewer,
            occurred_at=occurred_at, evidence=evidence, late=late
        )


class Trials(Contract[R_co]):
    """Transitions of the contract `trials`, see `docs/contracts/trials.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "trials"

    def register(
        self, *, study: Oid, phase: Code, design: Code, blinding: Code, protocol: Digest, drugs: Oids,
        traits: Codes | None = None, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Register a study with its first protocol.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative.

        Source: R-027, R-110; GD44 6.2, 7.2.1; JS4652 7.1.3 b).
        """
        return self._ask(
            "register", None, request, study=study, phase=phase, design=design, blinding=blinding, protocol=protocol,
            drugs=drugs, traits=traits, evidence=evidence
        )

    def invite(
        self, *, study: Oid, member: Oid, roles: Codes, contract: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Invite a member to take part in roles.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative.

        Source: R-003, R-013; JS4652 7.1.2.3 a), g), 7.1.3 f).
        """
        return self._ask(
            "invite", None, request, study=study, member=member, roles=roles, contract=contract, evidence=evidence
        )

    def join(
        self, *, study: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Join a study as invited.

        By any member; a person as administrator, analyst, drug_custodian, ethics_secretary, principal_investigator,
        quality, sponsor_representative, statistician.

        Source: R-013, R-206; JS4652 8.4, 8.5.
        """
        return self._ask(
            "join", None, request, study=study, evidence=evidence
        )

    def leave(
        self, *, study: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Leave a study, or decline the invitation.

        By any member; a person as administrator, analyst, drug_custodian, ethics_secretary, principal_investigator,
        quality, sponsor_representative, statistician.

        Source: R-009, R-011; JS4652 7.12.3 a).
        """
        return self._ask(
            "leave", None, request, study=study, reason=reason, evidence=evidence
        )

    def exclude(
        self, *, study: Oid, member: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """End the part of a member in a study.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative.

        Source: R-009, R-011; JS4652 7.12.3 a).
        """
        return self._ask(
            "exclude", None, request, study=study, member=member, reason=reason, evidence=evidence
        )

    def start(
        self, *, study: Oid, committee: Oid, approval: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Start a study.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative. A person must sign.

        Source: R-109, R-139; GD44 6.2, 8.1 b).
        """
        return self._ask(
            "start", None, request, study=study, committee=committee, approval=approval, evidence=evidence
        )

    def suspend(
        self, *, study: Oid, reason: Code, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Pause a study as its sponsor.

        By sponsor, institution, investigator, study_centre, study_unit; a person as pharmacovigilance,
        principal_investigator, sponsor_representative. A person must sign.

        Source: R-120, R-141; JS4652 7.2.2.1 n).
        """
        return self._ask(
            "suspend", None, request, study=study, reason=reason, record=record, evidence=evidence
        )

    def resume(
        self, *, study: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Resume a study that its sponsor has paused.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative. A person must sign.

        Source: R-120; JS4652 7.2.2.1 n).
        """
        return self._ask(
            "resume", None, request, study=study, record=record, evidence=evidence
        )

    def order_suspension(
        self, *, study: Oid, reason: Code, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Pause a study as a regulator.

        By administrative_department; a person as regulator. A person must sign.

        Source: R-190, R-193; JS4652 7.10, 8.3.
        """
        return self._ask(
            "order_suspension", None, request, study=study, reason=reason, record=record, evidence=evidence
        )

    def lift_suspension(
        self, *, study: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Resume a study that a regulator has paused.

        By administrative_department; a person as regulator. A person must sign.

        Source: R-190, R-193; JS4652 7.10, 8.3.
        """
        return self._ask(
            "lift_suspension", None, request, study=study, record=record, evidence=evidence
        )

    def terminate(
        self, *, study: Oid, reason: Code, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """End a study early as its sponsor.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative. A person must sign.

        Source: R-141; JS4652 7.2.2.1 n).
        """
        return self._ask(
            "terminate", None, request, study=study, reason=reason, record=record, evidence=evidence
        )

    def order_termination(
        self, *, study: Oid, reason: Code, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """End a study early as a regulator.

        By administrative_department; a person as regulator. A person must sign.

        Source: R-190, R-193; JS4652 7.10, 8.3.
        """
        return self._ask(
            "order_termination", None, request, study=study, reason=reason, record=record, evidence=evidence
        )

    def complete(
        self, *, study: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Complete a study.

        By sponsor; a person as principal_investigator, sponsor_representative. A person must sign.

        Source: R-118, R-119; GD44 6.2, 7.1.3.
        """
        return self._ask(
            "complete", study, request, study=study, record=record, evidence=evidence
        )

    def close(
        self, *, study: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Close a study whose records are archived.

        By sponsor, institution, investigator, study_centre, study_unit; a person as principal_investigator,
        sponsor_representative. A person must sign.

        Source: R-119, R-174; GD44 6.2.
        """
        return self._ask(
            "close", None, request, study=study, record=record, evidence=evidence
        )

    def plan_site(
        self, *, study: Oid, site: Oid, subjects: Count, contract: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Plan a site and its number of subjects, or change the plan.

        By sponsor; a person as cra, principal_investigator, sponsor_representative.

        Source: R-016, R-109; GD44 6.2; JS4652 7.1.3 f).
        """
        return self._ask(
            "plan_site", study, request, site=site, subjects=subjects, contract=contract, evidence=evidence
        )

    def open_site(
        self, *, study: Oid, site: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Open a site.

        By sponsor; a person as cra, principal_investigator, sponsor_representative.

        Source: R-109, R-114; GD44 6.2.
        """
        return self._ask(
            "open_site", study, request, site=site, record=record, evidence=evidence
        )

    def close_site(
        self, *, study: Oid, site: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Close a site.

        By sponsor; a person as cra, principal_investigator, sponsor_representative.

        Source: R-127; JS4652 7.1.2.3 d).
        """
        return self._ask(
            "close_site", study, request, site=site, record=record, evidence=evidence
        )

    def amend(
        self, *, study: Oid, number: Count, protocol: Digest, reason: Code, drugs: Oids | None = None,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Propose a version of the protocol.

        By sponsor; a person as principal_investigator, sponsor_representative, statistician.

        Source: R-141, R-142; JS4652 7.2.2.1 a), 7.2.3 a).
        """
        return self._ask(
            "amend", study, request, study=study, number=number, protocol=protocol, reason=reason, drugs=drugs,
            evidence=evidence
        )

    def put_in_force(
        self, *, study: Oid, number: Count, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Put an approved version of the protocol in force.

        By sponsor; a person as principal_investigator, sponsor_representative. A person must sign.

        Source: R-111, R-142; JS4652 7.2.1, 7.2.3 a).
        """
        return self._ask(
            "put_in_force", study, request, study=study, number=number, evidence=evidence
        )

    def begin_activity(
        self, *, study: Oid, activity: Code, before: Digest, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Begin a trial activity with the evidence before it.

        By sponsor, institution, investigator, study_centre, study_unit; a person as crc, data_manager, pharmacist,
        principal_investigator, quality, sponsor_representative, statistician, study_nurse, sub_investigator.

        Source: R-066, R-109 to R-119; GD44 6.1, 6.2.
        """
        return self._ask(
            "begin_activity", study, request, study=study, activity=activity, before=before, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def complete_activity(
        self, *, study: Oid, activity: Code, after: Digest, occurred_at: Time, evidence: Digests | None = None,
        late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Complete a trial activity with the evidence after it.

        By sponsor, institution, investigator, study_centre, study_unit; a person as crc, data_manager, pharmacist,
        principal_investigator, quality, sponsor_representative, statistician, study_nurse, sub_investigator.

        Source: R-066, R-109 to R-119, R-133; GD44 6.1, 6.2, 8.1.
        """
        return self._ask(
            "complete_activity", study, request, study=study, activity=activity, after=after, occurred_at=occurred_at,
            evidence=evidence, late=late
        )

    def move_step(
        self, *, study: Oid, step: Code, to: Code, record: Digest, reason: Code | None = None,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Move a research step to another status.

        By sponsor; a person as data_manager, principal_investigator, quality, sponsor_representative, statistician.

        Source: R-120, R-133; GD44 7.1.3, 8.1.
        """
        return self._ask(
            "move_step", study, request, study=study, step=step, to=to, record=record, reason=reason, evidence=evidence
        )

    def plan_monitoring(
        self, *, study: Oid, plan: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Say how the study is monitored.

        By sponsor, third_party; a person as cra, principal_investigator, quality, sponsor_representative.

        Source: R-117, R-195; JS4652 7.9.2, 7.9.3 a).
        """
        return self._ask(
            "plan_monitoring", study, request, study=study, plan=plan, evidence=evidence
        )

    def report_monitoring(
        self, *, study: Oid, visit: Oid, visited: Oid, report: Digest, findings: Count, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report a monitoring visit.

        By sponsor, third_party; a person as cra. A person must sign.

        Source: R-117, R-192, R-195; GD44 7.2.6; JS4652 7.9.3 b).
        """
        return self._ask(
            "report_monitoring", study, request, visit=visit, visited=visited, report=report, findings=findings,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def report_audit(
        self, *, study: Oid, visit: Oid, visited: Oid, report: Digest, findings: Count, occurred_at: Time,
        certificate: Digest, evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report an audit with its certificate.

        By sponsor, third_party; a person as auditor. A person must sign.

        Source: R-192, R-195; GD44 7.2.6; JS4652 7.9.3 d), e).
        """
        return self._ask(
            "report_audit", study, request, visit=visit, visited=visited, report=report, findings=findings,
            occurred_at=occurred_at, certificate=certificate, evidence=evidence, late=late
        )

    def report_inspection(
        self, *, study: Oid, visit: Oid, visited: Oid, report: Digest, findings: Count, occurred_at: Time,
        evidence: Digests | None = None, late: Code | None = None, request: str | None = None
    ) -> R_co:
        """Report an inspection.

        By administrative_department; a person as regulator. A person must sign.

        Source: R-192, R-193; GD44 7.2.6; JS4652 7.10.3.
        """
        return self._ask(
            "report_inspection", study, request, visit=visit, visited=visited, report=report, findings=findings,
            occurred_at=occurred_at, evidence=evidence, late=late
        )

    def rectify(
        self, *, study: Oid, visit: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Answer findings with their rectification.

        By drug_depot, laboratory, sponsor, third_party, institution, investigator, study_centre, study_unit; a person
        as analyst, cra, crc, drug_custodian, principal_investigator, quality, sponsor_representative, study_nurse,
        sub_investigator.

        Source: R-128; JS4652 7.11.3 d).
        """
        return self._ask(
            "rectify", study, request, visit=visit, record=record, evidence=evidence
        )

    def check_rectification(
        self, *, study: Oid, visit: Oid, satisfied: Truth, record: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Check a rectification.

        By administrative_department, sponsor, third_party; a person as auditor, cra, regulator. A person must sign.

        Source: R-128; JS4652 7.11.3 b).
        """
        return self._ask(
            "check_rectification", study, request, visit=visit, satisfied=satisfied, record=record, evidence=evidence
        )

    def report_progress(
        self, *, study: Oid, record: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Report the progress of the own part in the study.

        By sponsor, third_party, institution, investigator, study_centre, study_unit; a person as cra, crc,
        data_manager, principal_investigator, quality, sponsor_representative.

        Source: R-127, R-128; JS4652 7.1.2.3 d), 7.11.3 a).
        """
        return self._ask(
            "report_progress", study, request, study=study, record=record, evidence=evidence
        )


class Unblinding(Contract[R_co]):
    """Transitions of the contract `unblinding`, see `docs/contracts/unblinding.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "unblinding"

    def seal(
        self, *, study: Oid, file: Digest, root: Digest, units: Count, holders: Oids, threshold: Count,
        reason: Code | None = None, proof: Digests | None = None, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Seal the list of a study to its key holders.

        By sponsor, third_party; a person as statistician. A person must sign.

        Source: R-091, X-22; GD44 7.3.2.
        """
        return self._ask(
            "seal", study, request, study=study, file=file, root=root, units=units, holders=holders,
            threshold=threshold, reason=reason, proof=proof, evidence=evidence
        )

    def request(
        self, *, study: Oid, kit: Oid, reason: Code, part: Oid | None = None, subject: Oid | None = None,
        evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Ask for emergency unblinding of one unit.

        By study_unit, study_centre, institution, investigator; a person as principal_investigator, sub_investigator. A
        person must sign.

        Source: R-091, R-092, X-22; GD44 7.3.2; JS4652 7.5.2 f).
        """
        return self._ask(
            "request", study, request, kit=kit, part=part, subject=subject, reason=reason, evidence=evidence
        )

    def approve(
        self, *, study: Oid, kit: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Approve an unblinding as a key holder.

        By sponsor, third_party, study_unit, study_centre, institution, investigator; a person as key_holder. A person
        must sign.

        Source: R-092, X-22; JS4652 7.5.2 f).
        """
        return self._ask(
            "approve", study, request, kit=kit, evidence=evidence
        )

    def decline(
        self, *, study: Oid, kit: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Decline an unblinding as a key holder.

        By sponsor, third_party, study_unit, study_centre, institution, investigator; a person as key_holder. A person
        must sign.

        Source: R-092, X-22; JS4652 7.5.2 f).
        """
        return self._ask(
            "decline", study, request, kit=kit, reason=reason, evidence=evidence
        )

    def release(
        self, *, study: Oid, kit: Oid, share: Digest, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Record that a key share was given to the requester.

        By sponsor, third_party, study_unit, study_centre, institution, investigator; a person as key_holder. A person
        must sign.

        Source: R-092, X-22; JS4652 7.5.3 d).
        """
        return self._ask(
            "release", study, request, kit=kit, share=share, evidence=evidence
        )

    def view(
        self, *, study: Oid, kit: Oid, reason: Code, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Record that a person saw the treatment of an opened unit.

        By sponsor, third_party, study_unit, study_centre, institution, investigator, ethics_committee,
        administrative_department; a person as principal_investigator, sub_investigator, key_holder, pharmacovigilance,
        ethics_secretary, ethics_member, regulator. A person must sign.

        Source: R-092; JS4652 7.5.3 d); GD44 8.1 b).
        """
        return self._ask(
            "view", study, request, kit=kit, reason=reason, evidence=evidence
        )

    def acknowledge(
        self, *, study: Oid, kit: Oid, evidence: Digests | None = None, request: str | None = None
    ) -> R_co:
        """Say that the member knows of an unblinding.

        By sponsor, study_unit, study_centre, institution, investigator, ethics_committee, administrative_department; a
        person as principal_investigator, pharmacovigilance, sponsor_representative, ethics_secretary, ethics_member,
        regulator. A person must sign.

        Source: R-092; JS4652 7.5.2 c), f).
        """
        return self._ask(
            "acknowledge", study, request, kit=kit, evidence=evidence
        )

    def disclose(
        self, *, study: Oid, root: Digest, list: Digest, lock: Digest, evidence: Digests | None = None,
        request: str | None = None
    ) -> R_co:
        """Say that the list may be disclosed at the end.

        By sponsor, third_party; a person as statistician, sponsor_representative. A person must sign.

        Source: R-091, X-22; JS4652 7.8.2.
        """
        return self._ask(
            "disclose", study, request, study=study, root=root, list=list, lock=lock, evidence=evidence
        )


class Contracts(Generic[R_co]):
    """All contracts, each under its name.

    Args:
        make: Makes a transition.
    """

    def __init__(self, make: Callable[[Transition], R_co]) -> None:
        self.consent = Consent(make)
        self.corrections = Corrections(make)
        self.drugs = Drugs(make)
        self.grants = Grants(make)
        self.members = Members(make)
        self.randomisation = Randomisation(make)
        self.reviews = Reviews(make)
        self.samples = Samples(make)
        self.trials = Trials(make)
        self.unblinding = Unblinding(make)
