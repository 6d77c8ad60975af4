"""What the launcher does rarely: find a newer Python, lay the copy, build the env."""
