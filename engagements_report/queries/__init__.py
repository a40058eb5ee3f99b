"""The reports as SQL: statements, values, and the connection that runs them."""
