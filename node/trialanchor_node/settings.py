"""Settings of a node: one TOML file, every value also by environment (`TRIALANCHOR_NODE_…`).

The environment wins over the file. Secrets are never in the file: the
passphrase of the keys comes from `TRIALANCHOR_PASSPHRASE`, source tokens are kept as SHA-256 digests.
"""

from __future__ import annotations

import tomllib
from ipaddress import ip_address
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from trialanchor.errors import ConfigError
from trialanchor_chaincode.rules.grants import EVENT_CLASSES
from trialanchor_oid.codec import is_at_or_under, is_dotted

CONFIG_NAME = "trialanchor.toml"


def _dotted(value: str) -> str:
    if not is_dotted(value):
        raise ValueError("must be a dotted OID")
    return value


Oid = Annotated[str, AfterValidator(_dotted)]
SOURCE_NAME = r"^[a-z][a-z0-9-]{0,30}$"


class SourceSettings(BaseModel):
    """A system whose records the node signs.

    Attributes:
        name: Short name, also of its key files `keys/<name>.key.pem` and `keys/<name>.chain.pem`.
        actor: OID of the system, dotted; the actor of its statements unless a record names another.
        token_sha256: SHA-256 of its bearer token, hexadecimal.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=SOURCE_NAME)]
    actor: Oid
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class OrsSettings(BaseModel):
    """The node in the OID resolution system.

    Attributes:
        apex: Domain of the node's zone, one of the operator's own; empty for no zone.
        addresses: IP addresses of the zone's name server `ns1.<apex>`; empty for `listen_host`.
        listen_host: Address on which the embedded name server listens.
        listen_port: Its UDP and TCP port; 0 for no embedded name server.
        update_server: Name server that is sent changes, `IP:PORT`; empty for none.
        resolver_servers: Name servers that `GET /v1/ors/resolve` asks; empty for those of the system.
        resolver_domain: Domain below which it asks; empty for `apex`, or `oid-res.org` without one.
        trust_anchors: DS or DNSKEY records against which it validates, one a line as in a zone file.
        allow_private: Whether files are fetched from addresses that are not public.
        ca_file: Certificates to trust when files are fetched; empty for those of the system.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    apex: str = ""
    addresses: tuple[str, ...] = ()
    listen_host: str = "127.0.0.1"
    listen_port: Annotated[int, Field(ge=0, le=65535)] = 0
    update_server: Annotated[str, Field(pattern=r"^((\[[0-9a-fA-F:]+\]|[0-9.]+):[0-9]{1,5})?$")] = ""
    resolver_servers: tuple[str, ...] = ()
    resolver_domain: str = ""
    trust_anchors: str = ""
    allow_private: bool = False
    ca_file: str = ""


class WebhookSettings(BaseModel):
    """A receiver of notices.

    Attributes:
        name: Short name, under which its outbox is kept.
        url: Where notices are sent: `https://…`, or `http://` to a loopback address.
        member: OID of the member that is told.
        classes: Classes of events that are sent when the member subscribed to them; what it must know always is.
        give_up_s: Seconds after its first try at which a notice is given up.
        allow_private: Whether it is sent to addresses that are not public.
        ca_file: Certificates to trust; empty for those of the system.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=SOURCE_NAME)]
    url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,2000}$")]
    member: Oid
    classes: tuple[str, ...] = ()
    give_up_s: Annotated[int, Field(ge=60, le=30 * 86_400)] = 3 * 86_400
    allow_private: bool = False
    ca_file: str = ""

    @field_validator("url")
    @classmethod
    def _plain_on_loopback(cls, value: str) -> str:
        if value.startswith("http:") and not _is_loopback(value):
            raise ValueError("must be https, or http to a loopback address such as 127.0.0.1")
        return value

    @field_validator("classes")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not set(value) <= set(EVENT_CLASSES):
            raise ValueError(f"must be some of {', '.join(EVENT_CLASSES)}")
        return value


def _is_loopback(url: str) -> bool:
    try:
        return ip_address(urlsplit(url).hostname or "").is_loopback
    except ValueError:
        return False


class NodeSettings(BaseSettings):
    """All settings of a node, with their units.

    Attributes:
        folder: Folder of the settings file; keys and members are below it.
        member_oid: OID of the member that runs it.
        node_oid: OID of this node: the member's own or one below it.
        database: SQLAlchemy URL; empty for SQLite in `folder`/node.db.
        host: Address to listen on.
        port: TCP port.
        group_commit_ms: Longest wait for more statements before a commit, milliseconds.
        batch_limit: Statements in one commit at most.
        queue_limit: Statements waiting at most; beyond that the answer is 503.
        body_limit: Octets of a request body at most.
        items_limit: Statements or records in one request at most.
        statement_age_s: How old a statement may be when it arrives, seconds.
        anchor_interval_s: Seconds between two anchors.
        public_url: Address under which anyone reads this node's pages of OIDs, `https://…`; empty when nobody can.
        ors: Its zone in the OID resolution system, and how it resolves others.
        sources: Systems whose records the node signs.
        studies: OIDs of the studies that the node serves; none for all.
        webhooks: Receivers of notices.
        streams_limit: Streams of events served at once.
    """

    model_config = SettingsConfigDict(env_prefix="TRIALANCHOR_NODE_", extra="forbid", frozen=True)

    folder: Path
    member_oid: Oid
    node_oid: Oid
    database: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470
    group_commit_ms: Annotated[int, Field(ge=0, le=1000)] = 10
    batch_limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    queue_limit: Annotated[int, Field(ge=1, le=1_000_000)] = 8_192
    body_limit: Annotated[int, Field(ge=65_536, le=1 << 28)] = 8 << 20
    items_limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    statement_age_s: Annotated[int, Field(ge=60)] = 30 * 86_400
    anchor_interval_s: Annotated[float, Field(gt=0)] = 2.0
    public_url: Annotated[str, Field(pattern=r"^(https?://[!-~]{1,100})?$")] = ""
    ors: OrsSettings = OrsSettings()
    sources: tuple[SourceSettings, ...] = ()
    studies: tuple[Oid, ...] = ()
    webhooks: Annotated[tuple[WebhookSettings, ...], Field(max_length=32)] = ()
    streams_limit: Annotated[int, Field(ge=0, le=1_000)] = 100

    @field_validator("webhooks")
    @classmethod
    def _once_each(cls, value: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
        if len({webhook.name for webhook in value}) != len(value):
            raise ValueError("must have a name of its own each")
        return value

    @field_validator("node_oid")
    @classmethod
    def _below_member(cls, value: str, info: ValidationInfo) -> str:
        if not is_at_or_under(value, info.data.get("member_oid", value)):
            raise ValueError("must be member_oid or an OID below it: only its owner anchors a log")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file (the file arrives as init values)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database or f"sqlite:///{(self.folder / 'node.db').resolve()}"

    @property
    def keys(self) -> Path:
        """Folder of the key files."""
        return self.folder / "keys"


def load_settings(folder: Path) -> NodeSettings:
    """Read the settings of the node in `folder`.

    Raises:
        ConfigError: No settings file, not TOML, or a value out of its range; names the setting.
    """
    path = folder / CONFIG_NAME
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path} cannot be read; `trialanchor node init` makes one") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return NodeSettings(**{"folder": folder, **values}).model_copy(update={"folder": folder})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"setting {name}: {first['msg']}") from error
    except SettingsError as error:
        raise ConfigError(f"a setting of the environment cannot be read: {error}") from error
