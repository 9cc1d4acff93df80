package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/auth"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/device"
	"github.com/millrace/millrace/internal/wire"
)

// TestASecretIsShownOnce: neither the list nor a change shows it again.
func TestASecretIsShownOnce(t *testing.T) {
	g := guard(t)
	var keys []credential
	for i := range 5 {
		keys = append(keys, g.key(fmt.Sprintf("key-%d", i), "PutMedia", "*"))
	}
	seen, token := map[string]bool{}, ""
	for page := 0; ; page++ {
		a := g.as(g.root(), "/millrace/v1/listKeys", map[string]any{"MaxResults": 2, "NextToken": token})
		var out struct {
			KeyList []struct {
				AccessKeyID string `json:"AccessKeyId"`
				Name        string
				Status      string
			}
			NextToken string
		}
		if err := json.Unmarshal(a.body, &out); err != nil || a.status != http.StatusOK || len(out.KeyList) > 2 {
			t.Fatalf("page %d: %d %s, %v", page, a.status, a.body, err)
		}
		for _, k := range out.KeyList {
			seen[k.AccessKeyID] = k.Status == "ENABLED"
		}
		g.wantNoSecret(a)
		if token = out.NextToken; token == "" {
			break
		}
	}
	for _, k := range keys {
		if !seen[k.AccessKeyID] {
			t.Errorf("%s is not listed as enabled", k.arn)
		}
		g.wantNoSecret(g.as(g.root(), "/millrace/v1/updateKey", map[string]any{"AccessKeyId": k.AccessKeyID, "Status": "DISABLED"}))
	}
	if len(seen) != len(keys) {
		t.Errorf("listed are %d", len(seen))
	}
}

func (g *guarded) wantNoSecret(a reply) {
	g.t.Helper()
	for _, s := range g.secrets {
		if strings.Contains(string(a.body), s) {
			g.t.Errorf("a secret is shown: %s", a.body)
		}
	}
}

// TestKeysAndSessionsOutliveTheProcess, and what was refused stays refused.
func TestKeysAndSessionsOutliveTheProcess(t *testing.T) {
	g := guard(t)
	g.create("door", 24)
	kept, gone := g.key("kept", "DescribeStream GetSessionToken", "*"), g.key("gone", "DescribeStream", "*")
	session := g.session(kept.Credentials, map[string]any{"DurationSeconds": 900})
	if status, _ := g.call("/millrace/v1/updateKey", map[string]any{"AccessKeyId": gone.AccessKeyID, "Status": "DISABLED"}); status != http.StatusOK {
		t.Fatal(status)
	}
	g.restart()
	in := map[string]any{"StreamName": "door"}
	for what, c := range map[string]wire.Credentials{"key": kept.Credentials, "session": session} {
		if a := g.as(c, "/describeStream", in); a.status != http.StatusOK {
			t.Errorf("%s: %+v", what, a)
		}
	}
	if a := g.as(gone.Credentials, "/describeStream", in); a.kind != unrecognized {
		t.Errorf("disabled: %+v", a)
	}
}

// TestPagesOfKeysHaveEachKeyOnce whatever their size.
func TestPagesOfKeysHaveEachKeyOnce(t *testing.T) {
	g := guard(t)
	var made []string
	for i := range 5 {
		made = append(made, g.key(fmt.Sprint("key-", i), "PutMedia", "*").AccessKeyID)
	}
	slices.Sort(made)
	for size := 1; size <= len(made)+1; size++ {
		var listed []string
		in := map[string]any{"MaxResults": size}
		for page := 0; page <= len(made); page++ {
			_, out := g.call("/millrace/v1/listKeys", in)
			for _, k := range out["KeyList"].([]any) {
				listed = append(listed, k.(map[string]any)["AccessKeyId"].(string))
			}
			if out["NextToken"] == nil {
				break
			}
			in["NextToken"] = out["NextToken"]
		}
		if !slices.Equal(listed, made) {
			t.Errorf("pages of %d: %v, want %v", size, listed, made)
		}
	}
}

// TestWhatHoldsSecretsIsForItsOwnerAlone: the control state and what lies beside.
func TestWhatHoldsSecretsIsForItsOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	g := guard(t)
	key := g.key("one", "*", "*")
	found := false
	err := filepath.WalkDir(g.cfg.Data, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && path != g.cfg.Data { // which the test has made
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), key.SecretAccessKey) {
			found = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Error("the secret is in no file: look for it where it is")
	}
}

