"""Cases of how target and reports find their server, from settings of several sources."""

from __future__ import annotations

# The configuration, the environment, and the resulting host, port and socket. An option file has
# the socket /run/socket and the port 3307.
NEARER_THAN_A_SOCKET: list[
    tuple[dict[str, object], dict[str, str], tuple[str, int, str | None]]
] = [
    ({}, {}, ("127.0.0.1", 3307, "/run/socket")),
    ({"host": "a"}, {}, ("a", 3307, None)),
    ({}, {"HOST": "a"}, ("a", 3307, None)),
    ({}, {"PORT": "3308"}, ("127.0.0.1", 3308, None)),
    ({}, {"USER": "a"}, ("127.0.0.1", 3307, "/run/socket")),
    ({"host": "a"}, {"UNIX_SOCKET": "/b"}, ("a", 3307, None)),
    ({"unix_socket": "/a"}, {"HOST": "b"}, ("b", 3307, "/a")),
]
