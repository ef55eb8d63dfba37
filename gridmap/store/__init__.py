"""Keeping: PostGIS, and nothing that decides."""
