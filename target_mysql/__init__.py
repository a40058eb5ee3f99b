"""A Singer target for MySQL and MariaDB."""
