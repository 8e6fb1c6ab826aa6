"""A gallery in a schema of a PostgreSQL database."""
