"""What was shown."""
