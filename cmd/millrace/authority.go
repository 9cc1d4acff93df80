package main

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/internal/certs"
)

// introduce tells the operator of the authority that clients have to trust, if
// there is one.
func introduce(c *console, ca *certs.CA) {
	if ca == nil {
		return
	}
	if ca.Created() {
		c.say("A certificate authority was made. Its key is beside its certificate: who has it can pose as this server, and as AWS to all who trust it.")
	}
	c.say("Clients trust this server with %s (SHA-256 %s):\n", absolute(ca.Path()), fingerprint(ca.PEM()))
	c.say("  export AWS_CA_BUNDLE=%s\n", absolute(ca.Path()))
}

// absolute is a path as it is understood everywhere on this machine.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// fingerprint is that of a certificate in PEM, as openssl writes it.
func fingerprint(b []byte) string {
	block, _ := pem.Decode(b)
	if block == nil {
		return ""
	}
	sum := sha256.Sum256(block.Bytes)
	pairs := make([]string, len(sum))
	for i, x := range sum {
		pairs[i] = fmt.Sprintf("%02X", x)
	}
	return strings.Join(pairs, ":")
}

// trusting are the settings of a client that trusts an authority alone; nil if
// there is none.
func trusting(ca *certs.CA) *tls.Config {
	if ca == nil {
		return nil
	}
	return &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
}
