"""Prepare another repository for kindgate: examine its content, and add missing files. Nothing is overwritten."""
