package certs

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// maxAddresses bounds how many addresses of interfaces a certificate names: a
// machine full of containers has hundreds.
const maxAddresses = 64

// Names are those of a server: host names, which may begin with "*.", and
// addresses.
type Names struct {
	DNS []string
	IP  []netip.Addr
}

// With returns the names and more, each a host name or an address; what is
// neither is left out.
func (n Names) With(more ...string) Names {
	out := Names{DNS: slices.Clone(n.DNS), IP: slices.Clone(n.IP)}
	for _, text := range more {
		text = strings.ToLower(strings.TrimSuffix(text, "."))
		if ip, err := netip.ParseAddr(text); err == nil {
			if ip = ip.Unmap().WithZone(""); !slices.Contains(out.IP, ip) {
				out.IP = append(out.IP, ip)
			}
		} else if ValidName(text) && !slices.Contains(out.DNS, text) {
			out.DNS = append(out.DNS, text)
		}
	}
	return out
}

// Covers reports whether n has all of the other names.
func (n Names) Covers(other Names) bool {
	for _, name := range other.DNS {
		if !slices.Contains(n.DNS, name) {
			return false
		}
	}
	for _, ip := range other.IP {
		if !slices.Contains(n.IP, ip) {
			return false
		}
	}
	return true
}

func (n Names) addresses() []net.IP {
	list := make([]net.IP, len(n.IP))
	for i, ip := range n.IP {
		list[i] = ip.AsSlice()
	}
	return list
}

// ValidName reports whether a text is a host name as certificates spell it. The
// first label may be "*", if more than one follow.
func ValidName(text string) bool {
	rest, wild := strings.CutPrefix(text, "*.")
	labels := strings.Split(rest, ".")
	if len(text) > 253 || wild && len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
			return false
		}
	}
	return true
}

// Machine returns the names by which this machine is known to itself and its
// neighbours: localhost, its host name, and the addresses of its interfaces.
func Machine() Names {
	n := Names{}.With("localhost", "127.0.0.1", "::1")
	if host, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(host, ".")
		n = n.With(host, short, short+".local")
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return n
	}
	for _, a := range addresses {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && len(n.IP) < maxAddresses {
			n = n.With(prefix.Addr().WithZone("").String())
		}
	}
	return n
}

// AWS returns the host names that clients of AWS go to in a region: those of
// control and data endpoints, of the FIPS and dual-stack forms, and of the
// credentials provider of AWS IoT.
func AWS(region string) []string {
	plain, dual := "amazonaws.com", "api.aws"
	if strings.HasPrefix(region, "cn-") {
		plain, dual = "amazonaws.com.cn", "api.amazonwebservices.com.cn"
	}
	var names []string
	for _, service := range []string{"kinesisvideo", "kinesisvideo-fips"} {
		for _, domain := range []string{plain, dual} {
			name := service + "." + region + "." + domain
			names = append(names, name, "*."+name)
		}
	}
	return append(names, "*.credentials.iot."+region+"."+plain)
}
