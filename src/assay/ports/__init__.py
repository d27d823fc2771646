"""What the phases ask of the world: protocols only."""
