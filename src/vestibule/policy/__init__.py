"""The policy engine: pure, three-valued, and able to say why (access.md 3)."""
