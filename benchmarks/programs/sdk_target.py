"""
A target for MySQL built with Meltano's SDK: SQL sink, temporary table, upsert.

MeltanoLabs' unreleased target-mysql is similar. Runs in a separate venv with singer-sdk.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from singer_sdk import SQLConnector, SQLSink, SQLTarget
from singer_sdk import typing as th
from sqlalchemy.dialects import mysql


class Connector(SQLConnector):
    """MySQL by SQLAlchemy and PyMySQL."""

    allow_temp_tables = True

    def get_sqlalchemy_url(self, config: Any) -> str:
        url = "mysql+pymysql://root:{password}@127.0.0.1:{port}/{database}"
        return url.format(**config)

    def to_sql_type(self, jsonschema_type: dict[str, Any]) -> Any:
        types = jsonschema_type.get("type", [])
        if "integer" in types:
            return mysql.BIGINT()
        if "string" in types:
            return mysql.LONGTEXT()
        if "object" in types:
            return mysql.JSON()
        return super().to_sql_type(jsonschema_type)


class Sink(SQLSink):
    """Stages and merges each batch."""

    connector_class = Connector
    max_size = 10_000

    def process_batch(self, context: dict[str, Any]) -> None:
        table = self.full_table_name
        names = [f"`{name}`" for name in self.conform_schema(self.schema)["properties"]]
        with self.connector._connect() as connection, connection.begin():
            connection.execute(sqlalchemy.text(f"CREATE TEMPORARY TABLE staging LIKE {table}"))
            marks = ", ".join(f":{name.strip('`')}" for name in names)
            connection.execute(
                sqlalchemy.text(f"INSERT INTO staging ({', '.join(names)}) VALUES ({marks})"),
                [self.conform_record(record) for record in context["records"]],
            )
            updates = ", ".join(f"{name} = VALUES({name})" for name in names)
            connection.execute(
                sqlalchemy.text(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(names)}"
                    f" FROM staging ON DUPLICATE KEY UPDATE {updates}"
                )
            )
            connection.execute(sqlalchemy.text("DROP TEMPORARY TABLE staging"))


class Target(SQLTarget):
    """The command line."""

    name = "sdk-target-mysql"
    default_sink_class = Sink
    config_jsonschema = th.PropertiesList(
        th.Property("port", th.IntegerType),
        th.Property("password", th.StringType, secret=True),
        th.Property("database", th.StringType),
    ).to_dict()


if __name__ == "__main__":
    Target.cli()
