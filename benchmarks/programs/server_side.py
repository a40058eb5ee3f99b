"""
The server's work alone: LOAD DATA of a ready file into a staging table, and a merge.

The statements are target-mysql's, except that the server reads the file. Arguments: the file of a
SCHEMA message, and the load file; TARGET_MYSQL_* name the database.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from target_mysql.config import Config
from target_mysql.loading.migrate import migrate
from target_mysql.messages import SchemaMessage, parse_message
from target_mysql.rows.encoder import RowEncoder
from target_mysql.server import statements
from target_mysql.server.database import Database
from target_mysql.server.merge_statements import Merge, merge_sql
from target_mysql.tables.table import to_table


def main() -> None:
    schema, load_file = map(Path, sys.argv[1:])
    database = Database(Config.from_sources({}, os.environ))
    dialect = database.server.dialect
    message = parse_message(schema.read_bytes(), 1)
    assert isinstance(message, SchemaMessage)
    table = to_table(message.stream, message.schema, message.key_properties, dialect)
    table = migrate(table, database)
    columns, staging = RowEncoder(table).columns, "_sdc_staging_0"
    database.execute(
        statements.create_staging(staging, columns, table.key, dialect, temporary=True)
    )
    load = statements.load_staging(staging, columns).replace("LOCAL INFILE 'batch'", "INFILE %s")
    with database.transaction():
        database.execute(load, (str(load_file),))
        database.execute(merge_sql(Merge(table, staging, columns, dialect), "2026-01-01 00:00:00"))
    database.close()


if __name__ == "__main__":
    main()
