"""What anyone reads of the registry over HTTP, and that nothing of a blinded or private entry is among it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import quote

import jsonschema
import pytest
from material import NOW

from hospital import DRUG, DRUGS, HOSPITAL, KIT, KITS, NATIVE, PHARMACY, STAFF
from nodes import JSON, PROBLEM
from trialanchor_node.description import SCHEMAS
from trialanchor_oid.codec import Oid
from trialanchor_oid.ors.information import decode_cinf, decode_rinf

TRIAL = f"{HOSPITAL}.1.1.1001.100001"
KIT_CLASS = f"{KITS}.1001"
OWNER = {"oid": HOSPITAL, "type": "organisation", "names": {"zh": "示范医院", "en": "Model Hospital"}}
NOT_A_TRIAL = {"type": "trial", "names": {"en": "<script>alert(1)</script>", "zh": "甲&乙\"'"}}
XML = "application/xml"
FHIR = "application/fhir+json"
SECRETS = (
    "kit",
    "药盒",
    "trial drug",
    "药品",
    '"version"',
    '"block"',
    TRIAL,
    KIT["attributes"],
    str(int(NOW.timestamp())),
    NOW.strftime("%Y-%m-%d"),
    "erroneous",
    "登记有误",
)
"""What no answer about the blinded kit may hold: type, parent, attributes, times, reason."""


class Reader:
    """Reads a node's registry without any token."""

    def __init__(self, client):
        self._client = client

    def get(self, path, accept=None, **options):
        headers = {**options.pop("headers", {}), **({"Accept": accept} if accept else {})}
        return self._client.get(path, headers=headers, follow_redirects=False, **options)

    def view(self, oid, **parameters):
        answer = self.get(f"/oid/{oid}", params=parameters)
        assert answer.status_code == 200, answer.text
        jsonschema.validate(answer.json(), {**SCHEMAS["OidView"], "components": {"schemas": SCHEMAS}})
        return answer.json()

    def look_up(self, *oids, **headers):
        body = json.dumps({"oids": oids})
        return self._client.post("/v1/oids/lookup", content=body, headers={"Content-Type": JSON, **headers})


@pytest.fixture
def reader(desk):
    return Reader(desk.client)


@pytest.fixture
def drug(desk):
    desk.write("register", entries=[OWNER])
    return desk.write("allocate", entries=[DRUG])[0]


@pytest.fixture
def kit(desk, drug):
    """A blinded kit that was described again and then deprecated."""
    desk.write("register", entries=[{"oid": TRIAL, "type": "trial", "names": {"en": "T"}}])
    (oid,) = desk.write("allocate", prefix=KIT_CLASS, entries=[{**KIT, "parent": TRIAL}])
    desk.write("describe", oid=oid, version=1, description={**KIT, "parent": TRIAL})
    desk.write("deprecate", oid=oid, reason="erroneous", successor=None)
    return oid


def problem(answer, status, code):
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    return answer.json()


