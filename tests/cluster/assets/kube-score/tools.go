//go:build tools

// Package tools names the commands that the tests build from the module proxy.
package tools

import (
	_ "github.com/zegl/kube-score/cmd/kube-score"
)
