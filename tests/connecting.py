"""How the target and the reports alike find their server, from settings of several places."""

from __future__ import annotations

# What a configuration and the environment say; and the host, the port and the socket that are then
# taken, where an option file has the socket /run/socket and the port 3307.
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
