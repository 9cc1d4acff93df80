package auth_test

import (
	"errors"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

// What a principal may do is what its key, or its session's parent, may do now.
func TestAPrincipalIsRenewed(t *testing.T) {
	const arn = "arn:aws:kinesisvideo:us-west-2:111122223333:stream/porch-1/1705489836421"
	r := newRing(t)
	key, _ := r.create(t, "porch", "PutMedia GetSessionToken", "porch-*")
	user := r.principal(t, key.ID, "")
	narrow := r.session(t, user, auth.SessionRequest{
		Lifetime: time.Hour, Actions: []auth.Action{"PutMedia"}, Streams: []string{"porch-1"},
	})
	session := r.principal(t, narrow.ID, narrow.Token)
	r.devices["cam1"] = true
	grant := deviceGrant()
	grant.Scope.Streams = []string{"porch-1"}
	of, err := r.sessions.Issue(grant)
	if err != nil {
		t.Fatal(err)
	}
	device := r.principal(t, of.ID, of.Token)
	may := func(what string, p auth.Principal, want bool) {
		t.Helper()
		now, err := r.Renew(t.Context(), p)
		if err != nil && !errors.Is(err, millrace.ErrNotFound) {
			t.Fatalf("%s: %v", what, err)
		}
		if got := err == nil && auth.Authorize(now, "PutMedia", arn) == nil; got != want {
			t.Errorf("%s: may is %v, %v", what, got, err)
		}
	}
	all := func(what string, want bool) {
		t.Helper()
		may(what+": the key", user, want)
		may(what+": its session", session, want)
	}
	change := func(c auth.KeyChange) {
		t.Helper()
		if _, err := r.Update(t.Context(), r.rootPrincipal(t), key.ID, c); err != nil {
			t.Fatal(err)
		}
	}
	may("the root key", r.rootPrincipal(t), true)
	all("at first", true)
	yes, no := true, false
	change(auth.KeyChange{Disabled: &yes})
	all("disabled", false)
	change(auth.KeyChange{Disabled: &no})
	all("enabled", true)
	change(auth.KeyChange{Streams: []string{"door"}})
	all("without the stream", false)
	change(auth.KeyChange{Streams: []string{"*"}, Actions: []auth.Action{"Get*"}})
	all("without the action", false)
	change(auth.KeyChange{Actions: []auth.Action{"*"}})
	all("with everything", true)
	now, err := r.Renew(t.Context(), session)
	if err != nil || auth.Authorize(now, "PutMedia", "porch-2") == nil || auth.Authorize(now, "GetMedia", arn) == nil {
		t.Errorf("the session has more than its own scope: %+v, %v", now, err)
	}
	again, err := r.Renew(t.Context(), now)
	if err != nil || auth.Authorize(again, "PutMedia", arn) != nil || auth.Authorize(again, "PutMedia", "porch-2") == nil {
		t.Errorf("renewed twice: %+v, %v", again, err)
	}

	root := r.session(t, r.rootPrincipal(t), auth.SessionRequest{Lifetime: time.Hour, Actions: []auth.Action{"PutMedia"}, Streams: []string{"porch-1"}})
	if now, err = r.Renew(t.Context(), r.principal(t, root.ID, root.Token)); err != nil || auth.Authorize(now, "GetMedia", arn) == nil {
		t.Errorf("a narrow session of the root key has more than its own scope: %+v, %v", now, err)
	}

	may("a device", device, true)
	r.devices["cam1"] = false
	may("a device that was disabled", device, false)
	r.devices["cam1"] = true
	r.now = r.now.Add(2 * time.Hour)
	may("a device whose session is over", device, true)
	may("a key whose session is over", session, true)
	if err := r.Delete(t.Context(), r.rootPrincipal(t), key.ID); err != nil {
		t.Fatal(err)
	}
	all("deleted", false)
}

func TestAKeyWhoseTimeIsOverIsNotRenewed(t *testing.T) {
	r := newRing(t)
	key, _, err := r.Create(t.Context(), r.rootPrincipal(t), auth.AccessKey{
		Name: "guest", Scope: scope("*", "*"), Expires: now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	user := r.principal(t, key.ID, "")
	own := r.session(t, user, auth.SessionRequest{Lifetime: 30 * time.Minute})
	session := r.principal(t, own.ID, own.Token)
	for _, tc := range []struct {
		at   time.Duration
		want error
	}{{59 * time.Minute, nil}, {time.Hour, millrace.ErrNotFound}} {
		r.now = now().Add(tc.at)
		for what, p := range map[string]auth.Principal{"key": user, "session": session} {
			if _, err := r.Renew(t.Context(), p); !errors.Is(err, tc.want) {
				t.Errorf("%s after %v: %v", what, tc.at, err)
			}
		}
	}
}
