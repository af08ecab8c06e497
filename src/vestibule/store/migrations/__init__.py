"""The steps of the schema, each forward and back. `env.py` and `versions/` are Alembic's."""
