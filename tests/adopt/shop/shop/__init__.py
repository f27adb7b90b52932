"""A shop, as far as its own unit tests are concerned."""
