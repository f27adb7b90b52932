"""The one order of phases that both faces run: prepare, create, deploy, watch, judge, report, delete."""
