"""What kindgate runs on: each Python, engine and kind of host is tried for real, or listed as not seen."""
