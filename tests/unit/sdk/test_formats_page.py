"""`docs/formats.md` and the JSON Schemas say what the code does."""

import json
import re
from importlib.resources import files
from pathlib import Path

import cbor2
import jsonschema
import pycddl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import (
    MEMBER,
    NOW,
    Member,
    TinyLedger,
    TinyLog,
    Witness,
    anchor_transaction,
    digest,
    filler,
    sign,
    trust_json,
)

from trialanchor import bundles, encoding, fields, notes, receipts, sealing, statements, traces, trust, verify
from trialanchor.bundles import export_transparent
from trialanchor.errors import TrialAnchorError
from trialanchor.fingerprint import SetTree, disclose, fingerprint_record, record
from trialanchor.keys import certificate_pem
from trialanchor.merkle import MAX_PATH
from trialanchor.report import CHECKS
from trialanchor.sealing import units
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.sealed_list import SealedUnit
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_chaincode.rules.unblinding import MAX_HOLDERS
from trialanchor_oid import dotted

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors"
PAGE = (ROOT / "docs" / "formats.md").read_text("utf-8")
CDDL = "\n".join(re.findall(r"```cddl\n(.*?)```", PAGE, re.DOTALL))
EXAMPLES = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
LOG = TinyLog(entries=filler(5))


def cddl(rule):
    """Make the schema of one rule; what lies in byte strings is checked by itself: pycddl cannot do it in arrays."""
    return pycddl.Schema(f"start = {rule}\n" + re.sub(r"bytes \.cbor [a-z-]+", "bytes", CDDL))


def conforms(rule, data):
    try:
        cddl(rule).validate_cbor(data)
    except (pycddl.ValidationError, ValueError):
        return False
    return True


def statement_conforms(data, rule="statement"):
    return conforms(rule, data) and conforms("statement-header", cbor2.loads(data).value[0])


def receipt_conforms(data):
    if not conforms("receipt", data):
        return False
    protected, unprotected, _, _ = cbor2.loads(data).value
    return conforms("receipt-header", protected) and conforms("inclusion-proof", unprotected[396][-1][0])


def vectors(name, suffix, *, valid):
    """Give the vectors that carry no code, or those that do."""
    return [
        pytest.param((folder / f"input.{suffix}").read_bytes(), id=folder.name)
        for folder in sorted((VECTORS / name).iterdir())
        if ("code" in json.loads((folder / "expected.json").read_bytes())) != valid
    ]


def vector(name, suffix):
    return (VECTORS / name / f"input.{suffix}").read_bytes()


