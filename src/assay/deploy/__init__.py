"""Phase 3: from an open gate to served decisions."""
