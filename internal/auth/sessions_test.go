package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/auth"
)

// vault keeps one value for each name.
type vault map[string][]byte

func (v vault) Keep(_ context.Context, name string, fresh []byte) ([]byte, error) {
	if v[name] == nil {
		v[name] = fresh
	}
	return v[name], nil
}

func newSessions(t *testing.T, v vault) *auth.Sessions {
	t.Helper()
	s, err := auth.NewSessions(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func deviceGrant() auth.Grant {
	return auth.Grant{
		Parent: auth.Parent{Device: "cam1"}, Role: "cameras", Name: "cam1", Expires: now().Add(time.Hour),
		Scope: &auth.Scope{Actions: []auth.Action{"PutMedia"}, Streams: []string{"cam1"}},
	}
}

func TestASessionHasTheFormThatClientsExpect(t *testing.T) {
	s, err := newSessions(t, vault{}).Issue(deviceGrant())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.ID, "ASIA") || len(s.ID) != 20 || len(s.Secret) != 40 || len(s.Token) > 400 || !s.Expires.Equal(now().Add(time.Hour)) {
		t.Errorf("%s, secret of %d, token of %d, until %v", s.ID, len(s.Secret), len(s.Token), s.Expires)
	}
}

func TestASessionIsNotPrintedByAccident(t *testing.T) {
	s, err := newSessions(t, vault{}).Issue(deviceGrant())
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(s) + fmt.Sprintf("%+v %#v %v", s, s, []any{s})
	encoded, err := json.Marshal(s)
	shown += string(encoded)
	if err == nil || strings.Contains(shown, s.Secret) || strings.Contains(shown, s.Token) {
		t.Errorf("shown: %s, %v", shown, err)
	}
}

func TestAGrantThatMakesNoSession(t *testing.T) {
	long := deviceGrant()
	long.Scope.Streams = make([]string, 20)
	for i := range long.Scope.Streams {
		long.Scope.Streams[i] = strings.Repeat("x", 200)
	}
	orphan, twins, unbounded, named := deviceGrant(), deviceGrant(), deviceGrant(), deviceGrant()
	orphan.Parent = auth.Parent{}
	twins.Parent.Key = "MILLKEY"
	unbounded.Scope = nil
	named.Name = "a/b"
	for name, g := range map[string]auth.Grant{"orphan": orphan, "twins": twins, "unbounded": unbounded, "named": named, "long": long} {
		s, err := newSessions(t, vault{}).Issue(g)
		if err == nil || errors.Is(err, auth.ErrTooLong) != (name == "long") {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}
