"""The tour of the README runs, command by command, against a node in this process."""

import contextlib
import os
import re
import runpy
import shutil
import sys
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

from trialanchor.cli import surroundings
from trialanchor.cli.app import run
from trialanchor.client import Options
from trialanchor.client import base as client_base
from trialanchor.keys import PASSPHRASE_VARIABLE
from trialanchor_node.app import create_app
from trialanchor_node.node import Node
from trialanchor_node.settings import load_settings

ADDRESS = "http://127.0.0.1:8470"
TOKEN = re.compile(r"shown only now: (\S+)")


class Bridge(httpx2.BaseTransport):
    """Carries the requests of the SDK to an app in this process."""

    def __init__(self, http):
        self._http = http

    def handle_request(self, request):
        answer = self._http.request(request.method, request.url, headers=request.headers, content=request.read())
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Tour:
    """Does what the blocks of the README say."""

    def __init__(self, root, commands, monkeypatch, capsys, stack):
        self._root, self._commands = root, commands
        self._patch, self._capsys, self._stack = monkeypatch, capsys, stack
        self._http = None
        self.printed = ""
        self.answers = []

    def follow(self, blocks):
        for language, block in blocks:
            if language == "sh" and "make " not in block:
                for words in self._commands(block):
                    self._do(words)
            elif language == "python":
                self._exec(block)

    def _do(self, words):
        getattr(self, f"_{words[0]}")(*map(os.path.expandvars, words[1:]))

    def _unset(self, name):
        self._patch.delenv(name)

    def _export(self, *assignments):
        for name, _, value in (assignment.partition("=") for assignment in assignments):
            self._patch.setenv(name, self._with_token(value))

    def _with_token(self, text):
        return text.replace("$TOKEN", TOKEN.search(self.printed)[1]) if "$TOKEN" in text else text

    def _cp(self, source, target):
        shutil.copy(source, target)

    def _python(self, script, *arguments):
        self._patch.setattr(sys, "argv", [script, *arguments])
        self._patch.syspath_prepend(self._root / "scripts")
        runpy.run_path(str(self._root / script), run_name="__main__")

    def _trialanchor(self, *words):
        if words[:2] == ("node", "run"):
            self._start(Path(words[2]))
            return
        code = run(words)
        self.printed += self._capsys.readouterr().out
        assert code == 0, words

    def _start(self, folder):
        node = Node(load_settings(folder), "a long passphrase")
        self._http = self._stack.enter_context(TestClient(create_app(node), base_url=ADDRESS))
        options = Options(transport=Bridge(self._http))
        self._patch.setattr(surroundings, "client_options", lambda: options)
        self._patch.setattr(client_base, "Options", lambda: options)

    def _curl(self, url, *rest):
        values = dict(zip(rest[::2], rest[1::2], strict=True))
        names = [rest[i + 1].partition(": ") for i in range(0, len(rest), 2) if rest[i] == "-H"]
        headers = {name: self._with_token(value) for name, _, value in names}
        answer = self._http.post(url, headers=headers, content=values["--data"].encode())
        self.answers.append((answer.status_code, answer.json()))

    def _exec(self, block):
        exec(compile(block, "README.md", "exec"), {})
        self.printed += self._capsys.readouterr().out


@pytest.fixture
def tour(root, commands, tmp_path, monkeypatch, capsys):
    shutil.copy(root / "README.md", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TRIALANCHOR_NODE_ANCHOR_INTERVAL_S", "0.05")
    with contextlib.ExitStack() as stack:
        yield Tour(root, commands, monkeypatch, capsys, stack)


def test_the_tour_runs(tour, fences):
    tour.follow(fences("README.md"))
    (status, answer) = tour.answers[0]
    assert (status, answer["state"], answer["results"][0]["new"]) == (200, "sequenced", True)
    assert "OK 807 files: 807 verified" in tour.printed
    assert "OK evidence/LB/000001.disclosure.json" in tour.printed
    assert "2.16.156.3016.44.2001.1.4.1001.100002" in tour.printed
    assert "{joint-iso-itu-t(2) country(16) cn(156) 3016 44 2001 1 2 1001 100001}" in tour.printed
    assert "verified anchored" in tour.printed
    assert "trial:study:started 2.16.156.3016.44.2001.1.1.1001.100001" in tour.printed
    assert "study.trace.json" in tour.printed
    assert Path("lb-000001.cose").is_file()


def test_both_languages_show_the_same_commands(fences):
    english, chinese = fences("README.md"), fences("README.zh.md")
    strip = re.compile(r"\s+# .*$", re.MULTILINE)
    assert [(kind, strip.sub("", text)) for kind, text in english] == [(k, strip.sub("", text)) for k, text in chinese]


def test_the_certificate_recipe_of_the_operator_works(fences, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "a long passphrase")
    member = "2.16.156.3016.44.2001"
    assert run(["keys", "new", ".", "--member-oid", member, "--role", "study_unit", "--system", "lis"]) == 0
    (recipe,) = [block for language, block in fences("docs/operations.md") if language == "python"]
    exec(compile(recipe, "docs/operations.md", "exec"), {})
    chain, root = Path("lis-2.chain.pem").read_bytes(), Path("root.cert.pem").read_bytes()
    assert issued_by(chain, root)


def issued_by(chain, root):
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - only here

    load_pem_x509_certificate(chain).verify_directly_issued_by(load_pem_x509_certificate(root))
    return True
