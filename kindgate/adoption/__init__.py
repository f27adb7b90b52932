"""Makes another repository ready for kindgate: looks at what is there, and adds what is missing. Nothing is overwritten."""
