// Command coredns is CoreDNS with the plugins that a cluster's DNS needs and no other, which keeps the build short.
package main

import (
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/template"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func main() {
	// The order in which CoreDNS' own plugin.cfg chains them.
	dnsserver.Directives = []string{
		"health", "ready", "errors", "cache", "loadbalance", "template", "kubernetes",
	}
	coremain.Run()
}
