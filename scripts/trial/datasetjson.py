"""The columns of the datasets and their form on disk: Dataset-JSON 1.1, one NDJSON file per domain.

Names follow SDTM where it has them. IC, RAND, DB, KIT, BS and AU are domains of this trial's own. In the
table below a line without indent starts a domain; `*` marks the columns that identify a record. STUDYID and
DOMAIN come first in every dataset and a sequence number `--SEQ` is counted per subject where the table has
one.

Source: CDISC Dataset-JSON v1.1, NDJSON representation; CDISC SDTM v1.8.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from trial.plan import at

if TYPE_CHECKING:
    from pathlib import Path

    from trial.drug import Row
    from trial.plan import Trial

RESTRICTED = frozenset({"rand", "kit"})
"""Datasets from which the treatment of a subject follows: for unblinded roles only."""

CREATION_DAYS = 60
"""Days from the last dose to the creation of the files."""

_TABLE = """
dm Demographics
  * USUBJID string Unique Subject Identifier
  - SUBJID string Subject Identifier for the Study
  - SITEID string Study Site Identifier
  - RFICDTC datetime Date/Time of Informed Consent
  - RFSTDTC string Subject Reference Start Date/Time
  - RFENDTC datetime Subject Reference End Date/Time
  - AGE integer Age
  - AGEU string Age Units
  - SEX string Sex
  - ARMCD string Planned Arm Code
  - COUNTRY string Country
ic Informed Consent
  * USUBJID string Unique Subject Identifier
  * ICSEQ integer Sequence Number
  - ICVERS string Version of the Consent Form
  - ICACT string Act of the Subject
  - ICFORM string Digest of the Consent Form
  - ICOPER string Person Who Took the Consent
  - ICDTC datetime Date/Time of the Act
ie Inclusion/Exclusion Criteria Assessed
  * USUBJID string Unique Subject Identifier
  * IESEQ integer Sequence Number
  - IETESTCD string Inclusion/Exclusion Criterion Short Name
  - IETEST string Inclusion/Exclusion Criterion
  - IECAT string Inclusion/Exclusion Category
  - IEORRES string I/E Criterion Original Result
  - IEDTC date Date/Time of Collection
  - IEOPER string Assessor
rand Randomisation (Restricted)
  * USUBJID string Unique Subject Identifier
  - RNSITE string Stratum: Study Site Identifier
  - RNBLOCK integer Block Within the Site
  - RNPLACE integer Place Within the Block
  - RNSEQCD string Treatment Sequence Code
  - RNDTC datetime Date/Time of Randomisation
  - RNCOMMIT string Commitment to the Secret of the List
  - RNSECRET string Secret of the List
db Drug Batches
  * DBREFID string Batch Number
  - DBOID string Drug Object Identifier
  - DBTYPE string Test or Reference Product
  - DBDOSE integer Strength
  - DBDOSU string Strength Units
  - DBDOSFRM string Dose Form
  - DBMADE integer Units Made
  - DBRETAIN integer Units Retained
  - DBSTOR string Storage Conditions
  - DBMFDTC date Manufacturing Date
  - DBEXDTC date Expiry Date
kit Drug Kits (Restricted)
  * KTREFID string Kit Number
  - KTBATCH string Batch Number
  - KTLABEL string Blinded Label
  - KTQTY integer Quantity in the Kit
  - KTQTYU string Quantity Units
  - SITEID string Study Site Identifier
  - KTRCDTC datetime Date/Time of Receipt at the Site
  - KTRETFL string Retention Sample Flag
  - KTRETSD string Seed of the Retention Draw
ex Exposure
  * USUBJID string Unique Subject Identifier
  * EXSEQ integer Sequence Number
  - EXLNKID string Administration Identifier
  - EXREFID string Kit Number
  - EXTRT string Name of Treatment
  - EXDOSE integer Dose
  - EXDOSU string Dose Units
  - EXDOSFRM string Dose Form
  - EXROUTE string Route of Administration
  - EXFAST string Fasting Status
  - VISITNUM integer Visit Number
  - EPOCH string Epoch
  - EXSTDTC datetime Start Date/Time of Treatment
  - EXOPER string Person Who Gave the Dose
  - EXREVW string Reviewer
