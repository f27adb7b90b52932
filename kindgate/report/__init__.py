"""RunReport and its renderings: Markdown, HTML, SVG, JUnit properties. Pure functions from data to data; no I/O."""
