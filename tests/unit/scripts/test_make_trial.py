"""The simulated trial: same bytes, whole chains, balanced drugs, believable pharmacokinetics."""

import hashlib
import importlib
import json
import math
from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from trialanchor.datasets import read_records

SCRIPTS = Path(__file__).parents[3] / "scripts"
SIZES = {"seed": 7, "subjects": 24, "centres": 3}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="module")
def make_trial():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield importlib.import_module("make_trial").make_trial


@pytest.fixture(scope="module")
def folder(make_trial, tmp_path_factory):
    out = tmp_path_factory.mktemp("trial") / "new" / "folder"
    make_trial(out, **SIZES)
    return out


@pytest.fixture(scope="module")
def trial(folder):
    return {path.stem: list(read_records(path)) for path in folder.glob("*.ndjson")}


def by(rows, name):
    index = {row[name]: row for row in rows}
    assert len(index) == len(rows), f"{name} is not unique"
    return index


def products(trial):
    sequences = by(trial["rand"], "USUBJID")
    return {row["EXLNKID"]: sequences[row["USUBJID"]]["RNSEQCD"][int(row["VISITNUM"]) - 2] for row in trial["ex"]}


def profiles(trial):
    """Follow each concentration to its administration; hours and results, in order of time."""
    samples, doses = by(trial["bs"], "BSREFID"), by(trial["ex"], "EXLNKID")
    found = defaultdict(list)
    for row in trial["pc"]:
        link = samples[row["PCREFID"]]["BSLNKID"]
        after = datetime.fromisoformat(row["PCDTC"]) - datetime.fromisoformat(doses[link]["EXSTDTC"])
        result = None if row["PCORRES"].startswith("<") else float(row["PCORRES"])
        found[link].append((max(0.0, after.total_seconds() / 3600), result))
    return {link: sorted(points) for link, points in found.items()}


def test_one_seed_gives_the_same_bytes(make_trial, folder, tmp_path):
    counts = make_trial(tmp_path, **SIZES)

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in tmp_path.iterdir()
    }
    assert {f"{domain}.ndjson" for domain in counts} == {path.name for path in folder.iterdir()}


def test_another_seed_gives_other_bytes(make_trial, folder, tmp_path):
    make_trial(tmp_path, **SIZES | {"seed": 8})

    assert all(path.read_bytes() != (folder / path.name).read_bytes() for path in tmp_path.iterdir())


def test_the_bytes_of_a_small_trial_are_pinned(make_trial, tmp_path):
    make_trial(tmp_path, seed=1, subjects=4, centres=1)
    whole = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))

    assert hashlib.sha256(whole).hexdigest() == "96dd83f005d95e18098f94041d76c37d179a283b127f87c6c57ed22195c01871"


def test_every_dataset_is_read_with_the_announced_number_of_records(make_trial, tmp_path):
    counts = make_trial(tmp_path, **SIZES)

    for domain, count in counts.items():
        file = read_records(tmp_path / f"{domain}.ndjson")
        assert (file.name, file.study_oid, file.expected) == (domain.upper(), "TABE-0007", count)
        assert len(list(file)) == count > 0


def test_the_key_columns_identify_each_record(folder, trial):
    for domain, rows in trial.items():
        head = json.loads((folder / f"{domain}.ndjson").read_bytes().splitlines()[0])
        keys = [column["name"] for column in head["columns"] if "keySequence" in column]
        assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows), domain


def test_the_trial_has_the_size_asked_for(trial):
    assert len(trial["rand"]) == 24
    assert Counter(row["RNSITE"] for row in trial["rand"]) == {"01": 8, "02": 8, "03": 8}
    assert len(trial["dm"]) == 26
    assert len(trial["ex"]) == 2 * 24 - 1
    assert len(trial["pc"]) == 12 * len(trial["ex"])


def test_every_concentration_traces_to_the_batch(trial):
    samples, doses = by(trial["bs"], "BSREFID"), by(trial["ex"], "EXLNKID")
    kits, batches = by(trial["kit"], "KTREFID"), by(trial["db"], "DBREFID")
    product = products(trial)

    for row in trial["pc"]:
        aliquot = samples[row["PCREFID"]]
        tube = samples[aliquot["BSPARENT"]]
        dose = doses[tube["BSLNKID"]]
        kit = kits[dose["EXREFID"]]
        batch = batches[kit["KTBATCH"]]
        assert (aliquot["BSCAT"], tube["BSCAT"], tube["BSPARENT"]) == ("ANALYSIS", "COLLECTED", "")
        assert row["USUBJID"] == aliquot["USUBJID"] == tube["USUBJID"] == dose["USUBJID"]
        assert row["PCDTC"] == tube["BSDTC"]
        assert batch["DBTYPE"][0] == product[dose["EXLNKID"]]
        assert kit["KTRETFL"] == "N"
        assert kit["SITEID"] == dose["USUBJID"].split("-")[2]


