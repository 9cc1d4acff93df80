package auth

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

// like is matches by other means.
func like(t *testing.T, pattern string) *regexp.Regexp {
	t.Helper()
	expr := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
	return regexp.MustCompile(`(?s)^(?:` + expr + `)$`)
}

// words are all strings over the letters up to a length.
func words(letters string, longest int) []string {
	all, last := []string{""}, []string{""}
	for range longest {
		var next []string
		for _, w := range last {
			for _, c := range letters {
				next = append(next, w+string(c))
			}
		}
		all, last = append(all, next...), next
	}
	return all
}

func TestPatternsMatchAsRegularExpressionsDo(t *testing.T) {
	names := words("ab", 5)
	for _, pattern := range words("a*?b", 4) {
		expr := like(t, pattern)
		for _, name := range names {
			if matches(pattern, name) != expr.MatchString(name) {
				t.Fatalf("%q and %q: %v", pattern, name, matches(pattern, name))
			}
		}
	}
}

// TestAPatternThatCoversAnotherDoes: whatever the narrower one matches, the
// other one matches.
func TestAPatternThatCoversAnotherDoes(t *testing.T) {
	names, patterns := words("ab", 6), words("a*?b", 3)
	said := 0
	for _, wide := range patterns {
		w := like(t, wide)
		for _, narrow := range patterns {
			if !covers(wide, narrow) {
				continue
			}
			said++
			n := like(t, narrow)
			for _, name := range names {
				if n.MatchString(name) && !w.MatchString(name) {
					t.Fatalf("%q is said to cover %q, but not on %q", wide, narrow, name)
				}
			}
		}
	}
	if said < 1000 {
		t.Errorf("only %d were said to cover", said)
	}
	for _, p := range patterns {
		if !covers(p, p) || !covers("*", p) {
			t.Errorf("%q is not covered by itself, or not by *", p)
		}
	}
}

func TestPatternsThatWouldTakeForever(t *testing.T) {
	began := time.Now()
	pattern, name := strings.Repeat("*a", 128), strings.Repeat("a", 255)+"b"
	for range 100 {
		if matches(pattern, name) {
			t.Fatal("matches")
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestWhatMayBeGrantedIsHeld: of random scopes, who may grant one has all that
// it allows.
func TestWhatMayBeGrantedIsHeld(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	actions := []Action{"*", "Get*", "GetMedia", "List*", "ListKeys", "?etMedia", "PutMedia", "Create*", "CreateKey", "*Key", "*Keys", "Read*", "**"}
	streams := []string{"*", "a*", "a", "a?", "*b", "ab", "??", "**"}
	some := func() (s Scope) {
		for range 1 + random.IntN(3) {
			s.Actions = append(s.Actions, actions[random.IntN(len(actions))])
			s.Streams = append(s.Streams, streams[random.IntN(len(streams))])
		}
		return s
	}
	granted := 0
	for range 20_000 {
		p, s := Principal{Scopes: []Scope{some(), some()}[:1+random.IntN(2)]}, some()
		if !p.MayGrant(s) {
			continue
		}
		granted++
		who := Principal{Scopes: []Scope{s}}
		for _, action := range []Action{"GetMedia", "PutMedia", "ListKeys", "ListStreams", CreateKey, "CreateStream", UpdateKey, ReadMetrics, GetSessionToken} {
			for _, resource := range []string{"*", "a", "b", "ab", "abb", "arn:aws:kinesisvideo:r:1:channel/a/1"} {
				if who.allows(action, resource) && !p.allows(action, resource) {
					t.Fatalf("%+v may grant %+v, but has no %s on %s", p.Scopes, s, action, resource)
				}
			}
		}
	}
	if granted < 500 {
		t.Errorf("only %d were granted", granted)
	}
}
