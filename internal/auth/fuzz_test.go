package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

// FuzzToken: whatever comes as a session's token, it is the session's or unknown.
func FuzzToken(f *testing.F) {
	sessions, err := auth.NewSessions(f.Context(), vault{})
	if err != nil {
		f.Fatal(err)
	}
	root := auth.RootKey{ID: "MILLROOT", Secret: "root-secret"}
	ring := auth.NewKeyRing(auth.KeyRingConfig{Sessions: sessions, Root: root, Account: account})
	good, err := sessions.Issue(auth.Grant{Parent: root.Parent(), Role: "root", Expires: now().Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.ID, good.Token)
	f.Add(good.ID, "AQ")
	f.Add("", good.Token)
	f.Add(root.ID, "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, id, token string) {
		if token == "" {
			return
		}
		key, err := ring.Lookup(t.Context(), id, token)
		if err == nil && (id != good.ID || token != good.Token) {
			t.Fatalf("%q with %q is %v", id, token, key)
		}
		if err != nil && !errors.Is(err, millrace.ErrNotFound) {
			t.Fatal(err)
		}
	})
}

// BenchmarkLookup is what a request costs before its signature is checked.
func BenchmarkLookup(b *testing.B) {
	sessions, err := auth.NewSessions(b.Context(), vault{})
	if err != nil {
		b.Fatal(err)
	}
	root := auth.RootKey{ID: "MILLROOT", Secret: "root-secret"}
	ring := auth.NewKeyRing(auth.KeyRingConfig{Sessions: sessions, Root: root, Account: account})
	session, err := sessions.Issue(auth.Grant{
		Parent: root.Parent(), Role: "root", Expires: now().Add(time.Hour),
		Scope: &auth.Scope{Actions: []auth.Action{"PutMedia", "DescribeStream"}, Streams: []string{"porch-*"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, who := range map[string][2]string{"root": {root.ID, ""}, "session": {session.ID, session.Token}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ring.Lookup(b.Context(), who[0], who[1]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
