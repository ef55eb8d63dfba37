"""Migrations, run by ``gridmap.store.schema``."""