da Drug Accountability
  - USUBJID string Unique Subject Identifier
  * DAREFID string Kit Number
  * DATESTCD string Accountability Event
  - DAORRES integer Quantity
  - DAORRESU string Quantity Units
  - DAREAS string Reason
  - SITEID string Study Site Identifier
  - DADTC datetime Date/Time of the Event
  - DAOPER string Operator
  - DAREVW string Reviewer
bs Biospecimens
  - USUBJID string Unique Subject Identifier
  * BSREFID string Sample Number
  - BSPARENT string Number of the Sample It Was Made From
  - BSLNKID string Administration Identifier
  - BSTYPE string Sample Type
  - BSCAT string Sample Category
  - BSSTAT string Sample State
  - BSVOL string Volume
  - BSVOLU string Volume Units
  - BSLOC string Storage Place
  - BSDEVID string Device Identifier
  - VISITNUM integer Visit Number
  - BSELTM string Planned Elapsed Time from Dose
  - BSPLDTC datetime Planned Date/Time
  - BSDTC datetime Actual Date/Time
  - BSOPER string Operator
  - BSREVW string Reviewer
pc Pharmacokinetics Concentrations
  * USUBJID string Unique Subject Identifier
  * PCSEQ integer Sequence Number
  - PCREFID string Sample Number
  - PCTESTCD string Pharmacokinetic Test Short Name
  - PCTEST string Pharmacokinetic Test Name
  - PCORRES string Result or Finding in Original Units
  - PCORRESU string Original Units
  - PCLLOQ string Lower Limit of Quantitation
  - PCSPEC string Specimen Material Type
  - VISITNUM integer Visit Number
  - PCELTM string Planned Elapsed Time from Dose
  - PCDTC datetime Date/Time of Specimen Collection
  - PCRUNID string Analytical Run
  - PCRUNDTC datetime Date/Time of the Run
  - PCOPER string Analyst
  - PCREVW string Reviewer
pp Pharmacokinetics Parameters
  * USUBJID string Unique Subject Identifier
  * PPSEQ integer Sequence Number
  - PPLNKID string Administration Identifier
  - PPTESTCD string Parameter Short Name
  - PPTEST string Parameter Name
  - PPORRES string Result or Finding in Original Units
  - PPORRESU string Original Units
  - PPSTAT string Completion Status
  - VISITNUM integer Visit Number
lb Laboratory Test Results
  * USUBJID string Unique Subject Identifier
  * LBSEQ integer Sequence Number
  - LBTESTCD string Lab Test or Examination Short Name
  - LBTEST string Lab Test or Examination Name
  - LBORRES string Result or Finding in Original Units
  - LBORRESU string Original Units
  - LBORNRLO string Reference Range Lower Limit in Orig Unit
  - LBORNRHI string Reference Range Upper Limit in Orig Unit
  - LBSTRESN float Numeric Result/Finding in Standard Units
  - LBNRIND string Reference Range Indicator
  - VISITNUM integer Visit Number
  - VISIT string Visit Name
  - LBDTC datetime Date/Time of Specimen Collection
vs Vital Signs
  * USUBJID string Unique Subject Identifier
  * VSSEQ integer Sequence Number
  - VSTESTCD string Vital Signs Test Short Name
  - VSTEST string Vital Signs Test Name
  - VSORRES string Result or Finding in Original Units
  - VSORRESU string Original Units
  - VSSTRESN float Numeric Result/Finding in Standard Units
  - VISITNUM integer Visit Number
  - VISIT string Visit Name
  - VSDTC datetime Date/Time of Measurements
ae Adverse Events
  * USUBJID string Unique Subject Identifier
  * AESEQ integer Sequence Number
  - AETERM string Reported Term for the Adverse Event
  - AESEV string Severity/Intensity
  - AESER string Serious Event
  - AEREL string Causality
  - AEOUT string Outcome of Adverse Event
  - EPOCH string Epoch
  - AESTDTC datetime Start Date/Time of Adverse Event
  - AEENDTC datetime End Date/Time of Adverse Event
