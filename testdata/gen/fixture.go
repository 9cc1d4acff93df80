package main

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
)

// fixture is one recorded call that nobody made.
type fixture struct {
	name string
	head head
	make func(*body)
}

// files returns the content of the fixture's files by suffix.
func (f fixture) files() (map[string][]byte, error) {
	seed := fnv.New64a()
	seed.Write([]byte(f.name))
	b := newBody(seed.Sum64())
	f.make(b)
	b.sum.Bytes = len(b.bytes)
	b.sum.DurationMS = b.duration()
	var summary bytes.Buffer
	enc := json.NewEncoder(&summary)
	enc.SetIndent("", " ")
	if err := enc.Encode(b.sum); err != nil {
		return nil, err
	}
	return map[string][]byte{
		".body.mkv":    b.bytes,
		".expect.json": summary.Bytes(),
		".head.txt":    f.head.text("fixture-" + f.name),
	}, nil
}

// duration returns how long a call in real time would take, in milliseconds.
func (b *body) duration() float64 {
	n := len(b.sum.Fragments)
	if n == 0 {
		return 0
	}
	first, last := b.sum.Fragments[0], b.sum.Fragments[n-1]
	return float64(last.Timecode-first.Timecode) + float64(last.MaxRel)
}