class TestNotations:
    def spellings(self, oid):
        parsed = Oid.parse(oid)
        long_arc = parsed.iri.replace("/2/16/", "/Country/", 1)
        return [
            oid,
            parsed.urn,
            parsed.urn.upper(),
            parsed.der.hex(),
            parsed.der.hex(" "),
            parsed.asn1,
            parsed.iri,
            parsed.iri.removeprefix("/"),
            long_arc,
            long_arc.removeprefix("/"),
            f"{Oid.parse(DRUGS).iri}/aspirin",
            f"{Oid.parse(DRUGS).iri}/ASPIRIN",
            "ors-dummy." + ".".join(reversed(oid.split("."))) + ".oid-res.org.",
            "ors-dummy.aspirin." + ".".join(reversed(DRUGS.split("."))) + ".oid-res.org",
        ]

    def test_every_notation_gives_the_same_answer(self, reader, drug):
        answers = [reader.get("/oid/" + quote(text)) for text in self.spellings(drug)]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert {answer.headers["content-location"] for answer in answers} == {f"/oid/{drug}"}

    @pytest.mark.parametrize("form", ["/oid/", "/oid//", "/oid/root"])
    def test_the_root_has_a_page(self, reader, drug, form):
        assert [child["oid"] for child in reader.get(form).json()["children"]] == ["2"]

    @pytest.mark.parametrize("form", ["2", "/2", "{joint-iso-itu-t}", "{ 2 }", "joint-iso-itu-t/", "/Joint-ISO-ITU-T"])
    def test_a_single_arc_is_a_node(self, reader, drug, form):
        answer = reader.get("/oid/" + quote(form))
        if form.endswith("/"):
            problem(answer, 400, "oid")
        else:
            assert (answer.json()["oid"], answer.json()["registered"]) == ("2", False)

    def test_the_form_leads_to_the_page(self, reader, drug):
        answer = reader.get("/oid", params={"q": f" {Oid.parse(drug).asn1} "})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/oid/{drug}")
        assert reader.get("/oid").headers["location"] == "/oid/root"
        problem(reader.get("/oid", params={"q": "Zhang San"}), 400, "oid")

    @pytest.mark.parametrize(
        "path",
        [
            "3",
            "9.9",
            "2.16.156.03016",
            "1.40.1",
            "..%2F..%2Fetc%2Fpasswd",
            "..%2f..",
            "2.999%00",
            "%00",
            "2.999%0a",
            "%ff%fe",
            "%E4%B8",
            "2.999%20",
            "urn:oid:",
            "0609",
            "{2",
            "%7B2%20999",
            "//2//16",
            "/2/nobody",
            "/范例/无此名",
            "/xn--zzzzzzzz",
            "ors-dummy.2.example.com",
            "<script>",
            "１.２",
            "2.999.1٢",
            "1" * 41 + ".1",
            "2." + "1" * 41,
            ".".join(["2"] * 129),
            "/" + "a" * 201,
        ],
    )
    def test_what_is_no_oid_is_refused_and_not_repeated(self, reader, drug, path):
        answer = problem(reader.get("/oid/" + path), 400, "oid")
        assert "script" not in answer["detail"]
        assert "nobody" not in answer["detail"]

    @pytest.mark.parametrize("start", ["2.999.", "/", "{2 ", "urn:oid:2.", "06", "ors-dummy."])
    def test_sixty_kilobytes_are_refused(self, reader, start):
        problem(reader.get("/oid/" + quote(start + "1" * 60_000)), 400, "oid")


