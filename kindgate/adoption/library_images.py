"""Images of Docker Hub's library, whose names have no owner: databases, web servers and languages that no application builds."""

from __future__ import annotations

LIBRARY = frozenset(
    """
    adminer aerospike almalinux alpine amazoncorretto amazonlinux api-firewall arangodb archlinux backdrop bash bonita buildpack-
    deps busybox caddy cassandra chronograf cirros clearlinux clefos clickhouse clojure composer convertigo couchbase couchdb
    crate dart debian docker drupal eclipse-mosquitto eclipse-temurin elasticsearch elixir emqx erlang fedora flink fluentd
    friendica gazebo gcc geonetwork ghost golang gradle groovy haproxy haskell haxe hello-world hitch hylang ibm-semeru-runtimes
    ibmjava influxdb irssi jetty joomla jruby julia kapacitor kibana kong krakend lightstreamer liquibase logstash mageia mariadb
    matomo maven mediawiki memcached mongo mongo-express monica mysql nats nats-streaming neo4j neurodebian nextcloud nginx node
    notary odoo open-liberty openjdk oraclelinux orientdb percona perl photon php php-zendserver phpmyadmin plone postfixadmin
    postgres pypy python r-base rabbitmq rakudo-star redis redmine registry rethinkdb rocket.chat rockylinux ros ruby rust
    sapmachine satosa scratch silverpeas sl solr sonarqube spark spiped storm swift swipl tarantool teamspeak telegraf tomcat
    tomee traefik ubuntu unit valkey varnish vault websphere-liberty wordpress xwiki yourls znc zookeeper
    """.split()  # noqa: SIM905  # a word list is easier to read and to extend
)
