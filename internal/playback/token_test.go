package playback_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/millrace/millrace"
	"github.com/millrace/millrace/internal/playback"
)

// A vault keeps what it is given first.
type vault map[string][]byte

func (v vault) Keep(_ context.Context, name string, fresh []byte) ([]byte, error) {
	if v[name] == nil {
		v[name] = fresh
	}
	return v[name], nil
}

func tokens(t testing.TB, v vault) *playback.Tokens {
	t.Helper()
	all, err := playback.NewTokens(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func token() playback.Token {
	return playback.Token{
		Kind: playback.KindHLS, Stream: millrace.StreamKey{ID: 3, Generation: 2}, Name: "door", Holder: playback.Holder{Key: "MILLKEY", Print: "p"},
		Created: epoch, Expires: epoch.Add(5 * time.Minute), Body: []byte("body"),
	}
}

func TestATokenSaysWhatWasSealed(t *testing.T) {
	v := vault{}
	text, err := tokens(t, v).Seal(token())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~") != "" {
		t.Errorf("%s needs escaping", text)
	}
	// The key outlives the process.
	got, err := tokens(t, v).Open(playback.KindHLS, text, epoch.Add(299*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(token(), got, cmpopts.IgnoreFields(playback.Token{}, "ID")); diff != "" {
		t.Errorf("-sealed +opened:\n%s", diff)
	}
	again, err := tokens(t, v).Seal(token())
	if err != nil || again == text {
		t.Errorf("two tokens are alike: %v", err)
	}
}

func TestATokenEndsAtItsTime(t *testing.T) {
	all := tokens(t, vault{})
	text, _ := all.Seal(token())
	got, err := all.Open(playback.KindHLS, text, epoch.Add(5*time.Minute))
	if !errors.Is(err, playback.ErrExpired) || got.Name != "door" {
		t.Errorf("at its end: %v, stream %q", err, got.Name)
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	all := tokens(t, vault{})
	text, _ := all.Seal(token())
	foreign, _ := tokens(t, vault{}).Seal(token())
	file := token()
	file.Kind = playback.KindFile
	other, _ := all.Seal(file)
	for name, text := range map[string]string{
		"nothing":                       "",
		"a character":                   "A",
		"one that was cut":              text[:len(text)-1],
		"its half":                      text[:len(text)/2],
		"one with something behind it":  text + "A",
		"one with a line's end":         text + "\n",
		"one on two lines":              text[:9] + "\r\n" + text[9:],
		"one with padding":              text + "=",
		"one of another server":         foreign,
		"one of another kind":           other,
		"another alphabet":              strings.NewReplacer("-", "+", "_", "/").Replace(text) + "+",
		"one that is much too long":     strings.Repeat("A", playback.MaxToken+1),
		"one of another format version": "Ag" + text[2:],
	} {
		if _, err := all.Open(playback.KindHLS, text, epoch); !errors.Is(err, playback.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryChangeOfATokenIsSeen(t *testing.T) {
	all := tokens(t, vault{})
	text, _ := all.Seal(token())
	rapid.Check(t, func(t *rapid.T) {
		b := []byte(text)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		c := rapid.SampledFrom([]byte("ABab01-_~\r\n")).Draw(t, "to")
		if b[i] == c {
			return
		}
		b[i] = c
		if _, err := all.Open(playback.KindHLS, string(b), epoch); !errors.Is(err, playback.ErrForged) {
			t.Fatalf("%s: %v", b, err)
		}
	})
}

func TestTokensHaveBounds(t *testing.T) {
	all := tokens(t, vault{})
	k := token()
	k.Name = millrace.StreamName(strings.Repeat("n", 256))
	k.Body = make([]byte, playback.MaxBody)
	text, err := all.Seal(k)
	if err != nil || len(text) > playback.MaxToken {
		t.Errorf("the largest token: %d characters, %v", len(text), err)
	}
	k.Body = make([]byte, playback.MaxBody+1)
	if _, err := all.Seal(k); !errors.Is(err, millrace.ErrInvalid) {
		t.Errorf("one that is larger: %v", err)
	}
}

func TestTheKeyIsNotShown(t *testing.T) {
	v := vault{}
	all := tokens(t, v)
	shown := fmt.Sprintf("%v %+v %#v %v", all, all, all, struct{ T *playback.Tokens }{all})
	for _, key := range v {
		if strings.Contains(shown, fmt.Sprint(key)[1:20]) {
			t.Error("the key is shown")
		}
	}
}