class TestRepresentation:
    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            (None, JSON),
            ("*/*", JSON),
            ("", JSON),
            ("application/*", JSON),
            ("text/*", "text/html"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
            ("application/json;q=0.5, text/html;q=0.4", JSON),
            ("application/json;q=0.4, text/html;q=0.5", "text/html"),
            ("application/json;q=0, */*", "text/html"),
            ("application/json; profile=x; q=0.1, text/html; q=0.2", "text/html"),
        ],
    )
    def test_what_is_accepted_is_answered(self, reader, drug, accept, kind):
        answer = reader.get(f"/oid/{drug}", accept)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert "Accept" in answer.headers["vary"]

    @pytest.mark.parametrize("accept", ["image/png", "application/xml", "text/html;q=0, application/json;q=0"])
    def test_what_cannot_be_answered_is_said(self, reader, drug, accept):
        problem(reader.get(f"/oid/{drug}", accept), 406, "not-acceptable")

    def test_the_format_can_be_named_and_wins(self, reader, drug):
        answer = reader.get(f"/oid/{drug}?format=html", "image/png")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert reader.get(f"/oid/{drug}?format=json", "text/html").headers["content-type"] == JSON
        problem(reader.get(f"/oid/{drug}?format=xml"), 400, "input")

    @pytest.mark.parametrize(
        ("accept", "language"),
        [
            (None, "en"),
            ("fr", "en"),
            ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
            ("en;q=0.1, zh-Hant;q=0.2", "zh"),
            ("fr, zh;q=0", "en"),
        ],
    )
    def test_the_page_speaks_the_language_asked_for(self, reader, drug, accept, language):
        answer = reader.get(f"/oid/{drug}", "text/html", headers={"Accept-Language": accept} if accept else {})
        assert answer.headers["content-language"] == language
        assert ("Arc by arc" if language == "en" else "逐段解释") in answer.text

    def test_the_language_can_be_named_and_wins(self, reader, drug):
        answer = reader.get(f"/oid/{drug}?lang=zh", "text/html", headers={"Accept-Language": "en"})
        assert answer.headers["content-language"] == "zh"
        problem(reader.get(f"/oid/{drug}?lang=fr"), 400, "input")

    @pytest.mark.parametrize("accept", [JSON, "text/html"])
    def test_what_the_caller_has_is_not_sent_again(self, reader, desk, drug, accept):
        first = reader.get(f"/oid/{drug}", accept)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "no-cache"
        for known in (tag, f'"x", W/{tag}', "*"):
            again = reader.get(f"/oid/{drug}", accept, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        desk.write("deprecate", oid=drug, reason="expired", successor=None)
        assert reader.get(f"/oid/{drug}", accept, headers={"If-None-Match": tag}).status_code == 200


class TestView:
    def test_a_public_entry_is_shown_whole(self, reader, desk, drug):
        view = reader.view(drug)
        assert view["entry"] == desk.find()["entries"][1]
        assert view["forms"]["der"] == Oid.parse(drug).der.hex()
        assert view["forms"]["dns"].startswith("ors-dummy.100001.1001.")
        assert [row["position"] for row in view["explanation"]] == list(range(1, 11))
        assert view["drug_codes"][0]["grouped"] == "86 9 03630 00004 7"
        assert view["owner"] == {"oid": HOSPITAL, "names": OWNER["names"]}
        assert view["breadcrumbs"][5] == {"oid": HOSPITAL, "registered": True, "names": OWNER["names"]}
        assert view["breadcrumbs"][0]["names"]["zh"] == "ISO 与 ITU-T 联合"
        assert view["evidence"] == {"count": 0, "more": False}

    def test_an_organisation_that_owns_itself_is_named_as_its_owner(self, reader, drug):
        assert reader.view(HOSPITAL)["owner"] == {"oid": HOSPITAL, "names": OWNER["names"]}
        assert "ra:             Model Hospital" in reader.get(f"/oidip/oid/{HOSPITAL}/text").text

    def test_a_node_above_others_is_shown_as_not_registered(self, reader, drug):
        view = reader.view(DRUGS)
        assert (view["registered"], view["entry"], view["owner"]) == (False, None, None)
        assert [(child["arc"], child["names"]["en"], child["type"]) for child in view["children"]] == [
            ("100001", "Aspirin", "drug")
        ]
        assert "history" not in view["links"]

    def test_every_link_leads_somewhere(self, reader, desk, drug):
        for name, link in reader.view(drug)["links"].items():
            assert reader.get(link).status_code == 200, name

    def test_children_come_in_pages_in_the_order_of_their_arcs(self, reader, desk, drug):
        desk.write("allocate", entries=[{**DRUG, "labels": []}] * 150)
        desk.write("register", entries=[{"oid": f"{DRUGS}.{10**20}", **DRUG, "labels": []}])
        first = reader.view(DRUGS)
        rest = reader.view(DRUGS, after=first["children_next"])
        arcs = [int(child["arc"]) for child in first["children"] + rest["children"]]
        assert (len(first["children"]), first["children_next"], rest["children_next"]) == (100, "100100", None)
        assert arcs == [*range(100_001, 100_152), 10**20]
        assert reader.view(DRUGS, after=10**30)["children"] == []
        for wrong in ("-1", "x", "1" * 41, "01"):
            problem(reader.get(f"/oid/{DRUGS}?after={wrong}"), 400, "input")

    def test_the_next_page_is_linked(self, reader, desk, drug):
        desk.write("allocate", entries=[{**DRUG, "labels": []}] * 100)
        first = reader.get(f"/oid/{DRUGS}?format=html").text
        assert f'href="/oid/{DRUGS}?lang=en&amp;after=100100"' in first
        last = reader.get(f"/oid/{DRUGS}?format=html&after=100100").text
        assert "Next page" not in last
        assert "First page" in last

    def test_evidence_is_counted_within_a_bound(self, reader, desk, drug, monkeypatch):
        records = [
            {"kind": kind, "subject": drug, "study": HOSPITAL, "record": {"N": 1}}
            for kind in ("gd44.c3.drug_use", "gd44.c3.examination_test_data")
        ]
        bearer = {"Authorization": f"Bearer {desk._tokens['edc']}", "Idempotency-Key": "e", "Content-Type": JSON}
        answer = desk.client.post("/v1/records", content=json.dumps({"records": records}), headers=bearer)
        assert all("index" in result for result in answer.json()["results"]), answer.text
        assert reader.view(drug)["evidence"] == {"count": 2, "more": False}
        monkeypatch.setattr("trialanchor_node.log.reader.MAX_COUNT", 1)
        monkeypatch.setattr("trialanchor_node.registry.views.MAX_COUNT", 1)
        assert reader.view(drug)["evidence"] == {"count": 1, "more": True}
        assert "more than <strong>1</strong>" in reader.get(f"/oid/{drug}?format=html").text

    def test_an_unknown_oid_names_its_nearest_registered_superior(self, reader, drug):
        found = problem(reader.get(f"/oid/{HOSPITAL}.1.9.1001"), 404, "oid-unknown")
        assert (found["superior"], found["distance"]) == (HOSPITAL, 3)
        assert problem(reader.get(f"/oid/{drug}.1"), 404, "oid-unknown")["superior"] == drug
        assert "superior" not in problem(reader.get("/oid/1.2.3"), 404, "oid-unknown")
        assert "superior" not in problem(reader.get("/oid/1"), 404, "oid-unknown")

    def test_names_are_escaped(self, reader, desk, drug):
        (oid,) = desk.write("allocate", entries=[NOT_A_TRIAL])
        page = reader.get(f"/oid/{oid}?format=html")
        assert "<script" not in page.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
        assert "甲&amp;乙&#34;&#39;" in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy

    def test_a_page_takes_nothing_from_elsewhere(self, reader, drug):
        page = reader.get(f"/oid/{drug}?format=html").text
        assert "http" not in page
        for other in (" style=", "<script", "src=", "@import", "url("):
            assert other not in page

    def test_a_successor_and_a_reason_are_shown(self, reader, desk, drug):
        (other,) = desk.write("allocate", entries=[{**DRUG, "labels": []}])
        desk.write("deprecate", oid=drug, reason="superseded", successor=other)
        page = reader.get(f"/oid/{drug}?format=html&lang=zh").text
        assert "已停用" in page
        assert "已被替代" in page
        assert f'href="/oid/{other}?lang=zh"' in page


class TestDisclosure:
    def paths(self, oid):
        return [
            f"/oid/{oid}",
            f"/oid/{oid}?format=html&lang=en",
            f"/oid/{oid}?format=html&lang=zh",
            f"/ors/cinf/{oid}.xml",
            f"/ors/rinf/{oid}.xml",
            f"/oidip?query=oid:{oid}",
            f"/oidip?query=oid:{oid}$format=json$lang=zh",
            f"/oidip/oid/{oid}/xml",
            f"/oidip/oid/{oid}.1/text",
            f"/fhir/NamingSystem/oid-{oid}",
            f"/fhir/NamingSystem?value={oid}",
            f"/fhir/NamingSystem?_id=oid-{oid}",
            f"/fhir/NamingSystem/$preferred-id?id={oid}&type=uri",
            f"/v1/oids/history/{oid}",
            f"/oid/{oid}.1",
        ]

    def test_nothing_of_a_blinded_kit_is_told(self, reader, kit):
        texts = [reader.get(path).text for path in self.paths(kit)] + [reader.look_up(kit, f"{kit}.1").text]
        assert all(texts)
        for text in texts:
            for secret in SECRETS:
                assert secret not in text, (secret, text)

    def test_a_page_of_a_blinded_kit_says_that_it_exists_for_whom_and_its_status(self, reader, kit):
        view = reader.view(kit)
        assert view["entry"] == {"oid": kit, "visibility": "blinded", "owner": HOSPITAL, "status": "deprecated"}
        assert (view["children"], view["evidence"], view["drug_codes"]) == (None, None, [])
        assert "evidence" not in view["links"]
        assert view["explanation"][7]["meaning"] is None
        assert "This object is not disclosed" in reader.get(f"/oid/{kit}?format=html").text

    def test_two_kits_differ_in_their_number_only(self, reader, desk, kit):
        one, other = desk.write("allocate", prefix=KIT_CLASS, entries=[KIT, {**KIT, "parent": TRIAL}])
        desk.write("describe", oid=one, version=1, description=KIT)
        for first, second in zip(self.paths(one), self.paths(other), strict=True):
            a, b = reader.get(first), reader.get(second)
            arc, other_arc = one.rpartition(".")[2], other.rpartition(".")[2]
            der, other_der = (Oid.parse(oid).der.hex() for oid in (one, other))
            assert a.status_code == b.status_code
            assert a.text.replace(arc, "#").replace(der, "#") == b.text.replace(other_arc, "#").replace(other_der, "#")

    def test_a_private_entry_and_what_lies_below_it_are_withheld(self, reader, desk, drug):
        (oid,) = desk.write("allocate", entries=[{"type": "document", "attributes": "sha256:" + "2" * 64}])
        view = reader.view(oid)
        assert view["entry"] == {"oid": oid, "visibility": "private", "owner": HOSPITAL, "status": "active"}
        assert decode_rinf(reader.get(f"/ors/rinf/{oid}.xml").content).disclosure is None

    def test_a_parent_says_no_more_than_that_there_are_further_children(self, reader, desk, kit):
        view = reader.view(KIT_CLASS)
        assert (view["children"], view["children_next"], view["children_hidden"]) == ([], None, True)
        page = reader.get(f"/oid/{KIT_CLASS}?format=html").text
        assert "100001" not in page.partition("<main>")[2].replace(KIT_CLASS, "")
        assert "not disclosed" in page

    def test_cursors_pass_over_what_is_hidden(self, reader, desk, drug):
        for place in range(60):
            desk.write(
                "register",
                entries=[
                    {"oid": f"{KIT_CLASS}.{200_000 + 2 * place}", **KIT},
                    {
                        "oid": f"{KIT_CLASS}.{200_001 + 2 * place}",
                        "type": "kit",
                        "visibility": "public",
                        "names": {"en": "k"},
                    },
                ],
            )
        desk.write("register", entries=[{"oid": f"{KIT_CLASS}.{300_000 + n}", **KIT} for n in range(200)])
        found = reader.view(KIT_CLASS)
        assert [int(child["arc"]) % 2 for child in found["children"]] == [1] * 60
        assert (found["children_next"], found["children_hidden"]) == (None, True)

    def test_an_entry_that_turns_private_is_withheld_from_then_on(self, reader, desk, drug):
        before = reader.get(f"/v1/oids/history/{drug}").json()["versions"]
        desk.write("describe", oid=drug, version=1, description={"type": "drug", "visibility": "private"})
        assert before[0]["entry"]["names"] == DRUG["names"]
        assert reader.view(drug)["entry"]["visibility"] == "private"
        assert reader.get(f"/v1/oids/history/{drug}").json() == {
            "oid": drug,
            "disclosed": False,
            "versions": [],
            "next": None,
        }
        assert reader.get("/oid/" + quote(f"{Oid.parse(DRUGS).iri}/aspirin")).status_code == 400

    def test_versions_from_before_an_entry_was_public_are_only_counted(self, reader, desk, drug):
        (oid,) = desk.write("allocate", entries=[{"type": "trial", "visibility": "private", "parent": HOSPITAL}])
        desk.write("describe", oid=oid, version=1, description={"type": "trial", "names": {"en": "T"}})
        first, second = reader.get(f"/v1/oids/history/{oid}").json()["versions"]
        assert first == {"version": 1, "visibility": "private"}
        assert (second["version"], second["entry"]["names"], second["at"]) == (2, {"en": "T"}, int(NOW.timestamp()))

    def test_a_person_is_never_a_registrant(self, reader, desk, drug):
        desk.with_pharmacy()
        (oid,) = desk.write(
            "register", source="pharmacy", entries=[{"oid": f"{KITS}.2001", "type": "class", "names": {"en": "C"}}]
        )
        assert reader.view(oid)["owner"] == {"oid": PHARMACY, "names": STAFF["names"]}
        desk.write("describe", oid=PHARMACY, version=1, description={"type": "department", "visibility": "private"})
        assert reader.view(oid)["owner"] == {"oid": PHARMACY, "names": {}}
        assert "Pharmacy" not in reader.get(f"/ors/rinf/{oid}.xml").text


class TestOrsFiles:
    def test_rinf_tells_of_a_public_entry(self, reader, drug):
        answer = reader.get(f"/ors/rinf/{drug}.xml")
        assert answer.headers["content-type"] == XML
        told = decode_rinf(answer.content).disclosure
        assert "Aspirin" in told.description
        assert told.first_registration.date == NOW.date()
        assert told.current_registration.registrant.family_name_or_organization == "示范医院 / Model Hospital"

    def test_rinf_of_a_node_where_nothing_is_registered_discloses_nothing(self, reader, drug):
        for node in ("root", "2", DRUGS):
            assert decode_rinf(reader.get(f"/ors/rinf/{node}.xml").content).disclosure is None

    def test_the_tree_can_be_walked_from_its_root(self, reader, drug):
        arcs, labels = [], []
        while True:
            found = decode_cinf(reader.get(f"/ors/cinf/{'.'.join(map(str, arcs)) or 'root'}.xml").content)
            if not found.disclosed:
                break
            arcs.append(found.disclosed[-1].numeric_label)
            labels.append(found.disclosed[-1].labels)
        assert ".".join(map(str, arcs)) == drug
        assert "Country" in labels[1]
        assert labels[-1] == ("Aspirin",)
        assert found.other_children == 0

    def test_cinf_of_a_blinded_kit_discloses_nothing(self, reader, kit):
        assert decode_cinf(reader.get(f"/ors/cinf/{kit}.xml").content).disclosed is None
        above = decode_cinf(reader.get(f"/ors/cinf/{KIT_CLASS}.xml").content)
        assert (above.disclosed, above.other_children) == ((), -1)

    def test_cinf_lists_up_to_a_thousand(self, reader, desk, drug):
        desk.write("allocate", entries=[{**DRUG, "labels": []}] * 1_000)
        found = decode_cinf(reader.get(f"/ors/cinf/{DRUGS}.xml").content)
        assert (len(found.disclosed), found.other_children) == (1_000, -1)

    @pytest.mark.parametrize("kind", ["cinf", "rinf"])
    def test_an_unknown_node_is_not_found(self, reader, drug, kind):
        assert problem(reader.get(f"/ors/{kind}/{drug}.7.xml"), 404, "oid-unknown")["superior"] == drug
        problem(reader.get(f"/ors/{kind}/urn:oid:2.999.xml"), 400, "input")
        problem(reader.get(f"/ors/{kind}/1.40.xml"), 400, "oid")

    @pytest.mark.parametrize("kind", ["cinf", "rinf"])
    def test_a_file_is_not_sent_twice(self, reader, drug, kind):
        first = reader.get(f"/ors/{kind}/{drug}.xml")
        again = reader.get(f"/ors/{kind}/{drug}.xml", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304


class TestLookup:
    def test_each_oid_has_its_answer_in_its_place(self, reader, kit, drug):
        texts = [drug, Oid.parse(drug).der.hex(), "nonsense", kit, f"{HOSPITAL}.9.9", "1.2.3", DRUGS, "/", "2"]
        answer = reader.look_up(*texts)
        jsonschema.validate(answer.json(), {**SCHEMAS["Lookup"], "components": {"schemas": SCHEMAS}})
        found = answer.json()["results"]
        assert found[0] == found[1]
        assert found[0]["entry"]["names"] == DRUG["names"]
        assert found[2]["problem"]["code"] == "oid"
        assert found[3]["entry"] == {"oid": kit, "visibility": "blinded", "owner": HOSPITAL, "status": "deprecated"}
        assert found[4] == {"oid": f"{HOSPITAL}.9.9", "found": False, "superior": HOSPITAL, "distance": 2}
        assert found[5] == {"oid": "1.2.3", "found": False}
        assert found[6] == {"oid": DRUGS, "found": True, "entry": None}
        assert found[7]["problem"]["code"] == "oid"
        assert found[8] == {"oid": "2", "found": True, "entry": None}

    def test_a_thousand_are_taken_and_no_more(self, reader, drug):
        assert len(reader.look_up(*[f"{drug}.{n}" for n in range(1_000)]).json()["results"]) == 1_000
        problem(reader.look_up(*["2.999"] * 1_001), 400, "input")

    @pytest.mark.parametrize(
        "body",
        [b"", b"[]", b"{}", b'{"oids":[]}', b'{"oids":[1]}', b'{"oids":"2.999"}', b'{"oids":[],"x":1}', b"{" * 9],
    )
    def test_another_body_is_refused(self, reader, body):
        answer = reader._client.post("/v1/oids/lookup", content=body, headers={"Content-Type": JSON})
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)

    def test_another_media_type_and_a_large_body_are_refused(self, reader):
        problem(reader.look_up("2.999", **{"Content-Type": "text/plain"}), 415, "media-type")
        problem(reader.look_up("2" * (1 << 20)), 413, "oversize")


class TestHistory:
    def test_every_version_has_its_time_and_block(self, reader, desk, drug):
        desk.write("deprecate", oid=drug, reason="expired", successor=None)
        answer = reader.get(f"/v1/oids/history/{drug}")
        jsonschema.validate(answer.json(), SCHEMAS["History"])
        versions = answer.json()["versions"]
        assert [(v["version"], v["entry"]["status"]) for v in versions] == [(1, "active"), (2, "deprecated")]
        assert versions[0]["block"] < versions[1]["block"]
        assert versions[1]["at"] == int(datetime.fromtimestamp(versions[1]["at"], UTC).timestamp())

    def test_a_node_where_nothing_is_registered_has_none(self, reader, drug):
        problem(reader.get(f"/v1/oids/history/{DRUGS}"), 404, "oid-unknown")


class TestOidIp:
    def test_a_public_entry_is_found(self, reader, drug):
        answer = reader.get(f"/oidip?query=oid:{drug}")
        assert (answer.status_code, answer.headers["content-type"]) == (
            200,
            "text/vnd.viathinksoft.oidip; charset=UTF-8",
        )
        assert answer.text.startswith(f"query:          oid:{drug}\r\nresult:         Found\r\n\r\n")
        assert "ra:             Model Hospital\r\n" in answer.text

    def test_both_ways_to_ask_give_the_same(self, reader, drug):
        for form in ("text", "json", "xml"):
            asked = reader.get(f"/oidip?query=oid:{drug}$format={form}")
            read = reader.get(f"/oidip/oid/{drug}/{form}")
            assert asked.text.replace(f"$format={form}", "") == read.text
            assert asked.headers["content-type"] == read.headers["content-type"]

    def test_the_language_comes_from_the_argument_or_the_header(self, reader, drug):
        assert reader.get(f"/oidip?query=oid:{drug}$lang=zh-CN,en").headers["content-language"] == "zh"
        header = {"Accept-Language": "fr, zh-Hans;q=0.5"}
        assert "阿司匹林" in reader.get(f"/oidip/oid/{drug}/text", headers=header).text
        assert "Aspirin" in reader.get(f"/oidip/oid/{drug}/text?lang=en", headers=header).text

    def test_a_superior_is_named_with_its_distance(self, reader, drug):
        answer = reader.get(f"/oidip/oid/{drug}.5.6/json")
        section = answer.json()["oidip"]
        assert answer.status_code == 470
        assert section["querySection"]["result"] == "Not found; superior object found"
        assert (section["querySection"]["distance"], section["objectSection"]["object"]) == (2, f"oid:{drug}")

    def test_what_is_not_there_is_not_found(self, reader, drug):
        answer = reader.get("/oidip?query=oid:1.2.3")
        assert (answer.status_code, answer.text) == (404, "query:   oid:1.2.3\r\nresult:  Not found\r\n")

    @pytest.mark.parametrize(
        "path",
        [
            "/oidip",
            "/oidip?query=2.999",
            "/oidip?query=oid:2.999$format=pdf",
            "/oidip?query=oid:9.9",
            "/oidip?query=oid:2.999%0d%0aresult:%20Found",
            "/oidip/oid/2.999/pdf",
            "/oidip/uuid/2.999/text",
            "/oidip/oid/.2.999/text",
            "/oidip?query=oid:" + "2." * 5_000,
        ],
    )
    def test_what_is_no_query_is_a_service_error_in_text(self, reader, drug, path):
        answer = reader.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (
            400,
            "text/vnd.viathinksoft.oidip; charset=UTF-8",
        )
        assert answer.text.startswith("query:    oid:\r\nresult:   Service error\r\nmessage:  ")

    def test_the_page_is_named_when_the_node_has_an_address(self, reader, desk, drug, monkeypatch):
        monkeypatch.setattr(
            desk.node, "settings", desk.node.settings.model_copy(update={"public_url": "https://n.example/"})
        )
        assert f"https://n.example/oid/{drug}" in reader.get(f"/oidip/oid/{drug}/text").text


class TestFhir:
    def test_a_public_entry_is_a_resource(self, reader, drug):
        answer = reader.get(f"/fhir/NamingSystem/oid-{drug}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, FHIR)
        assert answer.json()["publisher"] == "Model Hospital"

    @pytest.mark.parametrize("value", ["{oid}", "urn:oid:{oid}", NATIVE["value"]])
    def test_it_is_found_by_each_of_its_identifiers(self, reader, drug, value):
        found = reader.get("/fhir/NamingSystem", params={"value": value.format(oid=drug)}).json()
        assert (found["resourceType"], found["type"], found["total"]) == ("Bundle", "searchset", 1)
        assert found["entry"][0]["fullUrl"].endswith(f"/fhir/NamingSystem/oid-{drug}")
        assert found["entry"][0]["resource"]["uniqueId"][0]["value"] == drug

    def test_it_is_found_by_its_id(self, reader, drug):
        assert reader.get(f"/fhir/NamingSystem?_id=oid-{drug}").json()["total"] == 1
        assert reader.get(f"/fhir/NamingSystem?_id=oid-{drug}&value={DRUGS}").json()["total"] == 0

    @pytest.mark.parametrize("where", ["value=2.999", "value=", "_id=x", "_id=oid-2.999", "value=urn:oid:9.9"])
    def test_what_is_not_there_is_an_empty_bundle(self, reader, drug, where):
        found = reader.get(f"/fhir/NamingSystem?{where}").json()
        assert found["total"] == 0
        assert "entry" not in found

    @pytest.mark.parametrize(
        ("given", "kind", "result"),
        [
            (NATIVE["value"], "oid", "{oid}"),
            (NATIVE["value"], "uri", "urn:oid:{oid}"),
            ("urn:oid:{oid}", "oid", "{oid}"),
            ("{oid}", "other", NATIVE["value"]),
        ],
    )
    def test_an_identifier_is_translated(self, reader, drug, given, kind, result):
        answer = reader.get("/fhir/NamingSystem/$preferred-id", params={"id": given.format(oid=drug), "type": kind})
        assert answer.json() == {
            "resourceType": "Parameters",
            "parameter": [{"name": "result", "valueString": result.format(oid=drug)}],
        }

    @pytest.mark.parametrize(
        ("path", "status", "issue"),
        [
            ("/fhir/NamingSystem", 400, "required"),
            ("/fhir/NamingSystem/oid-2.999", 404, "not-found"),
            ("/fhir/NamingSystem/oid-2.16", 404, "not-found"),
            ("/fhir/NamingSystem/x", 404, "not-found"),
            ("/fhir/NamingSystem/oid-9.9", 404, "not-found"),
            ("/fhir/NamingSystem/oid-" + "1" * 5_000, 404, "not-found"),
            ("/fhir/NamingSystem/$preferred-id", 400, "required"),
            ("/fhir/NamingSystem/$preferred-id?id=2.999", 400, "value"),
            ("/fhir/NamingSystem/$preferred-id?id=2.999&type=uuid", 400, "value"),
            ("/fhir/NamingSystem/$preferred-id?id=nothing&type=oid", 404, "not-found"),
        ],
    )
    def test_errors_are_operation_outcomes(self, reader, drug, path, status, issue):
        answer = reader.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, FHIR)
        assert answer.json()["resourceType"] == "OperationOutcome"
        assert answer.json()["issue"][0]["code"] == issue

    def test_a_code_of_several_entries_prefers_none(self, reader, desk, drug):
        desk.write("allocate", entries=[{**DRUG, "labels": []}])
        answer = reader.get(f"/fhir/NamingSystem/$preferred-id?id={NATIVE['value']}&type=oid")
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (409, "multiple-matches")
        assert reader.get(f"/fhir/NamingSystem?value={NATIVE['value']}").json()["total"] == 2

    def test_an_entry_without_code_has_no_other_identifier(self, reader, drug):
        answer = reader.get(f"/fhir/NamingSystem/$preferred-id?id={HOSPITAL}&type=other")
        assert (answer.status_code, answer.json()["issue"][0]["code"]) == (404, "not-found")

    def test_a_blinded_kit_is_suppressed(self, reader, kit):
        for path in (f"/fhir/NamingSystem/oid-{kit}", f"/fhir/NamingSystem/$preferred-id?id={kit}&type=oid"):
            answer = reader.get(path)
            assert (answer.status_code, answer.json()["issue"][0]["code"]) == (403, "suppressed")
        assert reader.get(f"/fhir/NamingSystem?value={kit}").json()["total"] == 0
