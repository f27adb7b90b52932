"""The security scan: Trivy on what would be applied, on the images and on the locked dependencies."""
