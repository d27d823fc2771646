"""The data plane: HTTP, routing, capture."""