func TestMembersOfKeyOperations(t *testing.T) {
	g := guard(t)
	type in = map[string]any
	good := in{"Name": "x", "Actions": []string{"PutMedia"}, "Streams": []string{"*"}}
	with := func(member string, value any) in {
		m := in{}
		for k, v := range good {
			m[k] = v
		}
		m[member] = value
		return m
	}
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint("s", i)
	}
	for _, tc := range []struct {
		path string
		in   in
		want string // of the message; empty: it is done
	}{
		{"createKey", good, ""},
		{"createKey", with("Actions", []string{"kinesisvideo:PutMedia", "kinesisvideo:Get*"}), ""},
		{"createKey", with("Role", "camera"), ""},
		{"createKey", in{"Name": "x", "Role": "admin"}, ""},
		{"createKey", with("ExpiresInSeconds", 60), ""},
		{"createKey", with("Name", ""), "at 'name'"},
		{"createKey", with("Name", "a/b"), "at 'name'"},
		{"createKey", with("Name", strings.Repeat("n", 65)), "at 'name'"},
		{"createKey", with("Role", "king"), "at 'role'"},
		{"createKey", with("Actions", []string{"PutMedai"}), "at 'actions'"},
		{"createKey", with("Actions", []string{"Put Media"}), "is not the name of an action"},
		{"createKey", with("Actions", many), "more than 64 actions or 64 streams"},
		{"createKey", with("Streams", []string{"a/b"}), "is not the name of a stream"},
		{"createKey", with("Streams", []string{""}), "is not the name of a stream"},
		{"createKey", with("Streams", many), "more than 64 actions or 64 streams"},
		{"createKey", with("Actions", []string{}), "Either Role or Actions"},
		{"createKey", with("ExpiresInSeconds", 0), "at 'expiresInSeconds'"},
		{"updateKey", in{"Status": "DISABLED"}, "at 'accessKeyId'"},
		{"updateKey", in{"AccessKeyId": "MILLAAAAAAAAAAAAAAAA", "Status": "OFF"}, "at 'status'"},
		{"updateKey", in{"AccessKeyId": "MILLAAAAAAAAAAAAAAAA", "Status": "DISABLED"}, "The requested key is not found."},
		{"updateKey", in{"AccessKeyId": keyID, "Status": "DISABLED"}, "The requested key is not found."},
		{"deleteKey", in{"AccessKeyId": keyID}, "The requested key is not found."},
		{"deleteKey", in{"AccessKeyId": "../x"}, "at 'accessKeyId'"},
		{"listKeys", in{"MaxResults": 0}, "at 'maxResults'"},
		{"listKeys", in{"NextToken": "AAAA"}, "NextToken"},
		{"getSessionToken", in{}, ""},
		{"getSessionToken", in{"DurationSeconds": 900}, ""},
		{"getSessionToken", in{"DurationSeconds": 43200}, ""},
		{"getSessionToken", in{"DurationSeconds": 899}, "between 900 and 43200"},
		{"getSessionToken", in{"DurationSeconds": 43201}, "between 900 and 43200"},
		{"getSessionToken", in{"Name": "a/b"}, "at 'name'"},
		{"getSessionToken", in{"Role": "camera", "Streams": []string{"porch"}}, ""},
		{"getSessionToken", in{"Streams": []string{strings.Repeat("a", 256), strings.Repeat("b", 256), strings.Repeat("c", 256), strings.Repeat("d", 256), strings.Repeat("e", 256), strings.Repeat("f", 256)}}, "too long for a session token"},
	} {
		a := g.as(g.root(), "/millrace/v1/"+tc.path, tc.in)
		if tc.want == "" && a.status != http.StatusOK || tc.want != "" && (a.status < 400 || a.status > 404 || !strings.Contains(a.message, tc.want)) {
			t.Errorf("%s %.200v: %d %q, want %q", tc.path, tc.in, a.status, a.message, tc.want)
		}
	}
}

// TestNoActionsAreNone: who names none gets none, and not what there was.
func TestNoActionsAreNone(t *testing.T) {
	g := guard(t)
	none := map[string]any{"Actions": []string{}}
	session := g.session(g.root(), none)
	key := g.key("clerk", "ListStreams", "*")
	none["AccessKeyId"] = key.AccessKeyID
	if a := g.as(g.root(), "/millrace/v1/updateKey", none); a.status != http.StatusOK {
		t.Fatalf("update: %+v", a)
	}
	for what, c := range map[string]wire.Credentials{"a session": session, "a key": key.Credentials} {
		if a := g.as(c, "/listStreams", map[string]any{}); a.kind != "AccessDeniedException" {
			t.Errorf("%s: %d %s", what, a.status, a.kind)
		}
	}
}

