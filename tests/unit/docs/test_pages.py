"""The documents: links lead somewhere, commands exist, code is code, nothing of this machine is in them."""

import ast
import json
import re
import shlex
from pathlib import Path

import pytest

from trialanchor.cli.app import load_command

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "contracts/*.md", "network/*.md", "scripts/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SPAN = re.compile(r"`(trialanchor [^`]+)`")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HOSTS = {"keepachangelog.com", "semver.org", "127.0.0.1", "localhost"}


def anchors(text):
    """Give the anchors of a page's headings, as code forges make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_command(words, *, whole):
    """Parse a `trialanchor` command line as the program does, without running it."""
    name, *arguments = words
    command, context = load_command(name), None
    while getattr(command, "commands", None):
        context = command.make_context(name, arguments, parent=context)
        name, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
    try:
        command.make_context(name, arguments, parent=context)
    except Exception as error:
        if whole or type(error).__name__ != "MissingParameter":
            raise


def check_block(words_of_commands, monkeypatch):
    """Check the `trialanchor` commands of a shell block, with what it exports."""
    for words in words_of_commands:
        if words[0] == "export":
            for name, _, value in (word.partition("=") for word in words[1:]):
                monkeypatch.setenv(name, value)
        program, *arguments = [word for word in words if "=" not in word] if "=" in words[0] else words
        if Path(program).name == "trialanchor" and arguments != ["--help"]:
            check_command(arguments, whole=True)


@pytest.mark.parametrize("path", PAGES)
def test_links_lead_somewhere(path, page):
    folder = (ROOT / path).parent
    for link in LINK.findall(FENCE.sub("", page(path))):
        if link.startswith(("http:", "https:")):
            continue
        target, _, anchor = link.partition("#")
        found = folder / target if target else ROOT / path
        assert found.exists(), link
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("path", PAGES)
def test_commands_exist_with_their_options(path, page, fences, commands, monkeypatch):
    for language, block in fences(path):
        if language == "sh":
            check_block(commands(block), monkeypatch)
    for span in SPAN.findall(page(path)):
        words = shlex.split(span)[1:]
        if not words[0].isupper():
            check_command(words, whole=False)


@pytest.mark.parametrize("path", PAGES)
def test_code_is_code(path, fences):
    for language, block in fences(path):
        if language == "python":
            ast.parse(block)
        if language == "json":
            json.loads(block)


@pytest.mark.parametrize("path", PAGES)
def test_nothing_of_this_machine_is_named(path, page):
    text = page(path)
    hosts = set(re.findall(r"https?://([\w.-]+)", text))
    assert {host for host in hosts if host not in HOSTS and ".example" not in host} == set()
    assert re.findall(r"/(?:work|root|home|tmp|Users)/\S*", text) == []


def test_a_wrong_option_is_found():
    with pytest.raises(Exception, match="--trusted"):
        check_command(["verify", "evidence", "--trusted", "trust.json"], whole=True)


def test_every_decision_is_listed(page):
    listed = page("docs/adr/README.md")
    for path in (ROOT / "docs/adr").glob("[0-9]*.md"):
        assert f"({path.name})" in listed
        assert path.read_text(encoding="utf-8").startswith(f"# {path.name[:4]} ")