class TestCddl:
    @pytest.mark.parametrize("data", vectors("statements", "cose", valid=True))
    def test_it_takes_every_valid_statement_and_its_log_entry(self, data):
        protected, _, payload, signature = cbor2.loads(data).value
        entry = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))

        assert statement_conforms(data)
        assert statement_conforms(entry, "log-entry")

    @pytest.mark.parametrize("data", vectors("receipts", "cbor", valid=True))
    def test_it_takes_every_valid_receipt(self, data):
        assert receipt_conforms(data)

    def test_it_takes_a_transparent_statement_and_a_longer_chain(self):
        assert statement_conforms(export_transparent(LOG.bundle(sign())))
        longer = statements.SignedStatement(sign().statement, sign().protected, bytes(64), -7, b"", (b"a", b"b"))
        assert statement_conforms(longer.encode())

    def test_it_takes_the_key_behind_a_thumbprint(self):
        assert conforms("cose-key", encoding.cbor_encode({1: 1, -1: 6, -2: LOG.public}))

    @pytest.mark.parametrize(
        "name",
        [
            "no-tag",
            "tag-17",
            "cut-off",
            "detached-payload",
            "payload-of-31-octets",
            "receipt-not-wrapped",
            "critical-label-unknown",
            "critical-label-absent",
            "critical-label-known",
            "unknown-label",
            "unknown-field",
            "field-null",
            "content-type-label-3",
            "algorithm-es384",
            "payload-hash-sha-384",
            "x5t-sha-384",
            "version-true",
            "version-as-float",
            "issued-at-as-float",
            "action-as-array",
            "mime-tag",
            "issuer-no-oid",
            "subject-with-letters",
            "text-in-location",
            "media-type-unknown",
            "location-no-cid",
            "location-respelled",
            "text-in-source-time",
            "text-in-source-zone",
            "text-in-action",
            "later-version-without-reason",
        ],
    )
    def test_it_refuses_a_statement_whose_defect_a_schema_can_state(self, name):
        assert not statement_conforms(vector(f"statements/{name}", "cose"))

    @pytest.mark.parametrize(
        "name",
        [
            "attached-payload",
            "vds-2",
            "no-vds",
            "no-kid",
            "claims-under-label-13",
            "no-tree-size",
            "critical-label-unknown",
            "label-396-as-float",
            "index-of-64-bits",
            "index-as-bignum",
            "two-proofs",
            "proof-not-wrapped",
        ],
    )
    def test_it_refuses_a_receipt_whose_defect_a_schema_can_state(self, name):
        assert not receipt_conforms(vector(f"receipts/{name}", "cbor"))

    @pytest.mark.parametrize(
        ("rule", "pattern"),
        [
            ("oid", dotted._DOTTED),
            ("code", fields.CODE),
            ("location", fields.LOCATION),
            ("source-time", fields.SOURCE_TIME),
            ("source-zone", fields.SOURCE_ZONE),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_its_patterns_are_those_of_the_code(self, rule, pattern, data):
        (written,) = re.findall(rf'^{rule} = tstr \.regexp "(.*)"$', CDDL, re.MULTILINE)
        page = re.compile(written.replace("\\\\", "\\"), re.ASCII)
        text = data.draw(
            st.from_regex(page, fullmatch=True) | st.from_regex(pattern.pattern, fullmatch=True) | st.text()
        )

        assert bool(page.fullmatch(text)) == bool(pattern.fullmatch(text))

    @pytest.mark.parametrize(
        ("rule", "codes"),
        [("action", statements.Action), ("status", statements.Status), ("reason", statements.Reason)],
        ids=["action", "status", "reason"],
    )
    def test_its_codes_are_those_of_the_code(self, rule, codes):
        (written,) = re.findall(rf"^{rule} = (.*?)(?=^\w|\n\n)", CDDL, re.MULTILINE | re.DOTALL)

        assert re.findall(r'"(\w+)"', written) == [code.value for code in codes]

    def test_its_media_types_are_those_of_the_code(self):
        (written,) = re.findall(r"^media-type = (.*?)(?=^\w)", CDDL, re.MULTILINE | re.DOTALL)

        assert re.findall(r'"([^"]+)"', written) == list(fields.MEDIA_TYPES)


def shape(value):
    """Give the keys of objects, and what lists and objects hold, without the values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def example(key):
    """Give the one example of the page that has this key."""
    (found,) = [value for value in EXAMPLES if key in value]
    return found


def full_bundle():
    tree = SetTree([digest("a"), digest("b"), digest("c")])
    signed = sign(content_type=statements.SET_TYPE, count=3, payload=tree.root)
    log = TinyLog(entries=filler(5))
    bundle = log.bundle(signed, list(tree.members())[2])
    return bundle.add_anchor(TinyLedger().anchor(log, 5))


class TestExamples:
    OPENING = fingerprint_record({"SEX": "F", "LBORRES": record.Number("1.10")}, digest("seed"))

    def test_there_are_no_others(self):
        assert len(EXAMPLES) == 14

    def test_the_opening(self):
        real = json.loads(self.OPENING.encode())

        assert shape(example("trialanchor_opening")) == shape(real)
        assert example("trialanchor_opening")["items"] == real["items"]

    def test_the_disclosure(self):
        real = json.loads(disclose(self.OPENING, "/SEX").encode())

        assert shape(example("trialanchor_disclosure")) == shape(real)
        assert example("trialanchor_disclosure")["item"] == real["item"]

    def test_the_bundle(self):
        assert shape(example("trialanchor_bundle")) == shape(full_bundle().to_json())

    def test_the_block(self):
        block = TinyLedger().block("{}")
        real = json.loads(block.encode())

        assert example("previous").keys() == real.keys()
        assert {name: example("previous")[name] for name in ("block", "ledger", "number", "time")} == {
            name: real[name] for name in ("block", "ledger", "number", "time")
        }

    def test_the_trace(self):
        shown = example("trace")["trace"]

        assert shown.keys() == traces._TRACE
        assert shown["nodes"][0].keys() == traces._NODE
        assert shown["edges"][0].keys() == traces._EDGE
        assert next(iter(shown["transactions"].values())).keys() == traces._PROOF

    def test_the_transaction(self):
        real = json.loads(anchor_transaction(LOG, 5))

        assert shape(example("contract")) == shape(real)
        assert (example("contract")["caller"], example("contract")["action"]) == (MEMBER, "anchor")

    def test_the_trust_file(self):
        shown = example("trialanchor_trust")
        filled = {
            **shown,
            "members": [
                {
                    **Member().to_json(),
                    "revoked": [{"at": "2027-01-01T00:00:00Z", "certificate": "sha256:" + "00" * 32}],
                }
            ],
            "logs": [TinyLog().to_json()],
            "ledgers": [TinyLedger().to_json()],
            "witnesses": [Witness(name).to_json() for name in ("regulator", "sponsor", "site")],
        }

        assert shape(shown) == shape(filled)
        assert trust.decode_trust(json.dumps(filled).encode()).policy.groups["quorum"].threshold == 2

    def test_the_member_file(self):
        assert example("trialanchor_member").keys() == {"trialanchor_member", "revoked", *Member().to_json()}

    def test_the_report(self):
        evidence = verify.Evidence(digest=digest("c"))
        real = verify.verify(
            full_bundle().encode(), evidence, trust.decode_trust(json.dumps(trust_json()).encode()), NOW
        )
        value = real.to_json()

        assert example("trialanchor_report").keys() == value.keys()
        assert example("trialanchor_report")["checks"] == value["checks"][:1]
        assert {n: example("trialanchor_report")[n] for n in ("at", "verdict", "exit_code", "state")} == {
            n: value[n] for n in ("at", "verdict", "exit_code", "state")
        }

    def test_the_files_of_a_sealed_list(self):
        study, kit, holder = "2.999.3001.1", "2.999.3001.1.7", "2.999.9.1"
        identity = sealing.new_identity()
        listed = sealing.allocations(study, [SealedUnit(kit, "placebo", "0" * 64)])
        sealed = sealing.seal_list(listed, [sealing.Holder(holder, sealing.recipient_of(identity))], 1)
        state = {
            f"seals/{study}": encode_value(sealed.seal_arguments()),
            f"unblindings/{kit}": encode_value({"study": study, "state": "opened"}),
        }
        share = sealing.open_share(sealed, kit, identity, state)
        opened = sealing.combine_shares(sealed, [share])

        for key, file in {
            "trialanchor_allocations": listed,
            "trialanchor_sealed_list": sealed,
            "trialanchor_share": share,
            "trialanchor_opened_unit": opened,
        }.items():
            shown, real = example(key), json.loads(file.encode())
            assert shape(shown) == shape(real)
            assert {name: value for name, value in shown.items() if "<" not in json.dumps(value)} == {
                name: value for name, value in real.items() if "<" not in json.dumps(shown[name])
            }


class TestTables:
    LIMITS = {  # noqa: RUF012 - never changed
        "statement": statements.MAX_STATEMENT,
        "certificates of a chain": statements.MAX_CHAIN,
        "references of a statement": statements.MAX_REFS,
        "nesting of CBOR": encoding.MAX_DEPTH,
        "OID in a statement": fields.MAX_OID,
        "items of a record": record.MAX_ITEMS,
        "nesting of a record": record.MAX_DEPTH,
        "opening": record.MAX_OPENING,
        "receipt": receipts.MAX_RECEIPT,
        "path of a tree": MAX_PATH,
        "note": notes.MAX_NOTE,
        "signature lines of a note": notes.MAX_SIGNATURES,
        "bundle": bundles.MAX_BUNDLE,
        "anchors of a bundle": bundles.MAX_ANCHORS,
        "trust file": trust._LIMIT,
        "trace file": traces.MAX_TRACE,
        "difference of two clocks": verify.CLOCK_TOLERANCE_S,
        "units of a sealed list": units.MAX_UNITS,
        "key holders of a seal": MAX_HOLDERS,
        "sealed list or allocations": sealing.MAX_SEALED_LIST,
        "share or opened unit": sealing.MAX_UNIT_FILE,
    }

    def test_every_limit_is_the_one_in_force(self):
        table = PAGE.partition("## Limits")[2]
        rows = re.findall(r"^\| ([a-zA-Z ]+) \| ([\d,]+)", table, re.MULTILINE)

        assert {name: int(number.replace(",", "")) for name, number in rows} == self.LIMITS

    def test_the_checks_are_those_of_the_report(self):
        table = PAGE.partition("## Report")[2]

        assert re.findall(r"^\| (\d+) \| (\w+) \|", table, re.MULTILINE) == [
            (str(number), name) for number, name in enumerate(CHECKS, 1)
        ]

    def test_every_code_is_one_of_an_error(self):
        known = {"pending"}
        classes = [TrialAnchorError]
        while classes:
            error = classes.pop()
            known.add(error.code)
            classes += error.__subclasses__()
        rows = re.findall(r"^\|.*\| ([^|]+) \|$", PAGE, re.MULTILINE)
        codes = {code for cell in rows for code in re.findall(r"`([a-z-]+)`", cell)} - {"trialanchor"}

        assert codes <= known
        assert len(codes) > 15

    def test_the_page_names_the_content_types(self):
        for name in (
            statements.RECORD_TYPE,
            statements.SET_TYPE,
            bundles.MEDIA_TYPE,
            bundles.SUFFIX,
            bundles.OPENING_SUFFIX,
            traces.MEDIA_TYPE,
            traces.SUFFIX,
        ):
            assert name in PAGE


def schema(name):
    text = files("trialanchor").joinpath("data", f"{name}.schema.json").read_text("utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def bundle_vectors(*, broken):
    """Give the bundle vectors that JSON Schema must refuse, or the others."""
    names = {"version-2", "unknown-part", "checkpoint-missing", "anchors-empty"}
    return [
        pytest.param((folder / "input.trialanchor.json").read_bytes(), id=folder.name)
        for folder in sorted((VECTORS / "bundles").iterdir())
        if folder.name != "not-json" and (folder.name in names) == broken
    ]


class TestSchemas:
    @pytest.mark.parametrize("name", ["bundle", "trust"])
    def test_it_is_a_schema(self, name):
        jsonschema.Draft202012Validator.check_schema(schema(name).schema)

    @pytest.mark.parametrize("data", bundle_vectors(broken=False))
    def test_it_takes_a_bundle_of_the_right_structure(self, data):
        schema("bundle").validate(json.loads(data))

    @pytest.mark.parametrize("data", bundle_vectors(broken=True))
    def test_it_refuses_a_bundle_of_another_structure(self, data):
        assert not schema("bundle").is_valid(json.loads(data))

    def test_it_takes_a_full_bundle(self):
        schema("bundle").validate(full_bundle().to_json())

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"trialanchor_bundle": True}, id="version-true"),
            pytest.param({"statement": ...}, id="no-statement"),
            pytest.param({"chain": ...}, id="no-chain"),
            pytest.param({"chain": [""] * 5}, id="chain-of-five"),
            pytest.param({"statement": "x"}, id="statement-not-base64"),
            pytest.param({"receipt": ...}, id="no-receipt"),
            pytest.param({"set": {}}, id="set-empty"),
            pytest.param({"set": {"fingerprint": "x", "index": 0, "path": ""}}, id="fingerprint-malformed"),
            pytest.param({"anchors": [{}]}, id="anchor-empty"),
            pytest.param({"anchors": full_bundle().to_json()["anchors"] * 2}, id="anchor-twice"),
        ],
    )
    def test_it_refuses_what_the_decoder_refuses(self, change):
        value = {**full_bundle().to_json(), **change}
        value = {name: part for name, part in value.items() if part is not ...}

        assert not schema("bundle").is_valid(value)
        with pytest.raises(TrialAnchorError):
            bundles.bundle_from_json(value)

    def test_it_takes_what_the_trust_decoder_takes(self):
        for folder in (VECTORS / "trust").iterdir():
            value = (folder / "input.json").read_bytes()
            if "code" not in json.loads((folder / "expected.json").read_bytes()):
                schema("trust").validate(json.loads(value))

    @pytest.mark.parametrize(
        "name",
        [
            "version-2",
            "unknown-part",
            "issued-at-without-offset",
            "revoked-misspelled",
            "role-unknown",
            "root-not-pem",
            "ledger-type-unknown",
            "group-called-none",
        ],
    )
    def test_it_refuses_a_trust_file_of_another_structure(self, name):
        assert not schema("trust").is_valid(json.loads(vector(f"trust/{name}", "json")))

    def test_its_roles_are_those_of_the_table(self):
        roles = schema("trust").schema["properties"]["members"]["items"]["properties"]["roles"]["items"]["enum"]

        assert roles == list(ROLES)
        assert certificate_pem(Member().root).startswith("-----BEGIN CERTIFICATE-----\n")
