package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/millrace/millrace/producer"
)

// A source is what is pushed: a clip in memory, a stream that is read once, or
// nothing.
type source struct {
	clip  *producer.Clip
	input io.Reader
	close func()
}

func (s *source) send(ctx context.Context, u *producer.Stream, o producer.PlayOptions) error {
	switch {
	case s.clip != nil:
		return s.clip.Play(ctx, u, o)
	case s.input != nil:
		return producer.CopyMKV(ctx, u, s.input, o)
	}
	return nil
}

// maxClip is how large a file is kept in memory, in bytes.
const maxClip = 1 << 30

// openSource opens what is to be pushed. Files are read into memory, where all
// copies share them; input that cannot be is read once.
func (p pushCommand) openSource(c *console) (*source, error) {
	again := p.Loop || p.Copies > 1
	if p.Source == "" {
		return &source{close: func() {}}, nil
	}
	if p.Source == "-" {
		if again {
			return nil, usagef("push", "standard input can be read once: --loop and --copies need a file")
		}
		return &source{input: c.in, close: func() {}}, nil
	}
	file, err := os.Open(p.Source)
	if err != nil {
		return nil, &usageError{fmt.Errorf("open source: %w", err), "millrace push --help"}
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() <= maxClip {
		defer file.Close()
		return readClip(file, p.Source)
	}
	if again {
		_ = file.Close() // only read from
		return nil, usagef("push", "--loop and --copies need a file of at most %s", byteText(maxClip))
	}
	return &source{input: file, close: func() { _ = file.Close() }}, nil
}

func readClip(file io.Reader, path string) (*source, error) {
	b, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read source: %w", err)
	}
	clip, err := producer.ReadClip(b)
	if err != nil {
		return nil, fmt.Errorf("%s is no Matroska file that can be pushed (try: ffmpeg -i %s -c copy out.mkv): %w", path, path, err)
	}
	return &source{clip: clip, close: func() {}}, nil
}
