"""Assay shows what a model is really worth."""
