"""Thinking: pure functions, no clock, no database."""
