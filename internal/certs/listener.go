package certs

import "crypto/tls"

// protocolHTTP is all that a listener offers: media calls take connections over,
// which HTTP/2 does not have.
const protocolHTTP = "http/1.1"

// ServerConfig is how a listener speaks TLS. Of clients it asks for a
// certificate that the authority has made, and takes them without or with
// another all the same: who needs one looks at it. A browser that has none of
// this authority's does not ask its user.
func ServerConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), clients *CA, protocols ...string) *tls.Config {
	return &tls.Config{
		GetCertificate: get,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     append([]string{protocolHTTP}, protocols...),
		ClientAuth:     tls.RequestClientCert,
		ClientCAs:      clients.Pool(),
	}
}
