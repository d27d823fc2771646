"""Phase 4: what is seen of a live model, in drift and in money."""