def test_every_aliquot_has_a_tube_and_every_tube_two_aliquots(trial):
    tubes = {row["BSREFID"] for row in trial["bs"] if not row["BSPARENT"]}
    aliquots = Counter(row["BSPARENT"] for row in trial["bs"] if row["BSPARENT"])

    assert set(aliquots) == tubes
    assert set(aliquots.values()) == {2}


def test_every_subject_is_a_screened_one(trial):
    screened = set(by(trial["dm"], "USUBJID"))

    for domain, rows in trial.items():
        assert {row["USUBJID"] for row in rows if row.get("USUBJID")} <= screened, domain


def test_every_kit_of_a_batch_is_used_retained_or_destroyed(trial):
    kits, dosed = by(trial["kit"], "KTREFID"), {row["EXREFID"] for row in trial["ex"]}
    totals = defaultdict(Counter)
    for row in trial["da"]:
        totals[kits[row["DAREFID"]]["KTBATCH"]][row["DATESTCD"]] += int(row["DAORRES"])

    for batch in trial["db"]:
        total = totals[batch["DBREFID"]]
        assert int(batch["DBMADE"]) == total["USED"] + total["RETAINED"] + total["DESTROYED"]
        assert int(batch["DBRETAIN"]) == total["RETAINED"] == 15
        assert total["RETURNED"] == total["DESTROYED"]
    both = sum(totals.values(), Counter())
    assert (both["DISPENSED"], both["USED"]) == (2 * 24, 2 * 24 - 1)
    assert {row["DAREFID"] for row in trial["da"] if row["DATESTCD"] == "USED"} == dosed


def test_the_retention_draw_repeats_from_its_record(trial):
    groups = defaultdict(list)
    for kit in trial["kit"]:
        groups[kit["SITEID"], kit["KTBATCH"]].append(kit)
    first_dose = min(row["EXSTDTC"] for row in trial["ex"])

    for kits in groups.values():
        kits.sort(key=lambda kit: digest(f"{kit['KTRETSD']}:{kit['KTREFID']}"))
        assert "".join(kit["KTRETFL"] for kit in kits) == "Y" * 5 + "N" * (len(kits) - 5)
    assert all(row["DADTC"] < first_dose for row in trial["da"] if row["DATESTCD"] == "RETAINED")


def test_the_randomisation_list_repeats_from_its_secret(trial):
    for row in trial["rand"]:
        order = sorted(
            range(4), key=lambda place: digest(f"{row['RNSECRET']}:{row['RNSITE']}:{row['RNBLOCK']}:{place}")
        )
        assert row["RNSEQCD"] == ["TR", "TR", "RT", "RT"][order[int(row["RNPLACE"]) - 1]]
        assert row["RNCOMMIT"] == f"sha256:{digest(row['RNSECRET'])}"
    assert {row["RNSEQCD"] for row in trial["rand"]} == {"TR", "RT"}


def test_only_restricted_datasets_tell_the_treatment(trial):
    batches = {row["DBREFID"] for row in trial["db"]}
    telling = {
        domain
        for domain, rows in trial.items()
        for row in rows
        for value in row.values()
        if domain != "db" and (value in batches or value in {"TR", "RT", "TEST", "REFERENCE"})
    }

    assert telling == {"rand", "kit"}


def test_consent_has_signatures_again_and_one_withdrawal(trial):
    acts = Counter(row["ICACT"] for row in trial["ic"])
    (leaver,) = [row for row in trial["ic"] if row["ICACT"] == "WITHDRAWN"]
    reasons = [row["DSDECOD"] for row in trial["ds"] if row["USUBJID"] == leaver["USUBJID"]]

    assert acts["SIGNED"] == len(trial["dm"])
    assert acts["SIGNED AGAIN"] > 0
    assert reasons[-1] == "WITHDRAWAL BY SUBJECT"
    assert sum(row["USUBJID"] == leaver["USUBJID"] for row in trial["ex"]) == 1


