"""From lines to committed rows: batches, merges, versions, table locks."""