// TestTheHostOfThePublicAddressMayBeSigned although a proxy sends another one.
func TestTheHostOfThePublicAddressMayBeSigned(t *testing.T) {
	r := start(t, nil, func(c *config.Server) { c.PublicURL = "https://kvs.example.com" })
	g := &guarded{rig: r}
	for host, want := range map[string]int{
		"kvs.example.com": http.StatusOK, "kvs.example.com:443": http.StatusOK,
		"kvs.example.com:8443": http.StatusForbidden, "kvs.example.org": http.StatusForbidden,
	} {
		req := g.request("/listStreams", map[string]any{})
		req.Host = host
		g.sign(req, g.root(), g.now())
		req.Host = "10.0.0.7:8080"
		if a := g.do(req); a.status != want {
			t.Errorf("%s: %d %s", host, a.status, a.message)
		}
	}
}

// TestAPresignedCallOfASession: the token is in the query, and in no log.
func TestAPresignedCallOfASession(t *testing.T) {
	g := guard(t)
	g.create("door", 24)
	session := g.session(g.root(), map[string]any{"Actions": []string{"DescribeStream"}, "Streams": []string{"door"}})
	presigned := func(path string, c wire.Credentials) *http.Request {
		req := g.request(path, map[string]any{"StreamName": "door"})
		u, err := (wire.Signer{Credentials: c, Region: "us-west-2"}).Presign(req, g.payload(req), time.Minute, g.now())
		if err != nil {
			t.Fatal(err)
		}
		req.URL = u
		return req
	}
	if a := g.do(presigned("/describeStream", session)); a.status != http.StatusOK {
		t.Errorf("presigned: %+v", a)
	}
	if a := g.do(presigned("/listTagsForStream", session)); a.kind != "AccessDeniedException" {
		t.Errorf("beyond its scope: %+v", a)
	}
	other := presigned("/describeStream", session)
	other.URL.Path = "/listTagsForStream"
	if a := g.do(other); a.kind != invalid {
		t.Errorf("on another path: %+v", a)
	}
	bare := session
	bare.SessionToken = ""
	if a := g.do(presigned("/describeStream", bare)); a.kind != unrecognized {
		t.Errorf("without the token: %+v", a)
	}
}

// TestACamerasKeyIsADevices: both do what producer libraries call.
func TestACamerasKeyIsADevices(t *testing.T) {
	actions, ok := auth.RoleCamera.Actions()
	if want := device.Scope(nil).Actions; !ok || !slices.Equal(actions, want) {
		t.Errorf("the role has %v, a device %v", actions, want)
	}
}

// TestTheSecretOfTheRootKeyIsChangedByARestart: its id may stay, its sessions do not.
func TestTheSecretOfTheRootKeyIsChangedByARestart(t *testing.T) {
	g := guard(t)
	session := g.session(g.root(), nil)
	ofSession := g.session(session, map[string]any{"Actions": []string{"*"}})
	g.close()
	g.cfg.SecretAccessKey = "another-secret-of-the-same-key"
	g.open()
	next := g.root()
	next.SecretAccessKey = g.cfg.SecretAccessKey
	for what, tc := range map[string]struct {
		c    wire.Credentials
		kind string
	}{
		"the key": {next, ""}, "its old secret": {g.root(), invalid},
		"a session": {session, unrecognized}, "a session's session": {ofSession, unrecognized},
	} {
		if a := g.as(tc.c, "/listStreams", map[string]any{}); a.kind != tc.kind {
			t.Errorf("%s: %d %s", what, a.status, a.kind)
		}
	}
}

// TestTheRootKeyIsChangedByARestart: its sessions end with it, other keys stay.
func TestTheRootKeyIsChangedByARestart(t *testing.T) {
	g := guard(t)
	kept := g.key("kept", "ListStreams", "*")
	old, session := g.root(), g.session(g.root(), nil)
	g.close()
	g.cfg.AccessKeyID = "AKIAANOTHERKEY000000"
	g.open()
	next := g.root()
	next.AccessKeyID = g.cfg.AccessKeyID
	for what, tc := range map[string]struct {
		c    wire.Credentials
		kind string
	}{
		"the new root key": {next, ""}, "a key": {kept.Credentials, ""},
		"the old root key": {old, unrecognized}, "its session": {session, unrecognized},
	} {
		if a := g.as(tc.c, "/listStreams", map[string]any{}); a.kind != tc.kind {
			t.Errorf("%s: %d %s", what, a.status, a.kind)
		}
	}
}
