package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestDeletionIsConfirmed(t *testing.T) {
	var s streamDeleteMedia
	s.Name = "door"
	for flag, text := range map[*moment]string{&s.From: "2026-01-01T12:00:00Z", &s.To: "now"} {
		if err := flag.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := s.span(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]bool{"yes\n": true, "yes": true, " yes \r\n": true, "y\n": false, "no\n": false, "\n": false, "": false} {
		var said bytes.Buffer
		c := console{in: strings.NewReader(answer), err: &said, terminal: true}
		if err := s.confirm(&c, "stream delete-media", s.question(r)); (err == nil) != want || err != nil && !errors.Is(err, errNotConfirmed) {
			t.Errorf("%q: %v", answer, err)
		}
		if !strings.Contains(said.String(), "door") || !strings.Contains(said.String(), "server time") {
			t.Errorf("asked %q", said.String())
		}
		c.json = true
		if err := s.confirm(&c, "stream delete-media", s.question(r)); err == nil {
			t.Error("a program was asked")
		}
		s.Yes = true
		if err := s.confirm(&c, "stream delete-media", s.question(r)); err != nil {
			t.Errorf("with --yes: %v", err)
		}
		s.Yes = false
	}
}
