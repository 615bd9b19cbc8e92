"""The base install is SDK, verifier, OID library and command line: none of them needs an extra."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
IMPORT_ALL = """
import importlib, importlib.abc, pkgutil, sys
refused = set(sys.argv[1:])
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ImportError(f"{name} belongs to an extra")
sys.meta_path.insert(0, Refuse())
for package in ("trialanchor_oid", "trialanchor_chaincode", "trialanchor"):
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, package + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print("imported", len(sys.modules))
"""
MODULES = {
    "psycopg[binary]": "psycopg",
    "prometheus-client": "prometheus_client",
    "pycryptodome": "Crypto",
    "pydantic-settings": "pydantic_settings",
}
SHARED = {"anyio"}
"""Of the extra, but httpx2 brings it to the base install as well."""


def test_every_module_of_the_sdk_imports_without_extras():
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    names = {line.split(">=")[0] for extra in extras.values() for line in extra}
    refused = {MODULES.get(name, name) for name in names} - SHARED | {"trialanchor_node"}
    assert {"Crypto", "fastapi", "pyrage", "sqlalchemy", "uvicorn"} <= refused
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL, *refused], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
