"""Connections to MySQL and MariaDB, and every statement that is sent there."""