sv Subject Visits
  * USUBJID string Unique Subject Identifier
  * VISITNUM integer Visit Number
  - VISIT string Visit Name
  - SVSTDTC date Start Date/Time of Observation
  - SVENDTC date End Date/Time of Observation
ds Disposition
  * USUBJID string Unique Subject Identifier
  * DSSEQ integer Sequence Number
  - DSDECOD string Standardized Disposition Term
  - DSCAT string Category for Disposition Event
  - DSSTDTC datetime Start Date/Time of Disposition Event
au Audit Trail of Corrections
  * USUBJID string Unique Subject Identifier
  * AUSEQ integer Sequence Number
  - AUREFID string Record Key
  - AUITEM string Item
  - AUOLD string Digest of the Old Value
  - AUNEW string Digest of the New Value
  - AUREAS string Reason Code
  - AUACTOR string Person Who Corrected
  - AUDTC datetime Date/Time of the Correction
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `key` marks those that identify a record."""

    name: str
    data_type: str
    label: str
    key: bool = False


def _read_table(table: str) -> dict[str, tuple[str, tuple[Column, ...]]]:
    """Read the table above as domain to label and columns."""
    domains: dict[str, tuple[str, tuple[Column, ...]]] = {}
    domain = ""
    for line in table.strip().splitlines():
        if line.startswith(" "):
            mark, name, data_type, label = line.split(maxsplit=3)
            title, columns = domains[domain]
            domains[domain] = title, (*columns, Column(name, data_type, label, mark == "*"))
        else:
            domain, title = line.split(maxsplit=1)
            study = Column("STUDYID", "string", "Study Identifier", key=True)
            domains[domain] = title, (study, Column("DOMAIN", "string", "Domain Abbreviation"))
    return domains


DOMAINS = _read_table(_TABLE)


def number(domain: str, rows: list[Row]) -> list[Row]:
    """Count the records of each subject, where the domain has a sequence number."""
    name = next((column.name for column in DOMAINS[domain][1] if column.name == f"{domain.upper()}SEQ"), None)
    if name is None:
        return rows
    met: dict[object, int] = {}
    numbered = []
    for row in rows:
        met[row["USUBJID"]] = met.get(row["USUBJID"], 0) + 1
        numbered.append(row | {name: met[row["USUBJID"]]})
    return numbered


def write(out: Path, trial: Trial, domain: str, rows: list[Row]) -> None:
    """Write one dataset as `<domain>.ndjson`.

    Raises:
        ValueError: A row has other columns than its domain.
    """
    names = [column.name for column in DOMAINS[domain][1]]
    lines = [metadata(trial, domain, len(rows))]
    for row in rows:
        full: Row = {"STUDYID": trial.study, "DOMAIN": domain.upper()} | row
        if full.keys() != set(names):
            raise ValueError(f"{domain}: columns {sorted(full.keys() ^ set(names))} are missing or unknown")
        lines.append([full[name] for name in names])
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (out / f"{domain}.ndjson").write_bytes(text.encode())


def metadata(trial: Trial, domain: str, records: int) -> object:
    """Build the first line of a dataset."""
    label, columns = DOMAINS[domain]
    created_at = at(trial.last_day + timedelta(days=CREATION_DAYS), 12).replace(tzinfo=None).isoformat()
    keys = [column.name for column in columns if column.key]
    return {
        "datasetJSONCreationDateTime": created_at,
        "datasetJSONVersion": "1.1.0",
        "fileOID": f"{trial.study}/{domain}",
        "dbLastModifiedDateTime": created_at,
        "originator": "trialanchor",
        "sourceSystem": {"name": "trialanchor make_trial", "version": "1"},
        "studyOID": trial.study,
        "metaDataVersionOID": f"MDV.{trial.study}.1",
        "itemGroupOID": f"IG.{domain.upper()}",
        "records": records,
        "name": domain.upper(),
        "label": label,
        "columns": [
            {
                "itemOID": f"IT.{domain.upper()}.{column.name}",
                "name": column.name,
                "label": column.label,
                "dataType": column.data_type,
            }
            | ({"keySequence": keys.index(column.name) + 1} if column.key else {})
            for column in columns
        ],
    }
