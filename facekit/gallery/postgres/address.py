"""The address of a gallery on a PostgreSQL server, as `--gallery` takes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from facekit.errors import UsageError
from facekit.text import redaction

SCHEMA = "facekit"
"""Where nothing else is said."""
INDEXES = ("hnsw",)
LONGEST_SCHEMA = 63  # bytes: PostgreSQL cuts longer names, so that two would be one


@dataclass(frozen=True)
class Address:
    """User, host, port and database as they were given, the other parameters, the schema, and by what kind of
    index the server searches (None: by none, exactly). The password is in no comparison and no text.
    """

    user: str
    host: str
    port: str
    database: str
    schema: str = SCHEMA
    parameters: tuple[tuple[str, str], ...] = ()
    index: str | None = None
    password: str | None = field(default=None, compare=False, repr=False)

    @property
    def connection(self) -> dict[str, str]:
        """As libpq takes it; what is not said follows its own rules (PGHOST, ~/.pgpass …)."""
        said = {"user": self.user, "host": self.host, "port": self.port, "dbname": self.database}
        given = {key: value for key, value in said.items() if value}
        secret = {} if self.password is None else {"password": self.password}
        return {**given, **dict(self.parameters), **secret}

    @property
    def public_text(self) -> str:
        """The address without its password, as it can be given again."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        query = [*self.parameters, *([] if self.schema == SCHEMA else [("schema", self.schema)])]
        query += [] if self.index is None else [("index", self.index)]
        ending = f"?{urlencode(query, safe='/')}" if query else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}{host}{port}/{quote(self.database)}{ending}"


def parsed(text: str) -> Address:
    """Raises UsageError, without the password, for what is no such address."""
    shown = redaction.public(text)
    try:
        parts = urlsplit(text)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        login, _, place = parts.netloc.rpartition("@")
        host, _, port = place.rpartition(":") if re.search(r":\d+$", place) else (place, "", "")
    except ValueError as error:
        raise UsageError(f"{shown}: is no address of a database: postgresql://USER@HOST/DATABASE") from error
    if "," in place:
        raise UsageError(f"{shown}: give several hosts as ?host=A,B&port=1,2")
    if parts.fragment or "@" in parts.path:
        raise UsageError(f"{shown}: write a password's # / ? @ as %23 %2F %3F %40, or keep it in ~/.pgpass")
    values = dict(pairs)
    password = values.pop("password", None)
    user, colon, given = login.partition(":")
    schema = values.pop("schema", SCHEMA)
    index = values.pop("index", None)
    if unknown := sorted(set(values) - set(redaction.DATABASE_PARAMETERS)):
        raise UsageError(f"{shown}: there is no parameter {unknown[0]!a}")
    if (
        not schema
        or len(schema.encode("utf-8", "surrogatepass")) > LONGEST_SCHEMA
        or not schema.isprintable()
    ):
        raise UsageError(f"{shown}: the schema is a name of 1 to {LONGEST_SCHEMA} letters")
    if schema.startswith("pg_") or schema == "information_schema":
        raise UsageError(
            f"{shown}: the schema {schema} is PostgreSQL's own: choose another with ?schema=NAME"
        )
    if index not in (None, *INDEXES):
        raise UsageError(f"{shown}: there is no index {index!a}: give {' or '.join(INDEXES)}, or none")
    address = Address(
        unquote(user),
        host.strip("[]") and unquote(host.strip("[]")),
        port,
        unquote(parts.path.lstrip("/")),
        schema,
        tuple(sorted(values.items())),
        index,
        unquote(given) if colon else password,
    )
    if any("\0" in value for value in address.connection.values()):
        raise UsageError(f"{shown}: is no address of a database: it has a NUL in it")
    return address
