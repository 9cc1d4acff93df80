package certs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The errors of devices' certificates.
var (
	// ErrRequest says that a certificate request cannot be granted.
	ErrRequest = errors.New("bad certificate request")

	// ErrStranger says that a certificate is not that of a device of this
	// server at this time.
	ErrStranger = errors.New("not the certificate of a device")
)

// MaxDeviceName is how many bytes the name of a device has at most: what a
// certificate's common name can hold.
const MaxDeviceName = 64

const (
	maxRequest = 16 << 10 // bytes of PEM
	minRSA     = 2048     // bits
	maxRSA     = 8192
)

// A Device is a certificate that was made for a device.
type Device struct {
	PEM         []byte
	Serial      string // hexadecimal
	Fingerprint string // SHA-256 of the certificate, hexadecimal
	NotAfter    time.Time
}

// ValidDeviceName reports whether a device can have a name: 1 to 64 characters
// of [a-zA-Z0-9_.-], of which not all are dots.
func ValidDeviceName(name string) bool {
	return name != "" && len(name) <= MaxDeviceName && strings.Trim(name, ".") != "" &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
}

// Device makes the certificate of a device from a request in PEM, of which the
// key alone is used. What cannot be granted is ErrRequest. It is good for life,
// or until the authority ends.
func (ca *CA) Device(name string, request []byte, life time.Duration, now time.Time) (Device, error) {
	if !ValidDeviceName(name) || life <= 0 {
		return Device{}, fmt.Errorf("%w: name %.80q, life %v", ErrRequest, name, life)
	}
	public, err := requestedKey(request)
	if err != nil {
		return Device{}, err
	}
	cert, err := ca.issue(&x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"Millrace device"}, CommonName: name},
		NotBefore: now.Add(-issuedBack), NotAfter: now.Add(life),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public)
	if err != nil {
		return Device{}, fmt.Errorf("make device certificate: %w", err)
	}
	return Device{
		PEM: encodeCertificate(cert), Serial: cert.SerialNumber.Text(16), Fingerprint: fingerprint(cert), NotAfter: cert.NotAfter,
	}, nil
}

// requestedKey returns the key of a request that its owner has signed.
func requestedKey(request []byte) (any, error) {
	if len(request) > maxRequest {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrRequest, maxRequest)
	}
	block, _ := pem.Decode(request)
	if block == nil || block.Type != pemRequest && block.Type != "NEW "+pemRequest {
		return nil, fmt.Errorf("%w: no %s in PEM", ErrRequest, pemRequest)
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	switch key := csr.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve.Params().BitSize >= 256 {
			return key, nil
		}
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits >= minRSA && bits <= maxRSA {
			return key, nil
		}
	case ed25519.PublicKey:
		return key, nil
	}
	return nil, fmt.Errorf("%w: its key is weaker than RSA 2048 or P-256, or of an unknown kind", ErrRequest)
}

// Identify returns the name and the fingerprint of the device whose certificate
// a client has shown, and proved to have the key of. ErrStranger means that it is
// none of this authority's, not for a device, or not for this time.
func (ca *CA) Identify(shown []*x509.Certificate, now time.Time) (name, print string, err error) {
	if len(shown) == 0 {
		return "", "", fmt.Errorf("%w: there is none", ErrStranger)
	}
	leaf := shown[0]
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: ca.Pool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrStranger, err)
	}
	if name = leaf.Subject.CommonName; !ValidDeviceName(name) {
		return "", "", fmt.Errorf("%w: its name is %.80q", ErrStranger, name)
	}
	return name, fingerprint(leaf), nil
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// NewRequest makes a key and a request for a certificate of it, both in PEM: what
// a device, or who sets it up, does where the key is to stay.
func NewRequest(name string) (key, request []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make device key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode device key: %w", err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, private)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: pemRequest, Bytes: csr}), nil
}
