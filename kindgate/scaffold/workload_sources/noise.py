"""Requests that no user of an application makes: robots, health checks, static files."""

from __future__ import annotations

import functools
import re

_ROBOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|bingpreview|mediapartners|facebookexternalhit|embedly|quora link|pinterest|whatsapp|telegram"
    r"|lighthouse|pagespeed|headlesschrome|phantomjs|feedfetcher|archiver|scrapy|nikto|sqlmap|nmap|masscan|zgrab|nuclei|wpscan|censys|shodan"
    r"|python-urllib|kube-probe|elb-healthchecker|googlehc|prometheus|blackbox|uptime|pingdom|statuscake|site24x7|newrelic|datadog|nagios"
    r"|zabbix|check_http|consul health|haproxy|traefik-healthcheck|monitoring|route53-health|blackfire|k6/|hey/|wrk|apachebench|locust"
    r"|vegeta|jmeter|kindgate",
    re.IGNORECASE,
)

_STATIC_ENDINGS = re.compile(
    r"\.(?:js|mjs|cjs|css|map|png|jpe?g|gif|svg|ico|webp|avif|bmp|woff2?|ttf|otf|eot|mp[34]|webm|ogg|wav|pdf|zip|gz|wasm|webmanifest|swf|txt|br)$",
    re.IGNORECASE,
)

_STATIC_PATHS = re.compile(
    r"/(?:favicon\.ico|robots\.txt|sitemap[\w-]*\.xml|browserconfig\.xml|\.well-known/.*|manifest\.json|apple-touch-icon.*)", re.IGNORECASE
)


@functools.lru_cache(maxsize=4096)
def is_robot(agent: str) -> bool:
    """Whether a User-Agent names a crawler, a scanner, a load generator or a health check."""
    return _ROBOTS.search(agent) is not None


def is_static(path: str) -> bool:
    """Whether a path (without a query) is a static file, which a web server answers without the application."""
    return _STATIC_ENDINGS.search(path) is not None or _STATIC_PATHS.fullmatch(path) is not None
