"""Build every image, including the node image, from Go modules, wheels and Debian packages, without a container registry."""
