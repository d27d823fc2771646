"""The steps from one format of the ledger's database to the next."""
