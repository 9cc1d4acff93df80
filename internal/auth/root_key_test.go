package auth_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/auth"
)

// env makes a getenv of names and values.
func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestTheFirstStartMakesARootKey(t *testing.T) {
	dir := t.TempDir()
	first, err := auth.LoadRootKey(dir, env())
	if err != nil {
		t.Fatal(err)
	}
	if !first.Created || len(first.ID) != 20 || len(first.Secret) != 40 || first.Path != filepath.Join(dir, "root-key.json") {
		t.Errorf("created %+v", first)
	}
	info, err := os.Stat(first.Path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := auth.LoadRootKey(dir, env())
	if err != nil || again.Created || again.RootKey != first.RootKey || again.Warning != "" {
		t.Errorf("loaded %+v, %v", again, err)
	}
	other, err := auth.LoadRootKey(t.TempDir(), env())
	if err != nil || other.ID == first.ID || other.Secret == first.Secret {
		t.Errorf("another directory has %+v, %v", other, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestTheEnvironmentComesFirst(t *testing.T) {
	dir := t.TempDir()
	key, err := auth.LoadRootKey(dir, env(auth.EnvAccessKeyID, "mine", auth.EnvSecretAccessKey, "its/secret+"))
	if err != nil || key.RootKey != (auth.RootKey{ID: "mine", Secret: "its/secret+"}) || key.Created || key.Path != "" {
		t.Errorf("%+v, %v", key, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("kept: %v", files)
	}
}

func TestAnEnvironmentThatIsWrong(t *testing.T) {
	for name, tc := range map[string]struct{ id, secret, want string }{
		"only the id":             {"mine", "", "MILLRACE_SECRET_ACCESS_KEY is not: set both or neither"},
		"only the secret":         {"", "secret", "MILLRACE_ACCESS_KEY_ID is not: set both or neither"},
		"an id with a slash":      {"a/b", "secret", "access key id"},
		"an id with a comma":      {"a,b", "secret", "access key id"},
		"a long id":               {strings.Repeat("a", 129), "secret", "access key id"},
		"a secret with a newline": {"mine", "secret\n", "secret access key"},
		"a long secret":           {"mine", strings.Repeat("a", 129), "secret access key"},
	} {
		_, err := auth.LoadRootKey(t.TempDir(), env(auth.EnvAccessKeyID, tc.id, auth.EnvSecretAccessKey, tc.secret))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: err = %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret\n") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestAFileThatIsWrong(t *testing.T) {
	for name, content := range map[string]string{
		"empty":             "",
		"no JSON":           "key",
		"cut off":           `{"accessKeyId":"a"`,
		"without a secret":  `{"accessKeyId":"a"}`,
		"without an id":     `{"secretAccessKey":"a"}`,
		"with another name": `{"accessKeyId":"a","secretAccessKey":"b","key":"c"}`,
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, auth.RootKeyFile)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.LoadRootKey(dir, env()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: err = %v", name, err)
		}
		if kept, err := os.ReadFile(path); string(kept) != content || err != nil {
			t.Errorf("%s: the file was changed to %q, %v", name, kept, err)
		}
	}
}

func TestAFileThatIsTooOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	dir := t.TempDir()
	key, err := auth.LoadRootKey(dir, env())
	if err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[fs.FileMode]struct{ warning, err bool }{
		0o600: {}, 0o400: {}, 0o640: {warning: true}, 0o644: {warning: true}, 0o660: {err: true}, 0o602: {err: true}, 0o666: {err: true},
	} {
		if err := os.Chmod(key.Path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := auth.LoadRootKey(dir, env())
		if (err != nil) != want.err || (got.Warning != "") != want.warning {
			t.Errorf("mode %04o: warning %q, err %v", mode, got.Warning, err)
		}
	}
}

func TestADirectoryThatIsNotThere(t *testing.T) {
	if _, err := auth.LoadRootKey(filepath.Join(t.TempDir(), "none"), env()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v", err)
	}
}

func TestAKeyIsNotPrintedByAccident(t *testing.T) {
	key := auth.RootKey{ID: "theid", Secret: "thesecret"}
	loaded := auth.LoadedRootKey{RootKey: key}
	for _, s := range []string{
		fmt.Sprint(key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", key), fmt.Sprintf("%v %+v", loaded, loaded),
		fmt.Sprintf("%+v %#v", auth.Key{Secret: "thesecret"}, auth.Key{Secret: "thesecret"}),
	} {
		if strings.Contains(s, "thesecret") {
			t.Errorf("printed: %s", s)
		}
	}
}

func TestRootKeys(t *testing.T) {
	k := auth.NewRootKeys(auth.RootKey{ID: "theid", Secret: "thesecret"}, "111122223333")
	key, err := k.Lookup(t.Context(), "theid", "")
	if err != nil || key.Secret != "thesecret" || !key.Principal.Root || key.Principal.ARN != "arn:aws:iam::111122223333:root" {
		t.Errorf("%+v, %v", key.Principal, err)
	}
	if _, err := k.Lookup(t.Context(), "theid2", ""); !errors.Is(err, millrace.ErrNotFound) {
		t.Errorf("err = %v", err)
	}
}
