"""An open transaction, as the rooms above hold one: they pass it on, and never look inside."""

from __future__ import annotations

from sqlalchemy import Connection

Transaction = Connection
