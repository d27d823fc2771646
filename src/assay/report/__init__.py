"""How it is shown: pictures before tables, one page for everything."""
