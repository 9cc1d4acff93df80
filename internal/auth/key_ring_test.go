package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/mem"
)

const account = "111122223333"

// A ringRig is a KeyRing, what it stands on, and a clock that can be set.
type ringRig struct {
	*auth.KeyRing
	documents *countedDocuments
	sessions  *auth.Sessions
	root      auth.RootKey
	devices   map[string]bool
	now       time.Time
}

func newRing(t *testing.T) *ringRig {
	t.Helper()
	control := mem.NewControl()
	t.Cleanup(func() { _ = control.Close() })
	r := &ringRig{
		documents: &countedDocuments{documents: control}, sessions: newSessions(t, vault{}),
		root: auth.RootKey{ID: "MILLROOT", Secret: "root-secret"}, devices: map[string]bool{}, now: now(),
	}
	r.KeyRing = auth.NewKeyRing(auth.KeyRingConfig{
		Documents: r.documents, Sessions: r.sessions, Root: r.root, Account: account,
		Device: r.device, Now: func() time.Time { return r.now },
	})
	return r
}

func (r *ringRig) device(_ context.Context, name string) error {
	if !r.devices[name] {
		return millrace.ErrNotFound
	}
	return nil
}

type documents = store.Documents

// countedDocuments counts what is read, and can do something in between.
type countedDocuments struct {
	documents
	mu    sync.Mutex
	reads int
	after func() // behind the next read
	fail  error  // of every change, which is made
}

func (d *countedDocuments) Document(ctx context.Context, kind, name string) (store.Document, error) {
	doc, err := d.documents.Document(ctx, kind, name)
	d.mu.Lock()
	after := d.after
	d.after = nil
	d.reads++
	d.mu.Unlock()
	if after != nil {
		after()
	}
	return doc, err
}

func (d *countedDocuments) PutDocument(ctx context.Context, doc store.Document) (store.Document, error) {
	doc, err := d.documents.PutDocument(ctx, doc)
	return doc, errors.Join(err, d.fail)
}

func (r *ringRig) principal(t *testing.T, id, token string) auth.Principal {
	t.Helper()
	key, err := r.Lookup(t.Context(), id, token)
	if err != nil {
		t.Fatalf("look up %s: %v", id, err)
	}
	return key.Principal
}

func (r *ringRig) rootPrincipal(t *testing.T) auth.Principal {
	t.Helper()
	return r.principal(t, r.root.ID, "")
}

func (r *ringRig) create(t *testing.T, name string, actions, streams string) (auth.AccessKey, string) {
	t.Helper()
	key, secret, err := r.Create(t.Context(), r.rootPrincipal(t), auth.AccessKey{Name: name, Scope: scope(actions, streams)})
	if err != nil {
		t.Fatal(err)
	}
	return key, secret
}

func scope(actions, streams string) auth.Scope {
	s := auth.Scope{Streams: strings.Fields(streams)}
	for _, a := range strings.Fields(actions) {
		s.Actions = append(s.Actions, auth.Action(a))
	}
	return s
}

func (r *ringRig) wantUnknown(t *testing.T, what, id, token string) {
	t.Helper()
	if key, err := r.Lookup(t.Context(), id, token); !errors.Is(err, millrace.ErrNotFound) || key.Secret != "" || key.Token != "" {
		t.Errorf("%s is known: %v, %v", what, key, err)
	}
}

func TestAKeyIsFoundAsItWasMade(t *testing.T) {
	r := newRing(t)
	made, secret := r.create(t, "porch", "PutMedia Get*", "porch-* door")
	key, err := r.Lookup(t.Context(), made.ID, "")
	if err != nil || key.Secret != secret || key.Token != "" || !key.Expires.IsZero() {
		t.Fatalf("%v, %v", key, err)
	}
	p := key.Principal
	if p.ARN != "arn:aws:iam::111122223333:user/porch" || p.KeyID != made.ID || p.Root || !reflect.DeepEqual(p.Scopes, []auth.Scope{made.Scope}) {
		t.Errorf("%+v", p)
	}
	if len(made.ID) != 20 || len(secret) != 40 || made.Creator != "MILLROOT" || !made.Created.Equal(now()) {
		t.Errorf("%+v, secret of %d", made, len(secret))
	}
	list, err := r.List(t.Context(), "", 0)
	if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], made) {
		t.Errorf("list is %+v, %v", list, err)
	}
}

