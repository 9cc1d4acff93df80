package device_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/certs"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

const day = 24 * time.Hour

// A rig is a registry whose clock is moved by hand, and who asks it.
type rig struct {
	*device.Registry
	t     *testing.T
	ca    *certs.CA
	keys  *auth.KeyRing
	clock time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, clock: time.Date(2026, 11, 22, 12, 0, 0, 500, time.UTC)}
	now := func() time.Time { return r.clock }
	control := mem.NewControl()
	ca, err := certs.OpenCA(t.TempDir(), r.clock)
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := auth.NewSessions(t.Context(), control)
	if err != nil {
		t.Fatal(err)
	}
	r.ca = ca
	r.Registry = device.NewRegistry(device.Config{
		Documents: control, Authority: ca, Sessions: sessions, Now: now,
		Aliases: map[string]time.Duration{"camera": time.Hour, "long": 12 * time.Hour},
	})
	r.keys = auth.NewKeyRing(auth.KeyRingConfig{Documents: control, Sessions: sessions, Account: "000000000000", Device: r.Allowed, Now: now})
	return r
}

// create makes a device, and returns what it shows.
func (r *rig) create(s device.Spec) []*x509.Certificate {
	r.t.Helper()
	shown, err := r.tryCreate(s)
	if err != nil {
		r.t.Fatal(err)
	}
	return shown
}

func (r *rig) tryCreate(s device.Spec) ([]*x509.Certificate, error) {
	r.t.Helper()
	if s.RoleAlias == "" {
		s.RoleAlias = "camera"
	}
	if s.Life == 0 {
		s.Life = 30 * day
	}
	if s.Request == nil {
		_, request, err := certs.NewRequest(s.Name)
		if err != nil {
			r.t.Fatal(err)
		}
		s.Request = request
	}
	_, b, err := r.Create(r.t.Context(), s)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	return []*x509.Certificate{c}, nil
}

