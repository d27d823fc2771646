"""One vendor library or disk format behind each port."""
