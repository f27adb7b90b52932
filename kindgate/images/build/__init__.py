"""Makes every image, the node's included, from Go modules, wheels and Debian packages: no container registry is needed."""
