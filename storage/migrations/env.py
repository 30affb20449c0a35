"""Run migrations on the connection that `storage.database.Database.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection

from storage.tables import Base


def run() -> None:
    """Upgrade inside the caller's transaction, which holds the migration lock."""
    connection: Connection | None = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("migrations run through storage.database.Database.migrate()")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,  # SQLite changes a column by building the table anew
        transactional_ddl=True,  # both databases; alembic assumes otherwise of SQLite
    )
    context.run_migrations()


run()