func TestWhatIsNoKeyIsNotLookedFor(t *testing.T) {
	r := newRing(t)
	for _, id := range []string{"", "x", "MILL", "../MILLAAAAAAAAAAAAAAAA", "ASIAAAAAAAAAAAAAAAAA", "MILLAAAAAAAAAAAAAAA1", "millaaaaaaaaaaaaaaaa", strings.Repeat("M", 1<<20)} {
		r.wantUnknown(t, id[:min(len(id), 30)], id, "")
		r.wantUnknown(t, "with a token "+id[:min(len(id), 30)], id, "token")
	}
	if r.documents.reads != 0 {
		t.Errorf("%d reads", r.documents.reads)
	}
	r.wantUnknown(t, "an id of the right form", "MILLAAAAAAAAAAAAAAAA", "")
	r.wantUnknown(t, "the root key with a token", r.root.ID, "token")
}

func TestAKeyIsReadOnceAndAfterAChangeAgain(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "PutMedia", "*")
	for range 3 {
		r.principal(t, key.ID, "")
	}
	if r.documents.reads != 1 {
		t.Errorf("%d reads", r.documents.reads)
	}
	next := scope("GetMedia", "door")
	if _, err := r.Update(t.Context(), r.rootPrincipal(t), key.ID, auth.KeyChange{Actions: next.Actions, Streams: next.Streams}); err != nil {
		t.Fatal(err)
	}
	if p := r.principal(t, key.ID, ""); !reflect.DeepEqual(p.Scopes, []auth.Scope{next}) {
		t.Errorf("scope is %+v", p.Scopes)
	}
}

func TestADisabledKeyIsUnknownAtOnce(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "*", "*")
	session := r.session(t, r.principal(t, key.ID, ""), auth.SessionRequest{Lifetime: time.Hour})
	r.principal(t, session.ID, session.Token)
	set := func(disabled bool) {
		t.Helper()
		got, err := r.Update(t.Context(), r.rootPrincipal(t), key.ID, auth.KeyChange{Disabled: &disabled})
		if err != nil || got.Disabled != disabled || !reflect.DeepEqual(got.Scope, key.Scope) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	set(true)
	r.wantUnknown(t, "the key", key.ID, "")
	r.wantUnknown(t, "its session", session.ID, session.Token)
	set(false)
	r.principal(t, key.ID, "")
	r.principal(t, session.ID, session.Token)
	if err := r.Delete(t.Context(), r.rootPrincipal(t), key.ID); err != nil {
		t.Fatal(err)
	}
	r.wantUnknown(t, "the deleted key", key.ID, "")
	r.wantUnknown(t, "the deleted key's session", session.ID, session.Token)
	if err := r.Delete(t.Context(), r.rootPrincipal(t), key.ID); !errors.Is(err, millrace.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// TestAReaderThatWasOvertakenRemembersNothing: the key is disabled between the
// read of the old one and the moment when it would be remembered.
func TestAReaderThatWasOvertakenRemembersNothing(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "*", "*")
	disabled := true
	r.documents.after = func() {
		if _, err := r.Update(t.Context(), auth.Principal{Root: true}, key.ID, auth.KeyChange{Disabled: &disabled}); err != nil {
			t.Error(err)
		}
	}
	r.principal(t, key.ID, "") // began before
	r.wantUnknown(t, "the key", key.ID, "")
}

func TestAChangeOfWhichNobodyKnowsIsLookedAtAgain(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "*", "*")
	r.principal(t, key.ID, "")
	r.documents.fail = errors.New("the disk is slow")
	disabled := true
	if _, err := r.Update(t.Context(), r.rootPrincipal(t), key.ID, auth.KeyChange{Disabled: &disabled}); err == nil {
		t.Fatal("no error")
	}
	r.wantUnknown(t, "the key", key.ID, "")
}