func (r *rig) credentials(shown []*x509.Certificate) auth.Session {
	r.t.Helper()
	s, _, err := r.Credentials(r.t.Context(), shown, "camera", "")
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// works reports whether credentials are of use.
func (r *rig) works(s auth.Session) bool {
	r.t.Helper()
	key, err := r.keys.Lookup(r.t.Context(), s.ID, s.Token)
	if err != nil && !errors.Is(err, millrace.ErrNotFound) {
		r.t.Errorf("lookup: %v", err)
	}
	return err == nil && key.Secret == s.Secret
}

func TestADeviceWritesItsStreamAndNothingElse(t *testing.T) {
	r := newRig(t)
	s := r.credentials(r.create(device.Spec{Name: "gate"}))
	key, err := r.keys.Lookup(t.Context(), s.ID, s.Token)
	if err != nil {
		t.Fatal(err)
	}
	if want := "arn:aws:sts::000000000000:assumed-role/camera/gate"; key.Principal.ARN != want {
		t.Errorf("its ARN is %s", key.Principal.ARN)
	}
	for _, action := range []auth.Action{"DescribeStream", "CreateStream", "TagStream", "GetDataEndpoint", "PutMedia"} {
		if err := auth.Authorize(key.Principal, action, "gate"); err != nil {
			t.Error(err)
		}
		for _, other := range []string{"gate2", "Gate", "*"} {
			if auth.Authorize(key.Principal, action, other) == nil {
				t.Errorf("%s on %s is allowed", action, other)
			}
		}
	}
	for _, action := range []auth.Action{"GetMedia", "DeleteStream", "UpdateStream", "ListStreams", "UntagStream", auth.CreateDevice, auth.CreateKey, auth.ReadMetrics} {
		if auth.Authorize(key.Principal, action, "gate") == nil {
			t.Errorf("%s is allowed", action)
		}
	}
	wide := r.credentials(r.create(device.Spec{Name: "yard", Streams: []string{"yard-*", "roof"}}))
	key, err = r.keys.Lookup(t.Context(), wide.ID, wide.Token)
	if err != nil {
		t.Fatal(err)
	}
	for stream, allowed := range map[string]bool{"yard-1": true, "roof": true, "yard": false, "gate": false} {
		if (auth.Authorize(key.Principal, "PutMedia", stream) == nil) != allowed {
			t.Errorf("yard on %s: not %v", stream, allowed)
		}
	}
}

func TestCredentialsEnd(t *testing.T) {
	r := newRig(t)
	shown := r.create(device.Spec{Name: "gate"})
	if s := r.credentials(shown); !s.Expires.Equal(r.clock.Truncate(time.Second).Add(time.Hour)) {
		t.Errorf("they end at %v", s.Expires)
	}
	r.clock = r.clock.Add(30*day - time.Minute)
	if s := r.credentials(shown); !s.Expires.Equal(shown[0].NotAfter) {
		t.Errorf("near the certificate's end they end at %v, not %v", s.Expires, shown[0].NotAfter)
	}
	long := r.create(device.Spec{Name: "long", RoleAlias: "long"})
	s, _, err := r.Credentials(t.Context(), long, "long", "long")
	if err != nil || !s.Expires.Equal(r.clock.Truncate(time.Second).Add(12*time.Hour)) {
		t.Errorf("%v, %v", s.Expires, err)
	}
}

func TestWhoGetsNoCredentials(t *testing.T) {
	r, other := newRig(t), newRig(t)
	gate, stranger := r.create(device.Spec{Name: "gate"}), other.create(device.Spec{Name: "gate"})
	disabled, deleted := r.create(device.Spec{Name: "off"}), r.create(device.Spec{Name: "gone"})
	if _, err := r.Disable(t.Context(), "off", true); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	replaced := r.create(device.Spec{Name: "again"})
	if err := r.Delete(t.Context(), "again"); err != nil {
		t.Fatal(err)
	}
	r.create(device.Spec{Name: "again"})
	start := r.clock
	for name, tc := range map[string]struct {
		shown        []*x509.Certificate
		alias, thing string
		later        time.Duration
		want         error
	}{
		"a device":                         {gate, "camera", "gate", 0, nil},
		"a device that says no name":       {gate, "camera", "", 0, nil},
		"a device by another name":         {gate, "camera", "yard", 0, device.ErrThing},
		"a name and no alias":              {gate, "none", "yard", 0, device.ErrThing},
		"an alias that there is not":       {gate, "none", "gate", 0, device.ErrNoAlias},
		"an alias that is another's":       {gate, "long", "gate", 0, device.ErrDenied},
		"after its end":                    {gate, "camera", "gate", 31 * day, certs.ErrStranger},
		"of another server":                {stranger, "camera", "gate", 0, certs.ErrStranger},
		"disabled":                         {disabled, "camera", "off", 0, certs.ErrStranger},
		"deleted":                          {deleted, "camera", "gone", 0, certs.ErrStranger},
		"an earlier device of the name":    {replaced, "camera", "again", 0, certs.ErrStranger},
		"without a certificate":            {nil, "camera", "gate", 0, certs.ErrStranger},
		"a stranger who asks for no alias": {stranger, "none", "x", 0, certs.ErrStranger},
	} {
		r.clock = start.Add(tc.later)
		s, _, err := r.Credentials(t.Context(), tc.shown, tc.alias, tc.thing)
		if !errors.Is(err, tc.want) || (err == nil) != (s.ID != "") {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

// TestRunningCredentialsStop: with their device, and not with another of its name.
func TestRunningCredentialsStop(t *testing.T) {
	r := newRig(t)
	s := r.credentials(r.create(device.Spec{Name: "gate"}))
	step := func(name string, err error, works bool) {
		t.Helper()
		if err != nil || r.works(s) != works {
			t.Errorf("%s: %v, works %v", name, err, !works)
		}
	}
	step("at first", nil, true)
	_, err := r.Disable(t.Context(), "gate", true)
	step("disabled", err, false)
	_, err = r.Disable(t.Context(), "gate", false)
	step("enabled", err, true)
	step("deleted", r.Delete(t.Context(), "gate"), false)
	r.create(device.Spec{Name: "gate"})
	step("made again", nil, false)
}

func TestDevicesThatAreNotMade(t *testing.T) {
	r := newRig(t)
	r.create(device.Spec{Name: "gate"})
	for name, tc := range map[string]struct {
		spec device.Spec
		want error
	}{
		"a name that is taken":            {device.Spec{Name: "gate"}, millrace.ErrExists},
		"a name that is none":             {device.Spec{Name: "a/b"}, certs.ErrRequest},
		"a request that is none":          {device.Spec{Name: "a", Request: []byte("x")}, certs.ErrRequest},
		"an alias that is none":           {device.Spec{Name: "a", RoleAlias: "none"}, device.ErrNoAlias},
		"a pattern that is none":          {device.Spec{Name: "a", Streams: []string{"a b"}}, millrace.ErrInvalid},
		"more patterns than there can be": {device.Spec{Name: "a", Streams: make17()}, millrace.ErrInvalid},
		"patterns that do not fit":        {device.Spec{Name: "a", Streams: long()}, auth.ErrTooLong},
	} {
		if _, err := r.tryCreate(tc.spec); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"disable": second(r.Disable(t.Context(), "none", true)), "delete": r.Delete(t.Context(), "none"), "show": second(r.Device(t.Context(), "none")),
	} {
		if !errors.Is(err, millrace.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := r.List(t.Context(), "", 0)
	if err != nil || len(list) != 1 || list[0].Name != "gate" {
		t.Errorf("there are %v, %v", list, err)
	}
}

func second[T any](_ T, err error) error { return err }

func make17() []string { return strings.Split(strings.Repeat("x,", 16)+"x", ",") }

func long() []string {
	names := make([]string, 16)
	for i := range names {
		names[i] = strings.Repeat("x", 200)
	}
	return names
}

// broken is documents that cannot be read.
type broken struct{ documents }

type documents = store.Documents

func (broken) Document(context.Context, string, string) (store.Document, error) {
	return store.Document{}, store.ErrUnavailable
}

// TestAStateThatCannotBeReadIsNoStranger: nobody is told that a certificate is
// bad because a database is away.
func TestAStateThatCannotBeReadIsNoStranger(t *testing.T) {
	r := newRig(t)
	shown := r.create(device.Spec{Name: "gate"})
	away := device.NewRegistry(device.Config{
		Documents: broken{}, Authority: r.ca, Aliases: map[string]time.Duration{"camera": time.Hour}, Now: func() time.Time { return r.clock },
	})
	if _, _, err := away.Credentials(t.Context(), shown, "camera", ""); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, certs.ErrStranger) {
		t.Errorf("err = %v", err)
	}
	if err := away.Allowed(t.Context(), "gate/0000000000000000"); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, millrace.ErrNotFound) {
		t.Errorf("err = %v", err)
	}
}
