"""A gallery on a PostgreSQL server."""
