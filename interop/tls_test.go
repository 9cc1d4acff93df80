//go:build interop

package interop

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
)

// httpClient trusts the server, and nobody else.
func (r *rig) httpClient() (*http.Client, error) {
	if r.ca == "" {
		return &http.Client{}, nil
	}
	text, err := os.ReadFile(r.ca)
	if err != nil {
		return nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}, nil
}
