"""The security scan: Trivy on the rendered manifests, the images and the locked dependencies."""