func TestChangesAtOnceAreAllMade(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "*", "*")
	disabled := true
	r.documents.after = func() {
		if _, err := r.Update(t.Context(), auth.Principal{Root: true}, key.ID, auth.KeyChange{Streams: []string{"door"}}); err != nil {
			t.Error(err)
		}
	}
	got, err := r.Update(t.Context(), r.rootPrincipal(t), key.ID, auth.KeyChange{Disabled: &disabled})
	if err != nil || !got.Disabled || !reflect.DeepEqual(got.Scope.Streams, []string{"door"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// session starts one.
func (r *ringRig) session(t *testing.T, by auth.Principal, want auth.SessionRequest) auth.Session {
	t.Helper()
	s, err := r.StartSession(by, want)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASessionHasNoMoreThanItsKey(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "PutMedia GetMedia", "porch-*")
	by := r.principal(t, key.ID, "")
	whole := r.session(t, by, auth.SessionRequest{Lifetime: time.Hour})
	narrow := r.session(t, by, auth.SessionRequest{Lifetime: time.Hour, Name: "one", Streams: []string{"porch-1"}})
	if p := r.principal(t, whole.ID, whole.Token); p.ARN != "arn:aws:sts::111122223333:assumed-role/porch/"+whole.ID || p.KeyID != whole.ID {
		t.Errorf("%+v", p)
	}
	p := r.principal(t, narrow.ID, narrow.Token)
	if p.ARN != "arn:aws:sts::111122223333:assumed-role/porch/one" {
		t.Errorf("%+v", p)
	}
	for resource, want := range map[string]bool{"porch-1": true, "porch-2": false, "porch-11": false, "*": false} {
		if err := auth.Authorize(p, "PutMedia", resource); (err == nil) != want {
			t.Errorf("%s: %v", resource, err)
		}
	}
	for what, request := range map[string]auth.SessionRequest{
		"another action":  {Actions: []auth.Action{"DeleteStream"}},
		"all actions":     {Actions: []auth.Action{"*"}},
		"another stream":  {Streams: []string{"door"}},
		"a wider pattern": {Streams: []string{"porch*"}},
	} {
		request.Lifetime = time.Hour
		if _, err := r.StartSession(by, request); millrace.CodeOf(err) != millrace.CodeAccessDenied {
			t.Errorf("%s: %v", what, err)
		}
	}
	// What the key loses, its sessions lose.
	if _, err := r.Update(t.Context(), r.rootPrincipal(t), key.ID, auth.KeyChange{Actions: []auth.Action{"GetMedia"}}); err != nil {
		t.Fatal(err)
	}
	if err := auth.Authorize(r.principal(t, narrow.ID, narrow.Token), "PutMedia", "porch-1"); err == nil {
		t.Error("the session kept what the key has lost")
	}
}

func TestASessionOfASessionIsNoMoreThanThat(t *testing.T) {
	r := newRing(t)
	first := r.session(t, r.rootPrincipal(t), auth.SessionRequest{Lifetime: time.Hour, Streams: []string{"porch-*"}})
	by := r.principal(t, first.ID, first.Token)
	if by.Root {
		t.Fatal("a narrowed session of root is root")
	}
	second := r.session(t, by, auth.SessionRequest{Lifetime: 12 * time.Hour})
	if !second.Expires.Equal(first.Expires) {
		t.Errorf("ends %v, the first %v", second.Expires, first.Expires)
	}
	p := r.principal(t, second.ID, second.Token)
	if auth.Authorize(p, "PutMedia", "door") == nil || auth.Authorize(p, "PutMedia", "porch-1") != nil {
		t.Errorf("%+v", p)
	}
	if _, err := r.StartSession(by, auth.SessionRequest{Lifetime: time.Hour, Streams: []string{"*"}}); millrace.CodeOf(err) != millrace.CodeAccessDenied {
		t.Errorf("wider than the first: %v", err)
	}
	whole := r.session(t, r.rootPrincipal(t), auth.SessionRequest{Lifetime: time.Hour})
	if !r.principal(t, whole.ID, whole.Token).Root {
		t.Error("a whole session of root is not root")
	}
}

func TestASessionEndsWithItsKey(t *testing.T) {
	r := newRing(t)
	made, _, err := r.Create(t.Context(), r.rootPrincipal(t), auth.AccessKey{Name: "guest", Scope: scope("*", "*"), Expires: now().Add(20 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	s := r.session(t, r.principal(t, made.ID, ""), auth.SessionRequest{Lifetime: time.Hour})
	if !s.Expires.Equal(now().Add(20 * time.Minute)) {
		t.Errorf("ends %v", s.Expires)
	}
	if _, _, err := r.Create(t.Context(), r.rootPrincipal(t), auth.AccessKey{Name: "late", Expires: now()}); !errors.Is(err, auth.ErrExpiry) {
		t.Errorf("a key that has ended: %v", err)
	}
}

func TestATokenIsGoodForItsSessionAlone(t *testing.T) {
	r := newRing(t)
	a := r.session(t, r.rootPrincipal(t), auth.SessionRequest{Lifetime: time.Hour})
	b := r.session(t, r.rootPrincipal(t), auth.SessionRequest{Lifetime: time.Hour})
	r.wantUnknown(t, "no token", a.ID, "")
	r.wantUnknown(t, "another's token", a.ID, b.Token)
	r.wantUnknown(t, "a longer token", a.ID, a.Token+"A")
	r.wantUnknown(t, "a shorter token", a.ID, a.Token[:len(a.Token)-1])
	r.wantUnknown(t, "the root key with the token", r.root.ID, a.Token)
	r.wantUnknown(t, "a long token", a.ID, strings.Repeat("A", 1<<20))
	for i := range len(a.Token) {
		for bit := range 7 {
			flipped := []byte(a.Token)
			flipped[i] ^= 1 << bit
			r.wantUnknown(t, fmt.Sprintf("bit %d of byte %d", bit, i), a.ID, string(flipped))
		}
	}
	other := auth.NewKeyRing(auth.KeyRingConfig{Documents: r.documents, Sessions: newSessions(t, vault{}), Root: r.root, Account: account})
	if _, err := other.Lookup(t.Context(), a.ID, a.Token); !errors.Is(err, millrace.ErrNotFound) {
		t.Errorf("another server's token: %v", err)
	}
}

func TestASessionOfADeviceIsThereWithIt(t *testing.T) {
	r := newRing(t)
	s, err := r.sessions.Issue(deviceGrant())
	if err != nil {
		t.Fatal(err)
	}
	r.wantUnknown(t, "no device", s.ID, s.Token)
	r.devices["cam1"] = true
	p := r.principal(t, s.ID, s.Token)
	if p.ARN != "arn:aws:sts::111122223333:assumed-role/cameras/cam1" || auth.Authorize(p, "PutMedia", "cam1") != nil || auth.Authorize(p, "PutMedia", "cam2") == nil {
		t.Errorf("%+v", p)
	}
	delete(r.devices, "cam1")
	r.wantUnknown(t, "a deleted device", s.ID, s.Token)
}

func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	r := newRing(t)
	admin, _ := r.create(t, "admin", "CreateKey UpdateKey DeleteKey PutMedia Get*", "*")
	by := r.principal(t, admin.ID, "")
	great, _ := r.create(t, "great", "*", "*")
	denied := func(what string, err error) {
		t.Helper()
		if millrace.CodeOf(err) != millrace.CodeAccessDenied || !strings.HasPrefix(err.Error(), "User: arn:aws:iam::111122223333:user/admin is not authorized to perform: kinesisvideo:") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, _, err := r.Create(t.Context(), by, auth.AccessKey{Name: "x", Scope: scope("*", "*")})
	denied("create with *", err)
	_, _, err = r.Create(t.Context(), by, auth.AccessKey{Name: "x", Scope: scope("PutMedia ListKeys", "*")})
	denied("create with one action more", err)
	small, _, err := r.Create(t.Context(), by, auth.AccessKey{Name: "x", Scope: scope("PutMedia GetMedia", "porch-*")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Update(t.Context(), by, small.ID, auth.KeyChange{Actions: []auth.Action{"*"}})
	denied("widen", err)
	disabled := true
	_, err = r.Update(t.Context(), by, great.ID, auth.KeyChange{Disabled: &disabled})
	denied("disable a greater key", err)
	_, err = r.Update(t.Context(), by, great.ID, auth.KeyChange{Actions: []auth.Action{}})
	denied("lessen a greater key", err)
	denied("delete a greater key", r.Delete(t.Context(), by, great.ID))
	if err := r.Delete(t.Context(), by, small.ID); err != nil {
		t.Error(err)
	}
}

func TestManyLookupsAndChangesAtOnce(t *testing.T) {
	r := newRing(t)
	key, _ := r.create(t, "porch", "*", "*")
	by := r.rootPrincipal(t)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = r.Lookup(context.Background(), key.ID, "")
				}
			}
		})
	}
	for i := range 200 {
		disabled := i%2 == 0
		if _, err := r.Update(t.Context(), by, key.ID, auth.KeyChange{Disabled: &disabled}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Lookup(t.Context(), key.ID, ""); errors.Is(err, millrace.ErrNotFound) != disabled {
			t.Fatalf("turn %d: disabled is %v, the lookup says %v", i, disabled, err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestARecordThatIsDamagedIsNotShown(t *testing.T) {
	r := newRing(t)
	const id = "MILLAAAAAAAAAAAAAAAA"
	_, err := r.documents.PutDocument(t.Context(), store.Document{Kind: "access-key", Name: id, Value: []byte(`{"secret":17,"name":"thesecret"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = r.Lookup(t.Context(), id, ""); !errors.Is(err, millrace.ErrCorrupt) || strings.Contains(err.Error(), "thesecret") {
		t.Errorf("err = %v", err)
	}
}

// TestARingIsNotPrintedByAccident: nor what is in it.
func TestARingIsNotPrintedByAccident(t *testing.T) {
	r := newRing(t)
	made, secret := r.create(t, "porch", "*", "*")
	key, err := r.Lookup(t.Context(), made.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := json.Marshal(key)
	shown := fmt.Sprintf("%v %+v %#v %s", r.KeyRing, r.KeyRing, r.KeyRing, r.KeyRing) +
		fmt.Sprintf("%v %+v %#v %s", key, key, key, key) + fmt.Sprintf("%v %+v %#v", r.sessions, r.sessions, r.sessions) + string(kept)
	if strings.Contains(shown, secret) || strings.Contains(shown, r.root.Secret) || len(shown) > 1000 {
		t.Errorf("shown: %s", shown)
	}
}
