package certs

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"time"
)

// FromFiles is a Source of a chain and its key in two PEM files. They are read
// again when they have changed; a pair that cannot be used changes nothing until
// one can that follows it. An error is that of reading them now.
func FromFiles(cert, key string, o Options) (*Source, error) {
	f := &pair{cert: cert, key: key}
	return newSource(o, f.look)
}

// A pair is a chain and a key in files.
type pair struct {
	cert, key string
	seen      [2]fileState // of what was read last
	tried     bool
	bad       bool // and could not be used
}

// fileState is by what a change of a file is noticed.
type fileState struct {
	size     int64
	modified time.Time
	info     os.FileInfo
}

// look reads the files if they have changed. What was bad is read again each
// time: it may have been read while it was written.
func (p *pair) look(_ *tls.Certificate, force bool) (*tls.Certificate, error) {
	states, err := p.states() // before they are read, so that no change is missed
	if err != nil {
		p.bad = true
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	if p.tried && !p.bad && !force && states[0].same(p.seen[0]) && states[1].same(p.seen[1]) {
		return nil, nil
	}
	p.tried, p.bad, p.seen = true, true, states
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	p.bad = false
	return &c, nil
}

func (p *pair) states() (states [2]fileState, err error) {
	for i, name := range []string{p.cert, p.key} {
		info, statErr := os.Stat(name)
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		states[i] = fileState{info.Size(), info.ModTime(), info}
	}
	return states, err
}

func (s fileState) same(other fileState) bool {
	return s.size == other.size && s.modified.Equal(other.modified) && os.SameFile(s.info, other.info)
}
