"""Create a workload from what a team already has: an OpenAPI document, a recording of a browser, a k6 script, an access log."""
