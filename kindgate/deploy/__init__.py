"""The application's manifests: Kustomize build, validation, server-side apply, readiness."""
