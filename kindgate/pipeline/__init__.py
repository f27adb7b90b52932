"""The sequence of phases shared by pytest and the CLI: prepare, create, deploy, monitor, judge, report, delete."""