def test_screening_failures_meet_an_exclusion_criterion_and_get_no_dose(trial):
    excluded = {row["USUBJID"] for row in trial["ie"] if (row["IECAT"], row["IEORRES"]) == ("EXCLUSION", "Y")}

    assert len(excluded) == 2
    assert excluded == {row["USUBJID"] for row in trial["dm"] if row["ARMCD"] == "SCRNFAIL"}
    assert not excluded & {row["USUBJID"] for row in trial["rand"] + trial["ex"]}


def test_corrections_name_the_value_that_stands_in_the_dataset(trial):
    for entry in trial["au"]:
        domain, subject, sequence = entry["AUREFID"].split("/")
        (record,) = [
            row for row in trial[domain.lower()] if (row["USUBJID"], row[f"{domain}SEQ"]) == (subject, sequence)
        ]
        assert entry["AUNEW"] == f"sha256:{digest(record[entry['AUITEM']])}" != entry["AUOLD"]
        assert entry["AUDTC"] > record[f"{domain}DTC"]


def test_concentrations_have_three_significant_digits(trial):
    for row in trial["pc"]:
        if row["PCORRES"] != "<0.500":
            assert float(row["PCORRES"]) >= 0.5
            assert len(row["PCORRES"].replace(".", "").lstrip("0")) == 3


def test_profiles_look_like_oral_absorption(trial):
    for points in profiles(trial).values():
        results = [result for _, result in points]
        top = max(result for result in results if result is not None)
        assert len(points) == 12
        assert points[0] == (0.0, None)
        assert 20 < top < 250
        assert 0.4 < points[results.index(top)][0] < 6.5
        assert (results[-1] or 0) < top / 3


def test_parameters_agree_with_a_second_computation(trial):
    reported = defaultdict(dict)
    for row in trial["pp"]:
        reported[row["PPLNKID"]][row["PPTESTCD"]] = float(row["PPORRES"])

    for link, points in profiles(trial).items():
        known = [(hour, result) for hour, result in points if result is not None]
        peak_at, peak = min(known, key=lambda point: (-point[1], point[0]))
        leading = [(hour, 0.0) for hour, result in points if result is None and hour < known[0][0]]
        area = 0.0
        for (from_hour, start), (to_hour, end) in pairwise(leading + known):
            mean = (start - end) / math.log(start / end) if 0 < end < start else (start + end) / 2
            area += (to_hour - from_hour) * mean
        tail = [(hour, math.log(result)) for hour, result in known if hour > peak_at][-3:]
        hours, logs = zip(*tail, strict=True)
        size = len(tail)
        slope = (size * sum(h * v for h, v in tail) - sum(hours) * sum(logs)) / (
            size * sum(h * h for h in hours) - sum(hours) ** 2
        )
        assert reported[link] == pytest.approx(
            {"CMAX": peak, "TMAX": peak_at, "AUCLST": area, "LAMZHL": -math.log(2) / slope},
            abs=6e-4,
            rel=1e-9,
        )


@pytest.mark.parametrize("sizes", [(7, 48, 3), (1, 4, 1), (2, 6, 2), (3, 12, 3), (11, 24, 4)])
def test_test_and_reference_are_bioequivalent(make_trial, tmp_path, sizes):
    make_trial(tmp_path, *sizes)
    trial = {domain: list(read_records(tmp_path / f"{domain}.ndjson")) for domain in ("pp", "rand", "ex")}
    product = products(trial)
    logs = defaultdict(dict)
    for row in trial["pp"]:
        if row["PPTESTCD"] == "AUCLST":
            logs[row["USUBJID"]][product[row["PPLNKID"]]] = math.log(float(row["PPORRES"]))
    complete = [pair["T"] - pair["R"] for pair in logs.values() if len(pair) == 2]

    assert len(complete) == sizes[1] - 1
    assert 0.85 <= math.exp(math.fsum(complete) / len(complete)) <= 1.15


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((-1, 48, 3), id="seed-negative"),
        pytest.param((7, 3, 1), id="too-few-subjects"),
        pytest.param((7, 48, 0), id="no-centre"),
        pytest.param((7, 4, 5), id="more-centres-than-subjects"),
    ],
)
def test_impossible_sizes_are_refused_before_anything_is_written(make_trial, tmp_path, sizes):
    with pytest.raises(ValueError, match="are needed"):
        make_trial(tmp_path / "out", *sizes)

    assert not (tmp_path / "out").exists()
