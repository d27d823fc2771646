"""Across the phases: approval, response and replay."""
