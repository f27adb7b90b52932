"""Bursts of HTTP load: schedules, the engine, histograms, results."""
