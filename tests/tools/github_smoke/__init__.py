"""Verify on a scratch repository what only GitHub itself can show: every row of docs/unproven.md. Run by `make github-smoke`."""
