"""The settings of a server and a login, and the rules that join them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from mysql_settings.addresses import MAX_PORT, Address, parse_hosts
from mysql_settings.declarations import SECRET, Settings

# A key's text in place of its path would appear in the error of the file that cannot be opened.
Line = Annotated[str, Meta(pattern=r"^[^\n]*$")]
PATH = {"expected": "the path of a file, not its text"}
SslMode = Literal["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"]


class ServerSettings(Settings, frozen=True, kw_only=True):
    """The server and the login; `sources.read_settings` reads the values."""

    host: Annotated[
        tuple[Address, ...],
        Meta(
            description="name or address of the server, or a list of them; name:port has its "
            "own port",
            extra={"decode": parse_hosts, "input_type": str | list[str]},
        ),
    ] = (Address("127.0.0.1"),)
    port: Annotated[int, Meta(ge=1, le=MAX_PORT, description="the server's TCP port")] = 3306
    unix_socket: Annotated[
        str | None, Meta(description="path of the server's socket, instead of host")
    ] = None
    user: Annotated[str, Meta(description="the user to log in as")] = "root"
    password: Annotated[str, Meta(description="the user's password", extra_json_schema=SECRET)] = ""
    database: Annotated[str, Meta(description="the database to load into; created if missing")] = (
        "hubspot"
    )
    ssl_mode: SslMode = "PREFERRED"
    ssl_ca: Annotated[
        Line | None,
        Meta(
            description="file with the certificates of trusted authorities; without ssl_mode it"
            " means VERIFY_CA",
            extra=PATH,
        ),
    ] = None
    ssl_cert: Annotated[
        Line | None, Meta(description="file with the client's certificate", extra=PATH)
    ] = None
    ssl_key: Annotated[
        Line | None, Meta(description="file with the client's private key", extra=PATH)
    ] = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The servers to try, in order: names with ports."""
        return [(address.name, address.port or self.port) for address in self.host]

    @property
    def verifies_tls(self) -> bool:
        """Whether the server's certificate is checked."""
        return self.ssl_mode.startswith("VERIFY")


SERVER_KEYS = frozenset(ServerSettings.__struct_fields__)


def with_implied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values, and those that follow from them: ssl_ca alone means VERIFY_CA."""
    implied = {"ssl_mode": "VERIFY_CA"} if "ssl_ca" in values else {}
    return {**implied, **values}


def find_faults(values: Mapping[str, Any]) -> list[str]:
    """Return the faults of valid values that contradict each other."""
    faults = []
    if values.get("database") == "":
        faults.append("database: must not be empty")
    if values.get("ssl_mode", "").startswith("VERIFY") and not values.get("ssl_ca"):
        faults.append(f"ssl_ca: needed by ssl_mode {values['ssl_mode']}")
    if bool(values.get("ssl_cert")) != bool(values.get("ssl_key")):
        faults.append("ssl_cert, ssl_key: one needs the other")
    return faults
