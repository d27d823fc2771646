"""The control plane: what is decided over workspaces, and what gateways are to follow, by HTTP."""
