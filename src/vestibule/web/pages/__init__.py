"""What a person sees: one view value for each page, and the templates that show them."""
