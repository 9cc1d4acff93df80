package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/millrace/millrace"
)

const (
	producerName = "producer"
	producerTemp = "producer.new"
)

// identify reads the identity of the directory, or makes it. It is written under
// another name, synced, renamed, and its name synced, before anybody learns of
// it: a crash leaves none or all of it. It stands there twice, each time with a
// checksum. Should both be damaged, there is a new one, under which a server does
// not know what it was sent under the old one.
func (s *Spool) identify() error {
	id, err := readProducer(s.fs)
	if errors.Is(err, ErrDamaged) {
		s.opening.Damaged++
		s.o.Report(Problem{Err: err, File: producerName})
	} else if err == nil || !errors.Is(err, fs.ErrNotExist) {
		s.producer = id
		return err
	}
	id = s.o.Producer
	if id == (millrace.ProducerID{}) {
		_, _ = rand.Read(id[:]) // it never fails
	}
	if err := s.writeProducer(id); err != nil {
		return wrap("write identity of spool", err)
	}
	s.producer = id
	return nil
}

func readProducer(from fileSystem) (millrace.ProducerID, error) {
	f, err := from.Open(producerName, false)
	if errors.Is(err, errForeign) {
		return millrace.ProducerID{}, fmt.Errorf("%w: %w", damaged("identity of spool"), err)
	}
	if err != nil {
		return millrace.ProducerID{}, err
	}
	defer func() { _ = f.Close() }()
	size := len(identityLine(millrace.ProducerID{}))
	b := make([]byte, 2*size)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return millrace.ProducerID{}, wrap("read identity of spool", err)
	}
	for _, line := range [...]string{string(b[:size]), string(b[size:])} {
		text, _, _ := strings.Cut(line, " ")
		if id, err := millrace.ParseProducerID(text); err == nil && identityLine(id) == line {
			return id, nil
		}
	}
	return millrace.ProducerID{}, damaged("identity of spool")
}

// identityLine is the identity and its checksum, in hexadecimal digits.
func identityLine(id millrace.ProducerID) string {
	return fmt.Sprintf("%v %08x\n", id, checksum(id[:]))
}

func (s *Spool) writeProducer(id millrace.ProducerID) error {
	if err := s.fs.Remove(producerTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := s.fs.Create(producerTemp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(identityLine(id)+identityLine(id)), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.fs.Rename(producerTemp, producerName); err != nil {
		return err
	}
	return s.fs.Sync()
}
