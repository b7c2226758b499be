//go:build tools

// Package tools names the commands that the tests build from the module proxy.
package tools

import (
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
