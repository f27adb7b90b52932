//go:build tools

// Package tools names the programs of other modules that are compiled in this one, so that they share what they import.
package tools

import (
	_ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
	_ "github.com/rancher/local-path-provisioner"
	_ "go.etcd.io/etcd/server/v3"
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
