"""One file for each format; `migration.py` runs those that a database lacks."""
