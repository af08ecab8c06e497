"""Runs migrations over the connection that `vestibule.store.schema` hands in.

One transaction around all steps, which both databases honour for the schema too: a
migration that fails halfway leaves nothing behind.
"""

from alembic import context

from vestibule.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
