"""The part of MySQL's protocol that a fake server needs."""

from __future__ import annotations

import socket
import struct

LOCAL_FILES, PROTOCOL_41, TLS, SECURE_CONNECTION, PLUGIN_AUTH = 0x80, 0x200, 0x800, 0x8000, 0x80000
OK = b"\0\0\0\2\0\0\0"
CHALLENGE = b"12345678123456789012"


def greeting(plugin: str = "mysql_native_password", *, tls: bool = False) -> bytes:
    flags = LOCAL_FILES | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH | (TLS if tls else 0)
    name, challenge, more = b"10.11.0-MariaDB\0", CHALLENGE[:8] + b"\0", CHALLENGE[8:] + b"\0"
    facts = struct.pack("<HBHHB10x", flags & 0xFFFF, 45, 2, flags >> 16, 21)
    return b"\n" + name + bytes(4) + challenge + facts + more + plugin.encode() + b"\0"


def send(client: socket.socket, number: int, *packets: bytes) -> None:
    for at, data in enumerate(packets, number):
        client.sendall(struct.pack("<I", len(data))[:3] + bytes([at % 256]) + data)


def receive(client: socket.socket) -> tuple[int, bytes]:
    head = receive_exactly(client, 4)
    return head[3], receive_exactly(client, int.from_bytes(head[:3], "little"))


def receive_exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = client.recv(size - len(data))
        if not piece:
            raise ConnectionError("the target hung up")
        data += piece
    return data
