"""The service as a whole: one shape of errors on every route, and a description that says what there is."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
from material import AT, digest

from nodes import COSE, JSON, PROBLEM, UNKNOWN, numbered, record
from trialanchor.encoding import digest_text, json_decode, json_encode
from trialanchor.fingerprint import Opening, disclose
from trialanchor_node.description import SCHEMAS
from trialanchor_node.problems import problem_of, problem_response
from trialanchor_oid.errors import TrialAnchorError

ROOT = Path(__file__).parents[3]
ROUTES = {
    "/v1/statements": "post",
    "/v1/records": "post",
    "/v1/openings/{statement}": "get",
    "/v1/receipts/{statement}": "get",
    "/v1/entries": "get",
    "/v1/verify": "post",
    "/v1/trust": "get",
    "/log/checkpoint": "get",
    "/log/tile/{path}": "get",
    "/oid": "get",
    "/oid/{oid}": "get",
    "/ors/cinf/{oid}.xml": "get",
    "/ors/rinf/{oid}.xml": "get",
    "/ors/zone": "get",
    "/v1/ors/resolve": "get",
    "/v1/oids": "get",
    "/v1/export/oids": "get",
    "/v1/oids/lookup": "post",
    "/v1/oids/history/{oid}": "get",
    "/v1/oids/{action}": "post",
    "/oidip": "get",
    "/oidip/{namespace}/{identifier}/{form}": "get",
    "/fhir/NamingSystem": "get",
    "/fhir/NamingSystem/$preferred-id": "get",
    "/fhir/NamingSystem/{id}": "get",
    "/v1/transactions": "post",
    "/v1/transactions/{transaction}": "get",
    "/v1/contracts": "get",
    "/v1/contracts/{contract}/{action}": "post",
    "/v1/objects/{key}": "get",
    "/v1/events": "get",
    "/v1/trace/{of}": "get",
    "/v1/studies/{oid}/completeness": "get",
    "/v1/lots/{oid}/balance": "get",
    "/v1/events/stream": "get",
    "/v1/notices": "get",
    "/v1/notices/{notice}/acknowledge": "post",
    "/v1/webhooks": "get",
    "/healthz": "get",
    "/readyz": "get",
    "/metrics": "get",
}


def assert_problem(answer, status, code):
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    problem = answer.json()
    assert set(problem) == set(SCHEMAS["Problem"]["required"])
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:trialanchor:error:{code}"


class TestProblems:
    @pytest.mark.parametrize(
        "path", ["/", "/v1", "/v1/statement", "/v1/receipts", "/v1/receipts/a/b", "/docs", "/redoc"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_an_unknown_path_is_not_found(self, site, method, path):
        assert_problem(site.client.request(method, path), 404, "not-found")

    @pytest.mark.parametrize(("path", "method"), ROUTES.items())
    @pytest.mark.parametrize("other", ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
    def test_another_method_is_not_allowed(self, site, path, method, other):
        if other.lower() == method:
            return
        answer = site.client.request(other, path.replace("{statement}", UNKNOWN).replace("{path}", "0/000"))
        assert_problem(answer, 405, "method-not-allowed")
        assert answer.headers["allow"] == method.upper()

    @pytest.mark.parametrize("path", ["/v1/statements", "/v1/records", "/v1/verify"])
    def test_another_media_type_is_not_taken(self, site, path):
        headers = {**site.bearer(), "Idempotency-Key": "k", "Content-Type": "text/html"}
        assert_problem(site.client.post(path, content=b"<p>", headers=headers), 415, "media-type")

    @pytest.mark.parametrize(
        ("path", "content_type", "size"),
        [
            ("/v1/statements", COSE, (8 << 20) + 1),
            ("/v1/records", JSON, (8 << 20) + 1),
            ("/v1/verify", JSON, (4 << 20) + 1),
        ],
    )
    def test_a_body_too_large_is_not_taken(self, site, path, content_type, size):
        headers = {**site.bearer(), "Idempotency-Key": "k", "Content-Type": content_type}
        assert_problem(site.client.post(path, content=bytes(size), headers=headers), 413, "oversize")

    @pytest.mark.parametrize(
        "path",
        [
            "/v1/receipts/x",
            f"/v1/receipts/{UNKNOWN}?wait=long",
            f"/v1/receipts/{UNKNOWN}?timeout=99",
            "/v1/entries?limit=many",
            "/v1/entries?subject=me",
        ],
    )
    def test_a_parameter_of_another_form_is_an_input_error(self, site, path):
        assert_problem(site.client.get(path), 400, "input")

    def test_a_key_used_for_another_body_cannot_be_processed(self, site):
        site.post_records(record(1))
        assert_problem(site.post_records(record(2)), 422, "idempotency-key-reused")

    def test_a_statement_far_off_in_time_cannot_be_processed(self, site):
        assert_problem(site.post(numbered(1, issued_at=1)), 403, "certificate")
        assert_problem(site.post(numbered(1, issued_at=AT + 999)), 422, "clock")

    def test_what_nobody_foresaw_is_a_problem_without_its_cause(self, serve, monkeypatch, capsys):
        site = serve(raise_server_exceptions=False)

        def fail():
            raise ZeroDivisionError("a secret")

        monkeypatch.setattr(site.node.metrics, "render", fail)
        answer = site.client.get("/metrics")
        assert_problem(answer, 500, "error")
        assert "secret" not in answer.text
        assert "node:request:failed" in capsys.readouterr().out

    def test_a_waiting_caller_is_told_when_to_come_again(self):
        class LaterError(TrialAnchorError):
            """Later."""

            http_status = 503

        assert problem_response(LaterError("later")).headers["retry-after"] == "1"
        assert "retry-after" not in problem_response(TrialAnchorError("never")).headers

    def test_a_problem_carries_title_detail_and_help(self):
        problem = problem_of(TrialAnchorError("what happened"))
        assert problem["title"] == "Root of all errors this product raises on purpose"
        assert (problem["detail"], problem["help"]) == ("what happened", TrialAnchorError.hint)


class TestOperation:
    def test_the_process_is_alive(self, site):
        assert site.client.get("/healthz").json() == {"status": "alive"}

    def test_it_is_ready_and_says_how_far_it_is(self, site):
        site.register(numbered(1), numbered(2))
        assert site.client.get("/readyz").json() == {"status": "ready", "entries": 2, "anchored": 0, "waiting": 0}
        site.anchor()
        assert site.client.get("/readyz").json()["anchored"] == 2

    def test_it_is_not_ready_when_its_queue_is_full(self, site, monkeypatch):
        monkeypatch.setattr(type(site.node.sequencer), "waiting", property(lambda _: 8_192))
        assert_problem(site.client.get("/readyz"), 503, "store")

    def test_the_trust_file_is_that_of_its_folder(self, site):
        answer = site.client.get("/v1/trust")
        assert answer.headers["content-type"] == JSON
        assert answer.content == (site.folder / "trust.json").read_bytes()

    def test_the_metrics_are_in_the_text_format(self, site):
        answer = site.client.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "# TYPE trialanchor_log_entries gauge" in answer.text


class TestVerify:
    def ask(self, site, bundle, **evidence):
        return site.client.post("/v1/verify", json={"bundle": bundle, **evidence})

    @pytest.fixture
    def evidence(self, site):
        """A registered and anchored record: its bundle and its opening."""
        (result,) = site.post_records(record(1)).json()["results"]
        site.anchor()
        bundle = site.receipt(result["statement"]).json()
        opening = site.client.get(f"/v1/openings/{result['statement']}", headers=site.bearer()).json()
        return bundle, opening, result["fingerprint"]

    def test_a_digest_an_opening_and_a_disclosure_verify(self, site, evidence):
        bundle, opening, fingerprint = evidence
        shown = json_decode(disclose(Opening.decode(json_encode(opening)), "/LBORRES").encode(), "it")
        for given in ({"digest": fingerprint}, {"opening": opening}, {"disclosure": shown}):
            report = self.ask(site, bundle, **given).json()
            assert (report["verdict"], report["exit_code"]) == ("verified", 0)
            jsonschema.validate(report, SCHEMAS["Report"])

    def test_a_bundle_without_evidence_is_not_checked_to_the_end(self, site, evidence):
        assert self.ask(site, evidence[0]).json()["verdict"] == "could not be checked"

    def test_a_changed_value_is_refuted(self, site, evidence):
        bundle, opening, _ = evidence
        changed = json.loads(json.dumps(opening).replace('"41"', '"14"'))
        report = self.ask(site, bundle, opening=changed).json()
        assert (report["verdict"], report["exit_code"]) == ("refuted", 1)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{}",
            b'{"bundle":7}',
            b'{"bundle":{},"digest":"x"}',
            b'{"bundle":{},"digest":null}',
            b'{"bundle":{},"opening":{},"disclosure":{}}',
            b'{"bundle":{},"trust":{}}',
            b'{"bundle":{},"opening":"x"}',
            b'{"bundle":{},"disclosure":[]}',
            b'{"bundle":{},"opening":7}',
            b'{"bundle":{},"opening":null}',
            b'{"bundle":{},"disclosure":1e999}',
            b'{"bundle":{"a":1,"a":2}}',
            b'{"bundle":{"a":NaN}}',
            b'{"bundle":{"a":"\\ud800"}}',
            b'{"bundle":{"a":' + b"1" * 5_000 + b"}}",
            b'{"bundle":' + b"[" * 100_000,
        ],
    )
    def test_a_request_of_another_form_is_refused(self, site, body):
        answer = site.client.post("/v1/verify", content=body, headers={"Content-Type": JSON})
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)

    @pytest.mark.parametrize("value", [{}, {"items": []}, {"items": 1e300}, {"items": 1e999}, {"number": "1"}])
    @pytest.mark.parametrize("name", ["opening", "disclosure"])
    def test_evidence_of_no_use_is_reported_and_never_an_error(self, site, evidence, name, value):
        body = json.dumps({"bundle": evidence[0], name: value}).replace("Infinity", "1e999")
        answer = site.client.post("/v1/verify", content=body, headers={"Content-Type": JSON})
        assert answer.status_code == 200
        assert answer.json()["verdict"] == "refuted"

    def test_a_bundle_of_no_use_is_reported(self, site):
        report = self.ask(site, {"trialanchor_bundle": 1}, digest=digest_text(digest("x"))).json()
        assert report["verdict"] == "refuted"


class TestDescription:
    def test_every_route_is_described(self, site):
        described = site.client.get("/openapi.json").json()
        assert {path: list(methods) for path, methods in described["paths"].items()} == {
            path: [method] for path, method in ROUTES.items()
        }
        for path, method in ROUTES.items():
            operation = described["paths"][path][method]
            assert operation["summary"], path
            assert operation["description"], path
            assert operation["responses"]["default"]["content"][PROBLEM], path

    def test_every_route_of_the_service_is_one_of_them(self, site):
        served = {
            (route.path.replace(":path", ""), method) for route in _routes(site.client.app) for method in route.methods
        }
        assert served - {("/openapi.json", "GET"), ("/openapi.json", "HEAD")} == {
            (path, method.upper()) for path, method in ROUTES.items()
        }

    def test_the_shapes_are_json_schemas(self):
        for shape in SCHEMAS.values():
            jsonschema.Draft202012Validator.check_schema(shape)

    def test_the_file_of_the_documentation_is_that_of_this_version(self, site):
        spec = importlib.util.spec_from_file_location("write_openapi", ROOT / "scripts" / "write_openapi.py")
        script = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(script)
        assert script.PATH.read_text() == script.description(), "run scripts/write_openapi.py"
        assert json.loads(script.PATH.read_text()) == site.client.get("/openapi.json").json()


def _routes(router):
    """Give the routes of a router and of those included in it."""
    for route in router.routes:
        if hasattr(route, "methods"):
            yield route
        else:
            yield from _routes(route.original_router)
