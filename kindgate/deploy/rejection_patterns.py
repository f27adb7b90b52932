"""How the API server words a rejected object, by cause: readiness ends its wait by these, and failure bundles name the cause.

A message can match more than one, because it quotes what a policy demands ("denied the request: must specify limits"):
test for a denial before a quota.
"""

from __future__ import annotations

import re

QUOTA_EXCEEDED = re.compile(r"exceeded quota|failed quota|must specify (?:limits|requests|cpu|memory)", re.IGNORECASE)
"""A ResourceQuota is used up, or demands a value that the pod lacks."""

ADMISSION_DENIED = re.compile(r"violates PodSecurity|denied (?:the )?request", re.IGNORECASE)
"""Pod Security, a webhook ("denied the request") or a ValidatingAdmissionPolicy ("denied request") refused the object."""

WEBHOOK_FAILED = re.compile(r"failed calling webhook|failed to call webhook|no endpoints available for service .*webhook", re.IGNORECASE)
"""A webhook did not answer: most do once their own pods are ready."""
