"""What a visitor must do next on the way in, and where they may be sent afterwards. Pure."""
