package client_test

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
	"github.com/millrace/millrace/internal/wire/client"
)

const configFile = `
# comment
[default]
region = eu-central-1
endpoint_url = http://profile-default

[profile site]
region=eu-west-3   ; the shop
endpoint_url = http://profile-site
services = local
ca_bundle =

[profile half]
region = eu-north-1

[profile sso]
sso_session = work

[services local]
s3 =
  endpoint_url = http://other
kinesis_video =
  endpoint_url = http://service-site
`

const credentialsFile = `[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default secret

[site]
aws_access_key_id = AKIASITE
aws_secret_access_key = site/secret#1
aws_session_token = token
`

// home makes the files of a user and returns a lookup of a small environment.
func home(t *testing.T, vars map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config": configFile, "credentials": credentialsFile} {
		if err := os.WriteFile(filepath.Join(dir, ".aws", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string {
		if name == "HOME" {
			return dir
		}
		return vars[name]
	}
}

func TestSettingsAreFoundWhereTheToolsOfAWSKeepThem(t *testing.T) {
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "env secret", "AWS_SESSION_TOKEN": "env token"}
	with := func(more map[string]string) map[string]string {
		for k, v := range keys {
			if _, ok := more[k]; !ok {
				more[k] = v
			}
		}
		return more
	}
	for name, tc := range map[string]struct {
		given                         client.Settings
		vars                          map[string]string
		endpoint, region, key, secret string
		token                         string
	}{
		"the default profile": {
			endpoint: "http://profile-default", region: "eu-central-1", key: "AKIADEFAULT", secret: "default secret",
		},
		"a profile of the environment": {
			vars:     map[string]string{"AWS_PROFILE": "site"},
			endpoint: "http://service-site", region: "eu-west-3", key: "AKIASITE", secret: "site/secret#1", token: "token",
		},
		"a profile of the caller goes before keys of the environment": {
			given: client.Settings{Profile: "site"}, vars: with(map[string]string{}),
			endpoint: "http://service-site", region: "eu-west-3", key: "AKIASITE", secret: "site/secret#1", token: "token",
		},
		"keys of the environment go before a profile of the environment": {
			vars:     with(map[string]string{"AWS_PROFILE": "site"}),
			endpoint: "http://service-site", region: "eu-west-3", key: "AKIAENV", secret: "env secret", token: "env token",
		},
		"the environment goes before the files": {
			vars:     with(map[string]string{"AWS_ENDPOINT_URL": "http://env/", "AWS_DEFAULT_REGION": "ap-south-1"}),
			endpoint: "http://env", region: "ap-south-1", key: "AKIAENV", secret: "env secret", token: "env token",
		},
		"the service's endpoint goes before the general one": {
			vars:     map[string]string{"AWS_ENDPOINT_URL": "http://env", "AWS_ENDPOINT_URL_KINESIS_VIDEO": "http://kv", "AWS_REGION": "r", "AWS_DEFAULT_REGION": "d"},
			endpoint: "http://kv", region: "r", key: "AKIADEFAULT", secret: "default secret",
		},
		"what was given goes before all": {
			given:    client.Settings{Endpoint: "https://given:8443", Region: "mine", Credentials: millrace.StaticCredentials(millrace.Credentials{AccessKeyID: "AKIAGIVEN", SecretAccessKey: "s"})},
			vars:     with(map[string]string{"AWS_ENDPOINT_URL": "http://env"}),
			endpoint: "https://given:8443", region: "mine", key: "AKIAGIVEN", secret: "s",
		},
	} {
		got, err := client.Resolve(tc.given, home(t, tc.vars))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		c, err := got.Credentials(t.Context())
		if err != nil {
			t.Errorf("%s: credentials: %v", name, err)
		}
		if got.Endpoint != tc.endpoint || got.Region != tc.region {
			t.Errorf("%s: endpoint %s, region %s", name, got.Endpoint, got.Region)
		}
		if c.AccessKeyID != tc.key || c.SecretAccessKey != tc.secret || c.SessionToken != tc.token {
			t.Errorf("%s: key %s", name, c.AccessKeyID)
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(bundle, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		vars map[string]string
		want string
		is   error
	}{
		"no endpoint":                 {map[string]string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "AWS_ENDPOINT_URL", client.ErrNoEndpoint},
		"a profile that is not there": {map[string]string{"AWS_PROFILE": "nobody"}, `profile "nobody"`, nil},
		"an endpoint that is no URL":  {map[string]string{"AWS_ENDPOINT_URL": "localhost:8080"}, "http://localhost:8080", nil},
		"a bundle that is not there":  {map[string]string{"AWS_CA_BUNDLE": bundle + "x"}, "CA bundle", nil},
		"a bundle of nothing":         {map[string]string{"AWS_CA_BUNDLE": bundle}, "no PEM certificate", nil},
	} {
		_, err := client.Resolve(client.Settings{}, home(t, tc.vars))
		if err == nil || !strings.Contains(err.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for profile, want := range map[string]string{"half": "AWS_ACCESS_KEY_ID", "sso": "sso_session, which is not supported"} {
		s, err := client.Resolve(client.Settings{Profile: profile, Endpoint: "http://x"}, home(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Credentials(t.Context()); !errors.Is(err, credentials.ErrMissing) || !strings.Contains(err.Error(), want) {
			t.Errorf("profile %s: %v", profile, err)
		}
	}
}

func TestTheFilesCanBeElsewhere(t *testing.T) {
	dir := t.TempDir()
	config, credentials := filepath.Join(dir, "c"), filepath.Join(dir, "k")
	for path, text := range map[string]string{
		config:      "[default]\nendpoint_url = http://elsewhere\n",
		credentials: "[default]\naws_access_key_id = AKIAELSE\naws_secret_access_key = s\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := client.Resolve(client.Settings{}, home(t, map[string]string{"AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": credentials}))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Credentials(t.Context()); s.Endpoint != "http://elsewhere" || s.Region != client.DefaultRegion || c.AccessKeyID != "AKIAELSE" || err != nil {
		t.Errorf("endpoint %s, region %s, key %s, %v", s.Endpoint, s.Region, c.AccessKeyID, err)
	}
}

func TestABundleReplacesTheSystemsTrust(t *testing.T) {
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(bundle, serverCertificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := client.Resolve(client.Settings{Endpoint: "https://x"}, home(t, map[string]string{"AWS_CA_BUNDLE": bundle}))
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	want.AppendCertsFromPEM(serverCertificate())
	if s.TLS == nil || !s.TLS.RootCAs.Equal(want) {
		t.Error("the bundle is not what is trusted")
	}
}
