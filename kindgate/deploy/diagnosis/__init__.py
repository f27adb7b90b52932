"""The one classifier of failures: why an object is not ready, or why a run failed, each cause with the line that proves it.

Facts decide first: container states, conditions, and the reasons of states and events. Patterns are read only in the text
of events, errors and logs. What neither proves stays unknown, because a wrong cause is worse than none.
"""
