"""Databases of the private server, one a contender."""

from __future__ import annotations

import pymysql

from demo.private_server import PrivateServer


def empty(server: PrivateServer, database: str) -> None:
    """Make a database, or make it anew."""
    connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{database}`")
        cursor.execute(f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4")
