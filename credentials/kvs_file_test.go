package credentials_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/credentials"
)

func TestAFileOfKVSSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
		const shape, when = "does not hold the word CREDENTIALS", "the expiration is no time"
		for name, tc := range map[string]struct {
			text string
			want millrace.Credentials
			ends time.Duration // 0: never
			kind error
			says string
		}{
			"keys that do not end":           {text: "CREDENTIALS " + keyID + " " + hidden, want: secrets("")},
			"a line end":                     {text: "CREDENTIALS " + keyID + " " + hidden + "\n", want: secrets("")},
			"keys that end":                  {text: "CREDENTIALS " + keyID + " " + in(time.Minute) + " " + hidden, want: secrets(""), ends: time.Minute},
			"a session":                      {text: "CREDENTIALS " + keyID + " " + in(time.Minute) + " " + hidden + " " + token, want: secrets(token), ends: time.Minute},
			"a word a line, as on Windows":   {text: "CREDENTIALS\r\n\t" + keyID + "\r\n  " + in(time.Hour/2) + "\r\n" + hidden + "\r\n" + token + "\r\n\r\n", want: secrets(token), ends: time.Hour / 2},
			"another zone of time":           {text: "CREDENTIALS " + keyID + " " + time.Now().Add(time.Minute).In(time.FixedZone("", 5*3600)).Format(time.RFC3339) + " " + hidden, want: secrets(""), ends: time.Minute},
			"an end that is far":             {text: "CREDENTIALS " + keyID + " " + in(12*time.Hour) + " " + hidden, want: secrets(""), ends: 40 * time.Minute},
			"an end just now":                {text: "CREDENTIALS " + keyID + " " + in(0) + " " + hidden + " " + token, kind: credentials.ErrExpired, says: in(0)},
			"an end an hour ago":             {text: "CREDENTIALS " + keyID + " " + in(-time.Hour) + " " + hidden + " " + token, kind: credentials.ErrExpired, says: in(-time.Hour)},
			"nothing":                        {text: "", kind: millrace.ErrInvalid, says: shape},
			"two words":                      {text: "CREDENTIALS " + hidden, kind: millrace.ErrInvalid, says: shape},
			"six words":                      {text: "CREDENTIALS " + keyID + " " + in(time.Hour) + " " + hidden + " " + token + " x", kind: millrace.ErrInvalid, says: shape},
			"another first word":             {text: hidden + " " + keyID + " " + hidden, kind: millrace.ErrInvalid, says: shape},
			"the first word in small":        {text: "credentials " + keyID + " " + hidden, kind: millrace.ErrInvalid, says: shape},
			"a secret where the end belongs": {text: "CREDENTIALS " + keyID + " " + hidden + " " + token, kind: millrace.ErrInvalid, says: when},
			"a file that is too large":       {text: "CREDENTIALS " + keyID + " " + hidden + strings.Repeat(" ", 16<<10), kind: millrace.ErrInvalid, says: shape},
		} {
			path := fileOf(t, tc.text)
			got, err := credentials.KVSFile{Path: path}.Source()(t.Context())
			if tc.kind != nil {
				refused(t, err, tc.kind, path, tc.says)
				continue
			}
			ends := got.Expires
			if err != nil || !got.SameKey(tc.want) || ends.IsZero() != (tc.ends == 0) || tc.ends > 0 && !ends.Equal(time.Now().Add(tc.ends)) {
				t.Errorf("%s: %v until %v, %v", name, got, ends, err)
			}
		}
	})
}

func TestAFileOfKVSSinkIsReadAgainAtEachCall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kvs")
	source := credentials.KVSFile{Path: path}.Source()
	_, err := source(t.Context())
	refused(t, err, fs.ErrNotExist, path)
	for i := range 3 {
		id := fmt.Sprintf("%s%d", keyID, i)
		write(t, path, "CREDENTIALS "+id+" "+hidden)
		if got, err := source(t.Context()); err != nil || got.AccessKeyID != id {
			t.Errorf("file %d: %v, %v", i, got, err)
		}
	}
	write(t, path, hidden)
	_, err = source(t.Context())
	refused(t, err, millrace.ErrInvalid, path)
}
