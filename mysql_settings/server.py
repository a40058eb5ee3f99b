"""The settings that say where a MySQL server is and how to log in, and what they mean together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from mysql_settings.addresses import MAX_PORT, Address, parse_hosts
from mysql_settings.declarations import SECRET, Settings

SslMode = Literal["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"]


class ServerSettings(Settings, frozen=True, kw_only=True):
    """Where the server is and how to log in; `read_settings` makes it of all sources."""

    host: Annotated[
        tuple[Address, ...],
        Meta(
            description="the server's name or address, or a list of them, each with its :port"
            " where it has another",
            extra={"decode": parse_hosts, "written": str | list[str]},
        ),
    ] = (Address("127.0.0.1"),)
    port: Annotated[int, Meta(ge=1, le=MAX_PORT, description="the server's TCP port")] = 3306
    unix_socket: Annotated[
        str | None, Meta(description="path of the server's socket, instead of host")
    ] = None
    user: Annotated[str, Meta(description="the user to log in as")] = "root"
    password: Annotated[str, Meta(description="that user's password", extra_json_schema=SECRET)] = (
        ""
    )
    database: Annotated[
        str, Meta(description="the database to load into; made when it is not there")
    ] = "hubspot"
    ssl_mode: SslMode = "PREFERRED"
    ssl_ca: Annotated[
        str | None,
        Meta(
            description="file of the authorities to trust; makes ssl_mode VERIFY_CA where it is"
            " not given"
        ),
    ] = None
    ssl_cert: Annotated[str | None, Meta(description="file of the client's certificate")] = None
    ssl_key: Annotated[str | None, Meta(description="file of the client's private key")] = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The servers to try, in order: names, each with its port."""
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
    """Return what is wrong with values that are right each by itself."""
    faults = []
    if values.get("database") == "":
        faults.append("database: must not be empty")
    if values.get("ssl_mode", "").startswith("VERIFY") and not values.get("ssl_ca"):
        faults.append(f"ssl_ca: needed by ssl_mode {values['ssl_mode']}")
    if bool(values.get("ssl_cert")) != bool(values.get("ssl_key")):
        faults.append("ssl_cert, ssl_key: one needs the other")
    return faults
