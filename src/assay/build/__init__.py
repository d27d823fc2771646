"""Phase 2: from a table to an evaluated, packaged, registered model version."""
