package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/millrace/millrace/internal/keyfile"
)

// The names of the authority's files in the data directory.
const (
	KeyFile = "ca-key.pem" // the key and the certificate, for the owner alone
	File    = "ca.pem"     // the certificate, a copy for everybody
)

const (
	authorityLife = 20 * 365 * 24 * time.Hour
	authorityBack = 24 * time.Hour // before it was made, for clocks that are behind
)

// The types of the blocks in PEM.
const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
	pemRequest     = "CERTIFICATE REQUEST"
)

// A CA is the server's own certificate authority. Any number of goroutines may
// use it.
type CA struct {
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
	path    string
	created bool
	warning string
}

// OpenCA reads the authority of a data directory, and makes it if there is none.
// One that is there is never written to: what cannot be read, has ended, or may
// be written by others is an error. dir must exist, and only one process may use
// it.
//
// Crash safety. Key and certificate are one file, which gets its name when it is
// whole and durable, so there is an authority or there is none. The copy for
// everybody is made again whenever it is not what it should be.
func OpenCA(dir string, now time.Time) (*CA, error) {
	path := filepath.Join(dir, KeyFile)
	ca, err := readCA(path)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err = createCA(path, now)
	}
	if err != nil {
		return nil, err
	}
	if now.After(ca.cert.NotAfter) {
		return nil, fmt.Errorf("certificate authority %s ended on %s: move it away to have another made, and tell that to every client and device",
			path, ca.cert.NotAfter.Format(time.DateOnly))
	}
	ca.path = filepath.Join(dir, File)
	if found, err := os.ReadFile(ca.path); err == nil && string(found) == string(ca.PEM()) {
		return ca, nil
	}
	if err := keyfile.Write(ca.path, ca.PEM(), 0o644); err != nil {
		return nil, fmt.Errorf("write certificate of the authority: %w", err)
	}
	return ca, nil
}

func readCA(path string) (*CA, error) {
	warning, err := keyfile.Check(path, "certificate authority", ", who could pose as this server")
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	ca, err := parseCA(b)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority %s: %w", path, err)
	}
	ca.warning = warning
	return ca, nil
}

// parseCA reads the two blocks and sees that they belong together.
func parseCA(b []byte) (*CA, error) {
	keyBlock, rest := pem.Decode(b)
	certBlock, _ := pem.Decode(rest)
	if keyBlock == nil || certBlock == nil || keyBlock.Type != pemKey || certBlock.Type != pemCertificate {
		return nil, errors.New("it is not a key and a certificate in PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("its key is none for ECDSA")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, err
	}
	if !cert.IsCA || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("its certificate is not the key's, or not that of an authority")
	}
	return &CA{cert: cert, key: key}, nil
}

func createCA(path string, now time.Time) (*CA, error) {
	ca, err := newCA(now)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return nil, fmt.Errorf("encode key of the authority: %w", err)
	}
	b := append(pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: der}), ca.PEM()...)
	if err := keyfile.Write(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("keep certificate authority: %w", err)
	}
	ca.created = true
	return ca, nil
}

// newCA makes an authority that signs what ends a chain, and whose name no
// other has: a client may trust those of several servers.
func newCA(now time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	id, err := keyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"Millrace"}, CommonName: "Millrace CA " + hex.EncodeToString(id[:4])},
		NotBefore: now.Add(-authorityBack), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		IsCA:     true, BasicConstraintsValid: true, MaxPathLenZero: true,
		SubjectKeyId: id, AuthorityKeyId: id,
	}
	cert, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &CA{cert: cert, key: key}, nil
}

// keyID is the identifier by which certificates name a key.
func keyID(public any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	return sum[:20], nil
}

// sign makes a certificate with a random serial number.
func sign(template, parent *x509.Certificate, public any, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// issue signs a certificate that ends a chain, within the authority's own time.
func (ca *CA) issue(template *x509.Certificate, public any) (*x509.Certificate, error) {
	id, err := keyID(public)
	if err != nil {
		return nil, err
	}
	template.SubjectKeyId = id
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	if template.NotBefore.Before(ca.cert.NotBefore) {
		template.NotBefore = ca.cert.NotBefore
	}
	if template.NotAfter.After(ca.cert.NotAfter) {
		template.NotAfter = ca.cert.NotAfter
	}
	return sign(template, ca.cert, public, ca.key)
}

// PEM is the authority's certificate.
func (ca *CA) PEM() []byte { return encodeCertificate(ca.cert) }

// Path is the file that holds PEM.
func (ca *CA) Path() string { return ca.path }

// Created says that the authority was made by this call of OpenCA.
func (ca *CA) Created() bool { return ca.created }

// Warning is what the operator should mend; it may be empty.
func (ca *CA) Warning() string { return ca.warning }

// Pool holds the authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.Raw})
}
