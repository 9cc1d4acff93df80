package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/wire/profile"
)

// Settings are what a Client needs. What is empty is looked up by Resolve.
type Settings struct {
	Endpoint     string // URL of the control operations
	DataEndpoint string // URL of the calls that carry media; empty: the server says it for each stream
	Region       string
	Profile      string // of the AWS files; empty means the environment's choice
	Credentials  millrace.CredentialsSource
	CA           string // PEM file of the authorities to trust in place of the system's
	TLS          *tls.Config
	HTTP         *http.Client
	Tries        int           // of one call, after passing faults; 0 is 4
	Report       func(Trouble) // is told of what could not be renewed, and when that is over; it must not wait
	Enter        Enter         // is asked before each attempt of a control operation; nil: they are made at once
}

// An Enter waits until an endpoint may be called. The attempt is made with done
// called behind it, with its error, or not at all if Enter returns one.
type Enter func(ctx context.Context, endpoint string) (done func(error), err error)

// DefaultRegion is signed for when nobody names a region. Servers of Millrace
// accept any.
const DefaultRegion = "us-east-1"

// ErrNoEndpoint says that nobody named a server.
var ErrNoEndpoint = errors.New("no endpoint: set AWS_ENDPOINT_URL to the server's address, such as http://localhost:8080")

// ErrEndpoint says that what names the server is no address.
var ErrEndpoint = errors.New("the endpoint is not a URL such as http://localhost:8080")

// Resolve fills in what s leaves out from the environment, in the order and
// under the names that the AWS tools use: AWS_ENDPOINT_URL_KINESIS_VIDEO,
// AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CA_BUNDLE, and then from the
// profile in the shared files. MILLRACE_CA goes before AWS_CA_BUNDLE, for who
// talks to both. lookup is os.Getenv.
//
// Credentials that are missing are an error of the first call, not of Resolve.
func Resolve(s Settings, lookup func(string) string) (Settings, error) {
	files := profile.Find(lookup)
	p, err := files.Load(cmp.Or(s.Profile, lookup("AWS_PROFILE")))
	if err != nil {
		return s, err
	}
	s.Region = cmp.Or(s.Region, lookup("AWS_REGION"), lookup("AWS_DEFAULT_REGION"), p.Value("region"), DefaultRegion)
	if s.Endpoint == "" && !strings.EqualFold(lookup("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		s.Endpoint = cmp.Or(lookup("AWS_ENDPOINT_URL_KINESIS_VIDEO"), lookup("AWS_ENDPOINT_URL"), p.ServiceEndpoint(), p.Value("endpoint_url"))
	}
	if err := checkEndpoint(s.Endpoint); err != nil {
		return s, err
	}
	s.Endpoint = strings.TrimRight(s.Endpoint, "/")
	if s.DataEndpoint != "" {
		if err := checkEndpoint(s.DataEndpoint); err != nil {
			return s, err
		}
	}
	if s.TLS == nil {
		if s.TLS, err = trust(cmp.Or(s.CA, lookup("MILLRACE_CA"), lookup("AWS_CA_BUNDLE"), p.Value("ca_bundle"))); err != nil {
			return s, err
		}
	}
	if s.Credentials == nil {
		s.Credentials = credentialsFrom(s.Profile, files, p, lookup)
	}
	return s, nil
}

func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return ErrNoEndpoint
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%w: %q", ErrEndpoint, endpoint)
	}
	return nil
}

// trust makes the settings for a file of certificate authorities, which
// replace those of the system.
func trust(bundle string) (*tls.Config, error) {
	if bundle == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("read CA bundle: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read CA bundle: %s holds no PEM certificate", bundle)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// credentialsFrom finds the access key. A profile that was named by the caller
// goes before the environment's key, as with the AWS command line.
func credentialsFrom(named string, files profile.Files, p profile.Profile, lookup func(string) string) millrace.CredentialsSource {
	env := millrace.Credentials{
		AccessKeyID:     lookup("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: lookup("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    lookup("AWS_SESSION_TOKEN"),
	}
	switch {
	case env.AccessKeyID != "" && env.SecretAccessKey != "" && named == "":
		return millrace.StaticCredentials(env)
	case env.AccessKeyID != "" && named == "", files == profile.Files{}:
		return func(context.Context) (millrace.Credentials, error) {
			return millrace.Credentials{}, credentials.ErrMissing
		}
	}
	return credentials.SharedFile{Profile: p.Name, ConfigFile: files.Config, CredentialsFile: files.Credentials}.Source()
}
