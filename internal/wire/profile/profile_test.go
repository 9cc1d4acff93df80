package profile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/wire/profile"
)

func TestAnEndpointOfTheServiceIsFound(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	text := "[profile \"a site\"]\nservices = local\n[services local]\nkinesis_video =\n  endpoint_url = http://here\ns3 =\n\tendpoint_url = http://there\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Files{Config: config}.Load("a site")
	if err != nil || p.ServiceEndpoint() != "http://here" {
		t.Errorf("%q, %v", p.ServiceEndpoint(), err)
	}
	if _, err := (profile.Files{Config: config}).Load("local"); !errors.Is(err, profile.ErrMissing) || !strings.Contains(err.Error(), config) {
		t.Errorf("no such profile: %v", err)
	}
}
