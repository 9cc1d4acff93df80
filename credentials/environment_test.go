package credentials_test

import (
	"testing"

	"github.com/millrace/millrace/credentials"
)

func TestTheEnvironmentIsReadAtEachCall(t *testing.T) {
	source := credentials.Environment()
	for _, step := range []struct {
		name               string
		key, secret, token string
		missing            bool
	}{
		{"nothing", "", "", "", true},
		{"a key alone", keyID, "", token, true},
		{"a secret alone", "", hidden, "", true},
		{"both", keyID, hidden, "", false},
		{"a session", keyID, hidden, token, false},
		{"nothing any more", "", "", "", true},
	} {
		t.Setenv("AWS_ACCESS_KEY_ID", step.key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", step.secret)
		t.Setenv("AWS_SESSION_TOKEN", step.token)
		got, err := source(t.Context())
		if step.missing {
			refused(t, err, credentials.ErrMissing, "AWS_ACCESS_KEY_ID")
			continue
		}
		if err != nil || got != secrets(step.token) {
			t.Errorf("%s: %v, %v", step.name, got, err)
		}
	}
}
