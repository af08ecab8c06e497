"""The nouns that every part shares: frozen values, no behaviour beyond their own fields."""
