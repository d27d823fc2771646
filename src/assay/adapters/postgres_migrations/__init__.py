"""The steps from one format of the ledger in PostgreSQL to the next."""
