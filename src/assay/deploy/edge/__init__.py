"""The runner of an exported model: modules that are joined into one file at the export."""
