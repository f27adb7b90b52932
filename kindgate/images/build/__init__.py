"""Makes every image, the node's included, from Go modules and Debian packages: no container registry is needed."""
