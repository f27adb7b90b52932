"""Find secrets and personal data in texts, and remove them."""
