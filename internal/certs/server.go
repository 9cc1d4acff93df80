package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"
)

const (
	// serverLife is how long a certificate for the listener is good: far less
	// than the 397 days that clients accept at most, because it is renewed by
	// itself.
	serverLife = 90 * 24 * time.Hour

	// issuedBack is how far before its making a certificate is good, for clocks
	// that are behind.
	issuedBack = time.Hour
)

// Server makes a key and a certificate for a listener under these names. The key
// is kept nowhere.
func (ca *CA) Server(n Names, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	leaf, err := ca.issue(&x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"Millrace"}, CommonName: "Millrace server"},
		NotBefore: now.Add(-issuedBack), NotAfter: now.Add(serverLife),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    n.DNS, IPAddresses: n.addresses(),
	}, &key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("make server certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}
